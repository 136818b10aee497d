"""The platform's own log lines about an environment, as text or JSON; those of its invocations are in `model/invocation_lines.py`.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (text), .../telemetry-schema-reference.html (JSON records).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from alonzo.model.invocation import InitializationType
from alonzo.model.invocation_lines import EndLines, InvocationReport, StartLine, json_line, timestamp


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
    """How the platform words its lines. Each method gives one message (of invocations an entry), or None where format or level has none."""

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

    def start(self, unix_ms: int, request_id: str, version: str) -> StartLine | None: ...

    def fault(self, unix_ms: int, request_id: str, message: str) -> str | None: ...

    def end(self, unix_ms: int, report: InvocationReport) -> EndLines | None: ...


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

    def start(self, unix_ms: int, request_id: str, version: str) -> StartLine:
        return StartLine(unix_ms, request_id, version)

    def fault(self, unix_ms: int, request_id: str, message: str) -> str:
        if message.startswith("Task timed out"):
            return f"{timestamp(unix_ms)} {request_id} {message}\n\n"
        return f"RequestId: {request_id} Error: {message}\n"

    def end(self, unix_ms: int, report: InvocationReport) -> EndLines:
        return EndLines(unix_ms, report)


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

    def start(self, unix_ms: int, request_id: str, version: str) -> StartLine | None:
        return StartLine(unix_ms, request_id, version, is_json=True) if self._has("INFO") else None

    def fault(self, unix_ms: int, request_id: str, message: str) -> str | None:
        del unix_ms, request_id, message
        return None  # the status and error type of platform.report say it

    def end(self, unix_ms: int, report: InvocationReport) -> EndLines | None:
        return EndLines(unix_ms, report, is_json=True) if self._has(_level(report.status)) else None

    def _has(self, level: str) -> bool:
        return self._LEVELS.index(level) >= self._level

    def _line(self, level: str, unix_ms: int, kind: str, record: dict[str, Any]) -> str | None:
        return json_line(unix_ms, kind, record) if self._has(level) else None


def restore_record(report: RestoreReport) -> dict[str, Any]:
    """How a snapshot was restored as the fields of `platform.restoreReport`."""
    record: dict[str, Any] = {"status": report.status}
    record |= {"errorType": report.error_type} if report.error_type else {}
    return record | {"metrics": {"durationMs": round(report.duration_ms, 3)}}


def _failure(report: InitReport | RestoreReport) -> str:
    if report.status == "success":
        return ""
    error = f"\tError Type: {report.error_type}" if report.error_type else ""
    return f"\tStatus: {report.status}{error}"


def _level(status: str) -> str:
    return "INFO" if status == "success" else "WARN"
