"""The function's own segment: what an environment writes into a trace of each invocation, if its function has active tracing.

Nothing of this is there for other functions; an invocation whose trace is not recorded costs a look at a field.
"""

from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.ids import IdSource
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation
from alonzo.model.trace_header import TraceHeader, continued
from alonzo.observe.traces.lambda_segments import ID_DIGITS, PART_COUNT, FunctionRun, Times

KeepRun = Callable[[FunctionVersion, FunctionRun], None]
"""Takes what is said of an invocation."""

_ID_BYTES = ID_DIGITS // 2
_ID_COUNT = 2 + PART_COUNT
_PENDING_MAX = 10_000


class FunctionTracing:
    """One environment's."""

    def __init__(self, *, version: FunctionVersion, keep: KeepRun, clock: Clock) -> None:
        self._version = version
        self._keep = keep
        self._clock = clock
        self._ids = IdSource()
        self.begun: dict[str, _Begun] = {}
        """Those invocations of recorded traces that have not ended, by their requests."""
        self._init_started_at = 0.0

    def begin(self, invocation: Invocation, trace: TraceHeader) -> Invocation:
        """The invocation as the function shall see it: what it does comes of the subsegment `Invocation`."""
        if len(self.begun) >= _PENDING_MAX:
            del self.begun[next(iter(self.begun))]
        begun = self.begun[invocation.request_id] = _Begun(trace, self._ids.new_hex_id(_ID_BYTES * _ID_COUNT))
        passed_on = continued(invocation.trace_header, parent_id=begun.invocation_id, is_sampled=True)
        return msgspec.structs.replace(invocation, trace_header=passed_on)

    def note_start(self, request_id: str, unix_ms: int) -> None:
        """The runtime has it."""
        begun = self.begun.get(request_id)
        if begun is not None:
            begun.started_at = unix_ms / 1_000

    def note_init(self) -> None:
        """INIT begins."""
        self._init_started_at = self._now()

    def end(
        self,
        request_id: str,
        *,
        duration_seconds: float,
        init_seconds: float | None,
        restore_seconds: float | None,
        error: tuple[str, str] | None,
    ) -> None:
        """It is over, and its last lines are in the log."""
        begun = self.begun.pop(request_id, None)
        if begun is None:
            return
        now = self._now()
        started_at = begun.started_at or now - duration_seconds
        ended_at = started_at + duration_seconds
        initialization = None
        if init_seconds is not None:  # one clock counts whole milliseconds, and the other does not
            initialization = Times(self._init_started_at, min(self._init_started_at + init_seconds, started_at))
        run = FunctionRun(
            trace_id=begun.trace.trace_id,
            parent_id=begun.trace.parent_id,
            segment_id=begun.ids[ID_DIGITS : 2 * ID_DIGITS],
            invocation_id=begun.invocation_id,
            part_ids=begun.ids[2 * ID_DIGITS :],
            request_id=request_id,
            invocation=Times(started_at, ended_at),
            ended_at=max(now, ended_at),
            initialization=initialization,
            restore=None if restore_seconds is None else Times(started_at - restore_seconds, started_at),
            error=error,
        )
        self._keep(self._version, run)

    def _now(self) -> float:
        return self._clock.unix_ms() / 1_000


class _Begun:
    """`ids`: of the subsegment `Invocation`, of the segment, of its other parts."""

    __slots__ = ("ids", "started_at", "trace")

    def __init__(self, trace: TraceHeader, ids: str) -> None:
        self.trace = trace
        self.ids = ids
        self.started_at = 0.0

    @property
    def invocation_id(self) -> str:
        return self.ids[:ID_DIGITS]
