"""What the platform writes into an environment's log, and when: INIT_START, START, END, REPORT and the failures between them.

With SnapStart INIT has a log stream of its own, and each restored environment another, which begins with RESTORE_START.

The last two lines of an invocation are written a moment after its answer has gone out, unless the caller wants to see them; whatever comes
first in the log is written first all the same.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from alonzo.clock import Clock
from alonzo.environment.function_insights import FunctionInsights
from alonzo.environment.function_tracing import FunctionTracing
from alonzo.environment.log_channel import EventOutlet, LogChannel
from alonzo.environment.outcomes import Fault, InitFailed
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.invocation_lines import InvocationReport, report_record
from alonzo.model.log_event import LogEvent
from alonzo.observe.log_delivery import LogOutlet
from alonzo.observe.metrics.invocations import InvocationCounter
from alonzo.observe.platform_log import (
    ExtensionStatus,
    InitReport,
    PlatformLog,
    RestoreReport,
    restore_record,
)
from alonzo.observe.telemetry_records import Category, Span
from alonzo.observe.usage import UsageCounter


class Records(Protocol):
    """Where what is written goes, too, while extensions subscribe to it; see `Telemetry`."""

    def emit(self, kind: str, content: dict[str, Any] | str) -> None: ...

    def emit_lines(self, category: Category, events: list[LogEvent]) -> None: ...


class End(msgspec.Struct, frozen=True, gc=False):
    """How an invocation ended."""

    request_id: str
    invoked_arn: str
    duration_ms: float
    status: str
    error_type: str | None
    spans: tuple[Span, ...] = ()
    """What took time within it, for those who subscribe to telemetry."""
    error: tuple[str, str] = ("", "")
    """For traces: the type that the function names, and its message."""

    def with_error(self, kind: str, message: str) -> "End":
        """The same, with what is to be said of the error."""
        return msgspec.structs.replace(self, error=(kind, message))


class _Restored(msgspec.Struct, frozen=True, gc=False):
    """What the first invocation after a restore reports of it."""

    duration_ms: float
    billed_ms: float


class Journal:
    """One environment's. `peak_memory` gives the most memory it has used in bytes, None where that is not counted.

    `tracing`: of a function with active tracing; `insights`: of one with Lambda Insights.
    """

    def __init__(
        self,
        *,
        log: LogChannel,
        words: PlatformLog,
        version: FunctionVersion,
        usage: UsageCounter,
        metrics: InvocationCounter,
        peak_memory: Callable[[], int | None],
        tracing: FunctionTracing | None,
        insights: FunctionInsights | None,
        clock: Clock,
    ) -> None:
        self._log = log
        self._records: Records | None = None
        self._words = words
        self._version = version
        self._usage = usage
        self._metrics = metrics
        self._peak_memory = peak_memory
        self.tracing = tracing
        self._insights = insights
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._unwritten_ends: list[End] = []
        self._init_seconds: float | None = None
        self._restored: _Restored | None = None

    def open(self, *, runtime_version: str, notice: str | None) -> None:
        """Begin: INIT starts."""
        if self.tracing is not None:
            self.tracing.note_init()
        self._log.open()
        if notice is not None:
            self._log.write(self._words.notice(self._clock.unix_ms(), notice))
        self._log.write(self._words.init_start(self._clock.unix_ms(), runtime_version, self._version.runtime_version_arn or ""))

    def open_clone(self) -> None:
        """Begin: of a clone, nothing is said before it is restored."""
        self._log.open()

    def write_notice(self, notice: str) -> None:
        """What whoever reads the function's log should know."""
        self._log.write(self._words.notice(self._clock.unix_ms(), notice))

    def close(self) -> None:
        """Nothing is written any more. May be called again."""
        self._write_late_end()
        self._log.close()

    def attach(self, records: Records) -> None:
        """From here on tell of everything that is written."""
        self._records = records
        self._log.tap(lambda events: records.emit_lines(Category.FUNCTION, events))

    def detach(self) -> None:
        """Nobody wants to be told."""
        self._records = None
        self._log.tap(None)

    def joined_log(self) -> EventOutlet:
        """Takes the lines of others into the log: those of extensions."""
        return self._log.joined()

    def write_extension(self, status: ExtensionStatus) -> None:
        """What became of an extension in INIT."""
        self._log.drain()
        self._log.write(self._words.extension(self._clock.unix_ms(), status))

    def write_subscription(self, api: str, name: str, types: tuple[str, ...]) -> None:
        """An extension has subscribed to telemetry."""
        self._log.write(self._words.subscription(self._clock.unix_ms(), api, name, types))

    def begin_tail(self, invocation: Invocation) -> None:
        """Keep what is written from here on for the caller, if it wants to see it."""
        if invocation.wants_log_tail:
            self._log.begin_tail(invocation.request_id)

    def note_init(self, seconds: float) -> None:
        """INIT has succeeded; the first invocation reports how long it took."""
        self._init_seconds = seconds

    def write_snapshot(self, init_seconds: float) -> None:
        """INIT has succeeded, and the environment waits to be restored."""
        self._log.drain()
        self._log.write(self._words.init_report(self._clock.unix_ms(), InitReport(duration_ms=init_seconds * 1_000, phase="init")))

    def begin_restore(self, outlet: LogOutlet, *, runtime_version: str) -> None:
        """The environment is restored: what comes now belongs to it alone."""
        self._log.continue_in(outlet)
        version_arn = self._version.runtime_version_arn or ""
        self._log.write(self._words.restore_start(self._clock.unix_ms(), runtime_version, version_arn))
        if self._records is not None:
            function = {"functionName": self._version.name, "functionVersion": self._version.version}
            self._records.emit("platform.restoreStart", {"runtimeVersion": runtime_version, "runtimeVersionArn": version_arn} | function)

    def write_restored(self, *, seconds: float, billed_seconds: float) -> None:
        """The runtime is ready; the first invocation reports how long that took."""
        self._write_restore_report(RestoreReport(duration_ms=seconds * 1_000))
        self._restored = _Restored(seconds * 1_000, billed_seconds * 1_000)

    def write_restore_failure(self, fault: Fault, *, seconds: float) -> None:
        """It is not, and ends."""
        self._write_restore_report(RestoreReport(duration_ms=seconds * 1_000, status=fault.status, error_type=fault.reported_type))

    def write_init_failure(self, failure: InitFailed, within: Invocation | None) -> None:
        """INIT has failed, and with it the invocation that it was part of; its tail of the log goes into `failure`."""
        self._log.drain()
        fault, now = failure.fault, self._clock.unix_ms()
        duration_ms = failure.duration_seconds * 1_000
        phase = "init" if within is None else "invoke"
        report = InitReport(duration_ms=duration_ms, phase=phase, status=fault.status, error_type=fault.reported_type)
        self._log.write(self._words.init_report(now, report))
        if within is None:
            return
        self.write_start(within, now)
        if failure.payload is None:
            self._log.write(self._words.fault(now, within.request_id, fault.message))
        self._write_end(End(within.request_id, within.invoked_function_arn, duration_ms, fault.status, fault.reported_type))
        failure.log_tail = self._log.end_tail(within.request_id)

    def write_start(self, invocation: Invocation, unix_ms: int) -> None:
        """An invocation is handed to the runtime."""
        self._write_late_end()
        self._log.note_chain(invocation.trace_header)
        if invocation.trace is not None and self.tracing is not None:
            self.tracing.note_start(invocation.request_id, unix_ms)
        self._log.write_lines(self._words.start(unix_ms, invocation.request_id, self._version.version))
        if self._insights is not None:
            self._insights.note_start(invocation)

    def write_fault(self, fault: Fault, end: End) -> None:
        """An invocation has ended in a way that the function did not choose."""
        self._log.drain()
        self._log.write(self._words.fault(self._clock.unix_ms(), end.request_id, fault.message))
        if self._records is not None:
            self._records.emit("platform.fault", f"RequestId: {end.request_id} Error: {fault.message}")
        self._write_end(end)

    def write_end(self, end: End) -> None:
        """An invocation has been answered."""
        self._log.drain()
        self._write_end(end)

    def write_end_soon(self, end: End) -> None:
        """The same, when what waits to be done is done."""
        self._unwritten_ends.append(end)
        self._loop.call_soon(self._on_turn)

    def with_tail(self, result: InvocationResult, invocation: Invocation) -> InvocationResult:
        """The result, with the tail of the log if the caller wants to see it."""
        if not invocation.wants_log_tail:
            return result
        return InvocationResult(result.payload, result.function_error, self._log.end_tail(invocation.request_id))

    def _write_restore_report(self, report: RestoreReport) -> None:
        self._log.drain()
        self._log.write(self._words.restore_report(self._clock.unix_ms(), report))
        if self._records is not None:
            record = restore_record(report)
            self._records.emit("platform.restoreRuntimeDone", {name: value for name, value in record.items() if name != "metrics"})
            self._records.emit("platform.restoreReport", record)

    def _on_turn(self) -> None:
        ends = self._unwritten_ends
        if ends:
            self._unwritten_ends = []
            self._log.end_lines()
            for end in ends:
                self._write_end(end)

    def _write_late_end(self) -> None:
        ends = self._unwritten_ends
        if ends:
            self._unwritten_ends = []
            self._log.drain()
            for end in ends:
                self._write_end(end)

    def _write_end(self, end: End) -> None:
        init_seconds, self._init_seconds = self._init_seconds, None
        restored, self._restored = self._restored, None
        report = InvocationReport(
            request_id=end.request_id,
            duration_ms=end.duration_ms,
            memory_size_mib=self._version.memory_mib,
            max_memory_bytes=self._peak_memory(),
            init_duration_ms=None if init_seconds is None else init_seconds * 1_000,
            restore_duration_ms=None if restored is None else restored.duration_ms,
            billed_restore_ms=0.0 if restored is None else restored.billed_ms,
            status=end.status,
            error_type=end.error_type,
        )
        now = self._clock.unix_ms()
        self._usage.note(report)
        self._metrics.note(report, invoked_arn=end.invoked_arn, ended_unix_ms=now)
        if not self._log.complete(now, report):
            self._log.write_lines(self._words.end(now, report))
        if self._insights is not None:
            self._insights.end(report, invoked_arn=end.invoked_arn)
        if self.tracing is not None and self.tracing.begun:
            self.tracing.end(
                end.request_id,
                duration_seconds=end.duration_ms / 1_000,
                init_seconds=init_seconds,
                restore_seconds=None if restored is None else restored.duration_ms / 1_000,
                error=None if end.status == "success" else (end.error[0] or end.error_type or "Runtime.Unknown", end.error[1]),
            )
        if self._records is not None:
            self._records.emit("platform.end", {"requestId": end.request_id})
            self._records.emit("platform.report", report_record(report) | {"spans": [span.fields() for span in end.spans]})
