"""START, END and REPORT: what the platform says of an invocation, kept as what was measured.

There are three such lines for every invocation, and few of them are ever read: they are worded when somebody does. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (text), .../telemetry-schema-reference.html (JSON records).
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from alonzo.model.log_event import LogEvent

_MIB = 1_048_576


class InvocationReport(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is measured of one invocation. Durations in milliseconds; memory None where the host does not count it."""

    request_id: str
    duration_ms: float
    memory_size_mib: int
    max_memory_bytes: int | None
    init_duration_ms: float | None
    restore_duration_ms: float | None = None
    """With the time for making the environment, which is not billed."""
    billed_restore_ms: float = 0.0
    status: str = "success"
    error_type: str | None = None

    @property
    def billed_ms(self) -> int:
        """AWS bills INIT too (since August 2025), and what restoring ran of the function; it rounds up to the next millisecond."""
        return math.ceil(self.duration_ms + (self.init_duration_ms or self.billed_restore_ms))

    @property
    def is_error(self) -> bool:
        """Whether it counts as one: the function has answered with an error, or has not answered."""
        return self.error_type is not None or self.status != "success"

    @property
    def max_memory_mib(self) -> int | None:
        """See `used_mib`."""
        return None if self.max_memory_bytes is None else used_mib(self.max_memory_bytes, self.memory_size_mib)


def used_mib(used_bytes: int, limit_mib: int) -> int:
    """Rounded up, never above the limit: page cache at the limit may be counted a little beyond it."""
    return min(-(-used_bytes // _MIB), limit_mib)


class StartLine(msgspec.Struct, tag=1, array_like=True, gc=False):
    """START, or `platform.start`: the runtime is given an invocation. With a `report`: END and REPORT, too, right behind it."""

    unix_ms: int
    request_id: str
    version: str
    is_json: bool = False
    ended_unix_ms: int = 0
    report: InvocationReport | None = None

    @property
    def line_count(self) -> int:
        return 1 if self.report is None else 2 if self.is_json else 3

    def events(self) -> list[LogEvent]:
        """As it is read."""
        if self.is_json:
            message = json_line(self.unix_ms, "platform.start", self.record())
        else:
            message = f"START RequestId: {self.request_id} Version: {self.version}\n"
        start = LogEvent(self.unix_ms, message)
        if self.report is None:
            return [start]
        return [start, *EndLines(self.ended_unix_ms, self.report, self.is_json).events()]

    def record(self) -> dict[str, Any]:
        return {"requestId": self.request_id, "version": self.version}


class EndLines(msgspec.Struct, tag=2, array_like=True, gc=False):
    """END and REPORT, or `platform.report`, which ends an invocation in JSON."""

    unix_ms: int
    report: InvocationReport
    is_json: bool = False

    @property
    def line_count(self) -> int:
        return 1 if self.is_json else 2

    def events(self) -> list[LogEvent]:
        """As they are read."""
        if self.is_json:
            return [LogEvent(self.unix_ms, json_line(self.unix_ms, "platform.report", report_record(self.report)))]
        return [
            LogEvent(self.unix_ms, f"END RequestId: {self.report.request_id}\n"),
            LogEvent(self.unix_ms, _report_text(self.report)),
        ]


LogEntry = LogEvent | StartLine | EndLines
"""What stands in a log: an event, or what is made into some when it is read."""


def events_of(entries: Sequence[LogEntry]) -> Sequence[LogEvent]:
    """The events that entries stand for, in their order."""
    events: list[LogEvent] = []
    for entry in entries:
        if isinstance(entry, LogEvent):
            events.append(entry)
        else:
            events += entry.events()
    return events


def report_record(report: InvocationReport) -> dict[str, Any]:
    """An invocation's report as the fields of `platform.report`."""
    metrics: dict[str, Any] = {
        "durationMs": round(report.duration_ms, 3),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": report.memory_size_mib,
    }
    if report.max_memory_mib is not None:
        metrics["maxMemoryUsedMB"] = report.max_memory_mib
    if report.init_duration_ms is not None:
        metrics["initDurationMs"] = round(report.init_duration_ms, 3)
    if report.restore_duration_ms is not None:
        metrics["restoreDurationMs"] = round(report.restore_duration_ms, 3)
        metrics["billedRestoreDurationMs"] = math.ceil(report.billed_restore_ms)
    record: dict[str, Any] = {"requestId": report.request_id, "metrics": metrics, "status": report.status}
    if report.error_type is not None:
        record["errorType"] = report.error_type
    return record


def json_line(unix_ms: int, kind: str, record: dict[str, Any]) -> str:
    """A record as a line of a log in JSON."""
    return json.dumps({"time": timestamp(unix_ms), "type": kind, "record": record}, separators=(",", ":")) + "\n"


def timestamp(unix_ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds, as all of Lambda's records have it."""
    return datetime.fromtimestamp(unix_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1_000:03d}Z"


def _report_text(report: InvocationReport) -> str:
    line = (
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
        f"Billed Duration: {report.billed_ms} ms\tMemory Size: {report.memory_size_mib} MB\t"
    )
    max_memory_mib = report.max_memory_mib
    if max_memory_mib is not None:
        line += f"Max Memory Used: {max_memory_mib} MB\t"
    if report.init_duration_ms is not None:
        line += f"Init Duration: {report.init_duration_ms:.2f} ms\t"
    if report.restore_duration_ms is not None:
        line += f"Restore Duration: {report.restore_duration_ms:.2f} ms\t"
        line += f"Billed Restore Duration: {math.ceil(report.billed_restore_ms)} ms\t"
    if report.status != "success":
        line += f"Status: {report.status}\t"
    if report.error_type is not None:
        line += f"Error Type: {report.error_type}\t"
    return line + "\n"
