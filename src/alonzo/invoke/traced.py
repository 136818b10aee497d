"""The service's segment of an invocation: every request to a function with active tracing, from when Lambda has it until it is answered.

Of an asynchronous invocation there is one segment, with the time in the queue and each of the tries, told anew at each of them.
"""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import msgspec

from alonzo.clock import Clock
from alonzo.ids import IdSource
from alonzo.invoke.errors import Throttled
from alonzo.invoke.invoker import VersionInvoker
from alonzo.model import lineage
from alonzo.model.function import ACTIVE_TRACING, FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.trace_header import TraceHeader, read_sampled
from alonzo.observe.traces.lambda_segments import (
    Attempt,
    Run,
    ServiceRun,
    Times,
    attempt_document,
    attempt_id,
    derived_id,
    dwell_document,
)

_OK, _ACCEPTED, _THROTTLED, _FAILED = 200, 202, 429, 500
_ID_BYTES = 8
_NOT_RECORDED = f";Sampled=0;{lineage.FIELD}="
"""In the headers of most invocations. The lineage stands last and once in each, and of fields of one name the last counts."""


class Outcome(NamedTuple):
    """How a try has gone; `result` None: the function has not answered."""

    times: Times
    status: int
    result: InvocationResult | None


class TracedInvoker:
    """A `VersionInvoker` around another. `keep` takes what is said of invocations, or documents."""

    def __init__(self, *, invoker: VersionInvoker, keep: Callable[[FunctionVersion, Run | bytes], None], clock: Clock) -> None:
        self._invoker = invoker
        self._keep = keep
        self._clock = clock
        self._ids = IdSource()

    def invoke(self, version: FunctionVersion, invocation: Invocation) -> Coroutine[Any, Any, InvocationResult]:
        """As the protocol says. No coroutine of its own where nothing is traced: this is on the way of every invocation."""
        if version.tracing_mode != ACTIVE_TRACING or _NOT_RECORDED in invocation.trace_header:
            return self._invoker.invoke(version, invocation)
        header = read_sampled(invocation.trace_header)
        if header is None:
            return self._invoker.invoke(version, invocation)
        return self._invoke_traced(version, invocation, header)

    async def _invoke_traced(self, version: FunctionVersion, invocation: Invocation, header: TraceHeader) -> InvocationResult:
        queued = invocation.queued
        segment_id = self._ids.new_hex_id(_ID_BYTES) if queued is None else derived_id(invocation.request_id)
        parent_id = segment_id if queued is None else attempt_id(segment_id, queued.attempt)
        started_at = self._now()
        result: InvocationResult | None = None
        status = _FAILED

        try:
            within = TraceHeader(header.trace_id, parent_id, is_sampled=True)
            result = await self._invoker.invoke(version, msgspec.structs.replace(invocation, trace=within))
        except Throttled:
            status = _THROTTLED
            raise
        else:
            status = _OK
            return result
        finally:
            self._tell(version, invocation, header, segment_id, Outcome(Times(started_at, self._now()), status, result))

    def _tell(self, version: FunctionVersion, invocation: Invocation, header: TraceHeader, segment_id: str, outcome: Outcome) -> None:
        queued = invocation.queued
        run = ServiceRun(
            trace_id=header.trace_id,
            parent_id=header.parent_id,
            segment_id=segment_id,
            request_id=invocation.request_id,
            times=outcome.times if queued is None else Times(queued.accepted_unix_ms / 1_000, outcome.times.end),
            status=outcome.status if queued is None else _ACCEPTED,
        )
        self._keep(version, run)
        if queued is None:
            return
        if queued.attempt == 1:
            self._keep(version, dwell_document(run, Times(run.times.start, outcome.times.start)))
        has_failed = outcome.result is None or outcome.result.function_error is not None
        attempt = Attempt(number=queued.attempt, times=outcome.times, status=outcome.status, has_failed=has_failed)
        self._keep(version, attempt_document(run, attempt))

    def _now(self) -> float:
        return self._clock.unix_ms() / 1_000
