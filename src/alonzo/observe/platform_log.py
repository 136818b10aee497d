"""The platform's own log lines about an environment and its invocations, as text or JSON.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (text), .../telemetry-schema-reference.html (JSON records).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from alonzo.model.invocation import InitializationType

_MIB = 1_048_576


class InvocationReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    def max_memory_mib(self) -> int | None:
        """Rounded up, never above the limit: page cache at the limit may be counted a little beyond it."""
        if self.max_memory_bytes is None:
            return None
        used_mib = -(-self.max_memory_bytes // _MIB)
        return self.memory_size_mib if used_mib > self.memory_size_mib else used_mib


@dataclass(frozen=True, slots=True, kw_only=True)
class InitReport:
    """An INIT that failed or was made for a snapshot: which phase it was part of, and how it ended."""

    duration_ms: float
    phase: str
    status: str = "success"
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """How a snapshot was restored."""

    duration_ms: float
    status: str = "success"
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionStatus:
    """What became of an extension in INIT."""

    name: str
    state: str
    events: tuple[str, ...]
    error_type: str | None

    def record(self) -> dict[str, Any]:
        """As the fields of `platform.extension`."""
        record: dict[str, Any] = {"name": self.name, "state": self.state, "events": list(self.events)}
        return record if self.error_type is None else record | {"errorType": self.error_type}


class PlatformLog(Protocol):
    """How the platform words its lines. Each method gives one message, or None where the format or level has none."""

    def notice(self, unix_ms: int, message: str) -> str | None:
        """What is otherwise here than on AWS, for the reader of this log."""
        ...

    def init_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str | None:
        """`runtime_version` is empty where there is no runtime of Lambda's: in container images."""
        ...

    def init_report(self, unix_ms: int, report: InitReport) -> str | None: ...

    def restore_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str | None: ...

    def restore_report(self, unix_ms: int, report: RestoreReport) -> str | None: ...
    def extension(self, unix_ms: int, status: ExtensionStatus) -> str | None: ...

    def subscription(self, unix_ms: int, api: str, name: str, types: Sequence[str]) -> str | None: ...

    def start(self, unix_ms: int, request_id: str, version: str) -> str | None: ...

    def fault(self, unix_ms: int, request_id: str, message: str) -> str | None: ...

    def end(self, request_id: str) -> str | None: ...

    def report(self, unix_ms: int, report: InvocationReport) -> str | None: ...


class StartLine(msgspec.Struct, gc=False):
    """START of an invocation, to be made later (`LaterLines`)."""

    words: PlatformLog
    unix_ms: int
    request_id: str
    version: str

    def messages(self) -> tuple[str | None]:
        return (self.words.start(self.unix_ms, self.request_id, self.version),)


class EndLines(msgspec.Struct, gc=False):
    """END and REPORT."""

    words: PlatformLog
    unix_ms: int
    report: InvocationReport

    def messages(self) -> tuple[str | None, str | None]:
        return self.words.end(self.report.request_id), self.words.report(self.unix_ms, self.report)


class TextPlatformLog:
    """START, END, REPORT: what Lambda writes unless the function's logging configuration says JSON."""

    def notice(self, unix_ms: int, message: str) -> str:
        del unix_ms
        return f"[alonzo] {message}\n"

    def init_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str | None:
        del unix_ms
        if not runtime_version:
            return None
        return f"INIT_START Runtime Version: {runtime_version}\tRuntime Version ARN: {runtime_version_arn}\n"

    def init_report(self, unix_ms: int, report: InitReport) -> str:
        del unix_ms
        phase = "" if report.status == "success" else f"\tPhase: {report.phase}"
        return f"INIT_REPORT Init Duration: {report.duration_ms:.2f} ms{phase}{_failure(report)}\n"

    def restore_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str:
        del unix_ms
        return f"RESTORE_START Runtime Version: {runtime_version}\tRuntime Version ARN: {runtime_version_arn}\n"

    def restore_report(self, unix_ms: int, report: RestoreReport) -> str:
        del unix_ms
        return f"RESTORE_REPORT Restore Duration: {report.duration_ms:.2f} ms{_failure(report)}\n"

    def extension(self, unix_ms: int, status: ExtensionStatus) -> str:
        del unix_ms
        error = "" if status.error_type is None else f"\tError Type: {status.error_type}"
        return f"EXTENSION\tName: {status.name}\tState: {status.state}\tEvents: [{', '.join(status.events)}]{error}\n"

    def subscription(self, unix_ms: int, api: str, name: str, types: Sequence[str]) -> str:
        del unix_ms
        kinds = ", ".join(kind.capitalize() for kind in types)
        return f"{api.upper()}\tName: {name}\tState: Subscribed\tTypes: [{kinds}]\n"

    def start(self, unix_ms: int, request_id: str, version: str) -> str:
        del unix_ms
        return f"START RequestId: {request_id} Version: {version}\n"

    def fault(self, unix_ms: int, request_id: str, message: str) -> str:
        if message.startswith("Task timed out"):
            return f"{timestamp(unix_ms)} {request_id} {message}\n\n"
        return f"RequestId: {request_id} Error: {message}\n"

    def end(self, request_id: str) -> str:
        return f"END RequestId: {request_id}\n"

    def report(self, unix_ms: int, report: InvocationReport) -> str:
        del unix_ms
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


class JsonPlatformLog:
    """The same as `platform.*` records. `level` is the system log level: WARN leaves out what went well."""

    _LEVELS = ("DEBUG", "INFO", "WARN")

    def __init__(self, level: str, initialization_type: InitializationType) -> None:
        self._level = self._LEVELS.index(level)
        self._initialization_type = initialization_type

    def notice(self, unix_ms: int, message: str) -> str | None:
        return self._line("WARN", unix_ms, "alonzo.notice", {"message": message})

    def init_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str | None:
        record = {"initializationType": self._initialization_type.value, "phase": "init", "runtimeVersion": runtime_version}
        return self._line("INFO", unix_ms, "platform.initStart", record | {"runtimeVersionArn": runtime_version_arn})

    def init_report(self, unix_ms: int, report: InitReport) -> str | None:
        record: dict[str, Any] = {
            "initializationType": self._initialization_type.value,
            "phase": report.phase,
            "status": report.status,
        }
        record |= {"errorType": report.error_type} if report.error_type else {}
        record |= {"metrics": {"durationMs": round(report.duration_ms, 3)}}
        return self._line(_level(report.status), unix_ms, "platform.initReport", record)

    def restore_start(self, unix_ms: int, runtime_version: str, runtime_version_arn: str) -> str | None:
        record = {"runtimeVersion": runtime_version, "runtimeVersionArn": runtime_version_arn}
        return self._line("INFO", unix_ms, "platform.restoreStart", record)

    def restore_report(self, unix_ms: int, report: RestoreReport) -> str | None:
        return self._line(_level(report.status), unix_ms, "platform.restoreReport", restore_record(report))

    def extension(self, unix_ms: int, status: ExtensionStatus) -> str | None:
        return self._line("INFO" if status.error_type is None else "WARN", unix_ms, "platform.extension", status.record())

    def subscription(self, unix_ms: int, api: str, name: str, types: Sequence[str]) -> str | None:
        record = {"name": name, "state": "Subscribed", "types": list(types)}
        return self._line("INFO", unix_ms, f"platform.{api.lower()}Subscription", record)

    def start(self, unix_ms: int, request_id: str, version: str) -> str | None:
        return self._line("INFO", unix_ms, "platform.start", {"requestId": request_id, "version": version})

    def fault(self, unix_ms: int, request_id: str, message: str) -> str | None:
        del unix_ms, request_id, message
        return None  # the status and error type of platform.report say it

    def end(self, request_id: str) -> str | None:
        del request_id
        return None  # platform.report ends an invocation

    def report(self, unix_ms: int, report: InvocationReport) -> str | None:
        return self._line(_level(report.status), unix_ms, "platform.report", report_record(report))

    def _line(self, level: str, unix_ms: int, kind: str, record: dict[str, Any]) -> str | None:
        if self._LEVELS.index(level) < self._level:
            return None
        return json.dumps({"time": timestamp(unix_ms), "type": kind, "record": record}, separators=(",", ":")) + "\n"


def restore_record(report: RestoreReport) -> dict[str, Any]:
    """How a snapshot was restored as the fields of `platform.restoreReport`."""
    record: dict[str, Any] = {"status": report.status}
    record |= {"errorType": report.error_type} if report.error_type else {}
    return record | {"metrics": {"durationMs": round(report.duration_ms, 3)}}


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


def _failure(report: InitReport | RestoreReport) -> str:
    if report.status == "success":
        return ""
    error = f"\tError Type: {report.error_type}" if report.error_type else ""
    return f"\tStatus: {report.status}{error}"


def _level(status: str) -> str:
    return "INFO" if status == "success" else "WARN"


def timestamp(unix_ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds, as all of Lambda's records have it."""
    return datetime.fromtimestamp(unix_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{unix_ms % 1_000:03d}Z"
