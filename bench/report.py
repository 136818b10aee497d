"""The table, and the same as JSON."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from alonzo import __version__
from bench.curves import Curve
from bench.figures import Figure

_VERDICTS = {True: "kept", False: "MISSED", None: ""}
_HEADINGS = ("row", "figure", "raw limit", "ratio", "promise", "", "the raw limit is")
_QUIET_LOAD = 0.5
_BUSY = "\nsomething else has been running here: if it still does, the figures are worse than they could be"
_RIGHT_ALIGNED = frozenset({1, 2, 3})


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when the figures were measured. `load_average`: of the minute before, when more ran here than the bench shall."""

    measured_at: str
    version: str
    processor_count: int
    kernel: str
    python: str
    load_average: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run; what `--json` writes."""

    machine: Machine
    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...] = ()


def describe_machine() -> Machine:
    """This one, now."""
    return Machine(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        processor_count=os.cpu_count() or 1,
        kernel=platform.release(),
        python=platform.python_version(),
        load_average=os.getloadavg()[0],
    )


def render_machine(machine: Machine) -> str:
    """A line, and a warning when the machine was not quiet."""
    return (
        f"Alonzo {machine.version}, {machine.measured_at}: {machine.processor_count} processors, Linux {machine.kernel}, "
        f"Python {machine.python}, load average {machine.load_average:.2f}{_BUSY if machine.load_average > _QUIET_LOAD else ''}"
    )


def render_table(figures: Sequence[Figure]) -> str:
    """The figures as a table, their notes below it."""
    rows = [_HEADINGS, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(_align(cell, width, column) for column, (cell, width) in enumerate(zip(row, widths, strict=True))) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{figure.row}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(line.rstrip() for line in [*lines, "", *notes])


def write_json(report: Report, file: Path) -> None:
    """Write the report where a program can read it."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _cells(figure: Figure) -> tuple[str, ...]:
    failures = f", {figure.failure_count} failed" if figure.failure_count else ""
    return (
        figure.row,
        _quantity(figure.value, figure.unit),
        _quantity(figure.limit.value, figure.unit),
        f"{figure.ratio:.2f}x",
        _promise(figure),
        f"{_VERDICTS[figure.is_kept]}{failures}",
        figure.limit.name,
    )


def _promise(figure: Figure) -> str:
    promise = figure.promise
    if promise is None:
        return ""
    if promise.below is not None:
        return f"< {promise.below:g} {figure.unit}"
    return f">= {promise.at_least:,g} {figure.unit}"


def _quantity(value: float, unit: str) -> str:
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{decimals}f} {unit}"


def _align(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in _RIGHT_ALIGNED else cell.ljust(width)
