"""`alonzo queue`: the events that wait for functions, and those that failed."""

from typing import Any
from urllib.parse import quote

import click

from alonzo.cli.client import connect_own, endpoint_option, region_option

_PATH = "/_alonzo/queues"
_COLUMNS = (
    ("function_name", "FUNCTION"),
    ("depth", "DEPTH"),
    ("in_flight", "RUNNING"),
    ("delayed", "DELAYED"),
    ("oldest_age_seconds", "OLDEST"),
    ("delivered", "DELIVERED"),
    ("retried", "RETRIED"),
    ("failed", "FAILED"),
    ("kept", "KEPT"),
)
_EXPLANATIONS = (
    ("depth", "events that are not done"),
    ("in_flight", "of them being tried, or waiting for concurrency"),
    ("delayed", "of them waiting for their next try"),
    ("oldest_age_seconds", "seconds since the oldest was accepted"),
    ("kept", "failed events that `alonzo queue redrive` runs again"),
    ("accepted", "accepted since the server was started"),
    ("delivered", "of them ended well"),
    ("retried", "times that an event was set back"),
    ("throttled", "times that there was no concurrency for one"),
    ("failed", "ended with an error"),
    ("undeliverable", "outcomes that no destination took"),
    ("dropped", "dropped, because their function was deleted"),
)


@click.group(short_help="Look after the queues of asynchronous invocations.")
def queue() -> None:
    """The events that were accepted for functions (asynchronous invocation) and are not done yet, or failed.

    \b
    Examples:
      alonzo queue list
      alonzo queue show hello
      alonzo queue redrive hello      run the failed events that were kept once more
      alonzo queue purge hello        forget all events of a function
    """


@queue.command("list", short_help="List the functions that have events, or had some since the start.")
@endpoint_option
@region_option
def list_queues(*, endpoint_url: str, region: str | None) -> None:
    """One line a function: how many events wait and run, how old the oldest is, what became of the others."""
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        queues = ask("GET", _PATH)["queues"]
    rows = [[heading for _, heading in _COLUMNS], *([_cell(status[name]) for name, _ in _COLUMNS] for status in queues)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        name, *figures = row
        click.echo("  ".join([name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(figures, widths[1:], strict=True))]))


@queue.command(short_help="Print all figures of one function's queue.")
@click.argument("name")
@endpoint_option
@region_option
def show(*, name: str, endpoint_url: str, region: str | None) -> None:
    """Print all figures of the queue of the function NAME."""
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        status = ask("GET", _path_of(name))
    for member, explanation in _EXPLANATIONS:
        click.echo(f"{_cell(status[member]):>10}  {explanation}")


@queue.command(short_help="Run the failed events of a function again that were kept.")
@click.argument("name")
@endpoint_option
@region_option
def redrive(*, name: str, endpoint_url: str, region: str | None) -> None:
    """Have the kept events of the function NAME tried again, as if they had just been accepted.

    Kept are events that failed for good and for which no failure destination or dead-letter queue is configured, or none that took them:
    for 14 days, and the newest of all functions up to 256 MiB.
    """
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        click.echo(f"{ask('POST', _path_of(name) + '/redrive')['redriven']} events are tried again")


@queue.command(short_help="Forget all events of a function.")
@click.argument("name")
@endpoint_option
@region_option
def purge(*, name: str, endpoint_url: str, region: str | None) -> None:
    """Forget all events of the function NAME: those that wait, and the failed ones that were kept. What runs at the moment runs on."""
    with connect_own(endpoint_url=endpoint_url, region=region) as ask:
        click.echo(f"{ask('DELETE', _path_of(name))['purged']} events are forgotten")


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def _path_of(name: str) -> str:
    return f"{_PATH}/{quote(name, safe='')}"
