"""`alonzo trace`: lists the latest traces, or draws one as a tree with bars."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from alonzo.cli.client import connect, endpoint_option, region_option

_LISTED_MAX = 20
_HOURS_MAX = 6
_BAR_CELLS = 40
_NAME_CELLS_MAX = 46
_COLOURS = {"fault": "red", "error": "yellow", "throttle": "magenta"}
_TRACE_ID = re.compile(r"(?:.*Root=)?(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;.*)?", re.IGNORECASE)


@click.command(short_help="Draw a trace, or list the latest.")
@click.argument("trace_id", metavar="[ID]", required=False)
@click.option("--filter", "expression", metavar="EXPRESSION", help="List only traces that X-Ray's filter expression takes: fault = true.")
@endpoint_option
@region_option
def trace(*, trace_id: str | None, expression: str | None, endpoint_url: str, region: str | None) -> None:
    """Draw the trace ID as a tree: what was done, when it began and how long it took. Without ID list the latest traces, the newest first.

    ID may be a whole tracing header, as the answer to an invocation has it. Functions are traced with active tracing.

    \b
    Examples:
      alonzo trace
      alonzo trace --filter 'service("hello") AND responsetime > 1'
      alonzo trace 1-6750ae7a-5a1b6f8e2c3d4e5f60718293
    """
    with connect(endpoint_url=endpoint_url, region=region) as create_client:
        client = create_client("xray")
        if trace_id is None:
            _print_list(client, expression)
        else:
            _print_trace(client, trace_id)


def _print_list(client: Any, expression: str | None) -> None:
    now = time.time()
    options = {} if expression is None else {"FilterExpression": expression}
    answer = client.get_trace_summaries(StartTime=now - _HOURS_MAX * 3_600, EndTime=now + 1, **options)
    for summary in answer["TraceSummaries"][:_LISTED_MAX]:
        began = summary["StartTime"].astimezone().strftime("%H:%M:%S")
        state = next((word for word in ("fault", "error", "throttle") if summary.get(f"Has{word.capitalize()}")), "ok")
        name = summary.get("EntryPoint", {}).get("Name", "-")
        click.echo(f"{summary['Id']}  {began}  {_seconds(summary['Duration']):>9}  {_coloured(f'{state:<8}', state)}  {name}")


def _print_trace(client: Any, trace_id: str) -> None:
    match = _TRACE_ID.fullmatch(trace_id)
    if match is None:
        raise click.ClickException(f"{trace_id!r} is not the id of a trace: 1-, 8 hexadecimal digits, -, 24 of them")
    traces = client.batch_get_traces(TraceIds=[match[1].lower()])["Traces"]
    if not traces:
        raise click.ClickException(f"there is no trace {match[1]}: it was not sampled, or it is too long ago")
    for line in draw(match[1], [json.loads(segment["Document"]) for segment in traces[0]["Segments"]]):
        click.echo(line)


def draw(trace_id: str, segments: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of a picture: a bar for each segment and subsegment below the one that it belongs to, on one axis of time."""
    parts = [part for segment in segments for part in _iter_parts(segment)]
    start = min(part["start_time"] for part in parts)
    end = max(part.get("end_time", part["start_time"]) for part in parts)
    began = datetime.fromtimestamp(start).astimezone().isoformat(timespec="milliseconds")
    yield f"{trace_id}  {began}  {_seconds(end - start)}"
    rows = list(_iter_rows(segments))
    width = min(_NAME_CELLS_MAX, max(len(label) for label, _ in rows))
    for label, part in rows:
        state = next((word for word in _COLOURS if part.get(word)), "ok")
        seconds = part.get("end_time", end) - part["start_time"]
        ongoing = " ..." if part.get("in_progress") else ""
        shown = label if len(label) <= width else label[: width - 1] + "…"
        line = f"{shown:<{width}} {_bar(part, start, end)} {_seconds(seconds):>9}{ongoing}{_remarks(part)}"
        yield _coloured(line, state)


def _iter_rows(segments: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What to print, each with how far in, from the top."""
    children: dict[str | None, list[dict[str, Any]]] = {}
    ids = {part["id"] for segment in segments for part in _iter_parts(segment)}
    for segment in segments:
        parent_id = segment.get("parent_id")
        children.setdefault(parent_id if parent_id in ids else None, []).append(segment)
    seen: set[str] = set()
    waiting = [(segment, "") for segment in reversed(children.get(None) or segments[:1])]
    while waiting:
        part, indent = waiting.pop()
        if part["id"] in seen:
            continue
        seen.add(part["id"])
        origin = f" ({part['origin']})" if part.get("origin") else ""
        yield f"{indent}{_printable(part['name'])}{_printable(origin)}", part
        below = [*part.get("subsegments", ()), *children.get(part["id"], ())]
        below.sort(key=lambda each: each["start_time"], reverse=True)
        waiting += [(each, indent + "  ") for each in below]


def _iter_parts(segment: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [segment]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.get("subsegments", ())


def _bar(part: dict[str, Any], start: float, end: float) -> str:
    scale = _BAR_CELLS / (end - start) if end > start else 0.0
    first: int = min(_BAR_CELLS - 1, int((part["start_time"] - start) * scale))
    length: int = max(1, round((part.get("end_time", end) - part["start_time"]) * scale))
    length = min(length, _BAR_CELLS - first)
    return "│" + " " * first + "█" * length + " " * (_BAR_CELLS - first - length) + "│"


def _remarks(part: dict[str, Any]) -> str:
    """What went wrong, and what the program has noted."""
    remarks = []
    cause = part.get("cause")
    if isinstance(cause, dict):
        remarks += [f"{each.get('type') or 'Error'}: {each.get('message') or ''}" for each in cause.get("exceptions", ())[:1]]
    response = (part.get("http") or {}).get("response")
    if isinstance(response, dict) and "status" in response:
        remarks.append(str(response["status"]))
    remarks += [f"{key}={value}" for key, value in (part.get("annotations") or {}).items()]
    return "  " + _printable("  ".join(remarks)) if remarks else ""


def _printable(text: str) -> str:
    """Functions name their segments as they like: nothing of that may move the cursor."""
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _coloured(text: str, state: str) -> str:
    return str(click.style(text, fg=_COLOURS[state])) if state in _COLOURS else text


def _seconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms" if seconds < 1 else f"{seconds:.3f} s"
