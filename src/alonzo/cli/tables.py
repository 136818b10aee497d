"""Tables as commands print them."""

from collections.abc import Collection, Sequence

import click


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: Collection[int]) -> None:
    """Columns two spaces apart; those of the numbers in `left` begin at the left, the others are figures and end at the right."""
    widths = [max(len(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
    for row in (headings, *rows):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
