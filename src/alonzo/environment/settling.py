"""An invocation that the function has answered and extensions have not done with yet.

The caller has its answer; the invocation, its time and its bill go on until the runtime and every extension that was told of it have asked
for what comes next. Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, "Invoke phase".
"""

from dataclasses import dataclass
from typing import Any

from alonzo.clock import Clock
from alonzo.environment.journal import End
from alonzo.environment.outcomes import Fault, error_of
from alonzo.environment.running import RunningInvocation
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.observe.telemetry_records import Span

TRACE_TYPE = "X-Amzn-Trace-Id"


@dataclass(slots=True)
class SettlingInvocation:
    """Instants are the clock's."""

    running: RunningInvocation
    result: InvocationResult
    status: str
    error_type: str | None
    answered_at: float
    runtime_done_at: float | None = None
    """When the runtime asked for the next invocation."""

    def note_runtime_done(self, clock: Clock) -> dict[str, Any]:
        """The runtime has asked for the next invocation. Returns the record that tells of it."""
        now = self.runtime_done_at = clock.monotonic()
        started_at = self.running.started_at
        spans = (
            _span(clock, "responseLatency", started_at, self.answered_at),
            _span(clock, "responseDuration", self.answered_at, self.answered_at),
            _span(clock, "runtimeOverhead", self.answered_at, now),
        )
        duration_ms = (now - started_at) * 1_000
        record = runtime_done_record(self.running.invocation, self.status, self.error_type, duration_ms, len(self.result.payload))
        return record | {"spans": [span.fields() for span in spans]}

    def end(self, clock: Clock) -> End:
        """How it has ended, now that everybody has done with it."""
        now = clock.monotonic()
        spans = () if self.runtime_done_at is None else (_span(clock, "extensionOverhead", self.runtime_done_at, now),)
        duration_ms = (now - self.running.started_at) * 1_000
        invocation = self.running.invocation
        end = End(invocation.request_id, invocation.invoked_function_arn, duration_ms, self.status, self.error_type, spans)
        return end if self.error_type is None else end.with_error(*error_of(self.result))


def faulty_end(running: RunningInvocation, fault: Fault, clock: Clock) -> End:
    """How an invocation has ended in a way that the function did not choose."""
    duration_ms = (clock.monotonic() - running.started_at) * 1_000
    if fault.status == "timeout":
        duration_ms = running.timeout_seconds * 1_000
    invocation = running.invocation
    end = End(invocation.request_id, invocation.invoked_function_arn, duration_ms, fault.status, fault.reported_type)
    return end.with_error(fault.error_type, fault.message)


def runtime_done_record(
    invocation: Invocation, status: str, error_type: str | None, duration_ms: float, produced_bytes: int
) -> dict[str, Any]:
    """The fields of `platform.runtimeDone`."""
    metrics = {"durationMs": round(duration_ms, 3), "producedBytes": produced_bytes}
    record: dict[str, Any] = {"requestId": invocation.request_id, "status": status, "metrics": metrics}
    return record | ({} if error_type is None else {"errorType": error_type}) | trace_record(invocation)


def trace_record(invocation: Invocation) -> dict[str, Any]:
    """The part of a record that says which trace it belongs to, if that is sampled."""
    fields = dict(part.partition("=")[::2] for part in invocation.trace_header.split(";"))
    if "Root" not in fields or fields.get("Sampled") != "1":
        return {}
    tracing = {"type": TRACE_TYPE, "value": invocation.trace_header}
    return {"tracing": tracing | ({"spanId": fields["Parent"]} if "Parent" in fields else {})}


def _span(clock: Clock, name: str, begins_at: float, ends_at: float) -> Span:
    start_ms = clock.unix_ms() - int((clock.monotonic() - begins_at) * 1_000)
    return Span(name, start_ms, (ends_at - begins_at) * 1_000)
