"""The function's own segment: what an environment writes into a trace of each invocation, if its function has active tracing.

Nothing of this is there for other functions; an invocation that is not sampled costs a look at its header.
"""

from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.ids import IdSource
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation
from alonzo.model.trace_header import continued, read_sampled
from alonzo.observe.traces.lambda_segments import PART_COUNT, FunctionRun, Times

KeepRun = Callable[[FunctionVersion, FunctionRun], None]
"""Takes what is said of an invocation."""

_ID_BYTES = 8
_PENDING_MAX = 10_000


class FunctionTracing:
    """One environment's."""

    def __init__(self, *, version: FunctionVersion, keep: KeepRun, clock: Clock) -> None:
        self._version = version
        self._keep = keep
        self._clock = clock
        self._ids = IdSource()
        self._begun: dict[str, _Begun] = {}
        self._init_started_at = 0.0

    def begin(self, invocation: Invocation) -> Invocation:
        """The invocation as the function shall see it: what it does comes of the subsegment `Invocation`."""
        header = read_sampled(invocation.trace_header)
        if header is None or len(self._begun) >= _PENDING_MAX:
            return invocation
        begun = _Begun(header.trace_id, header.parent_id, self._new_id())
        self._begun[invocation.request_id] = begun
        passed_on = continued(invocation.trace_header, parent_id=begun.invocation_id, is_sampled=True)
        return msgspec.structs.replace(invocation, trace_header=passed_on)

    def note_start(self, request_id: str, unix_ms: int) -> None:
        """The runtime has it."""
        begun = self._begun.get(request_id)
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
        begun = self._begun.pop(request_id, None)
        if begun is None:
            return
        now = self._now()
        started_at = begun.started_at or now - duration_seconds
        ended_at = started_at + duration_seconds
        initialization = None
        if init_seconds is not None:  # one clock counts whole milliseconds, and the other does not
            initialization = Times(self._init_started_at, min(self._init_started_at + init_seconds, started_at))
        run = FunctionRun(
            trace_id=begun.trace_id,
            parent_id=begun.parent_id,
            segment_id=self._new_id(),
            invocation_id=begun.invocation_id,
            part_ids=self._ids.new_hex_id(PART_COUNT * _ID_BYTES),
            request_id=request_id,
            invocation=Times(started_at, ended_at),
            ended_at=max(now, ended_at),
            initialization=initialization,
            restore=None if restore_seconds is None else Times(started_at - restore_seconds, started_at),
            error=error,
        )
        self._keep(self._version, run)

    def _new_id(self) -> str:
        return self._ids.new_hex_id(_ID_BYTES)

    def _now(self) -> float:
        return self._clock.unix_ms() / 1_000


class _Begun:
    __slots__ = ("invocation_id", "parent_id", "started_at", "trace_id")

    def __init__(self, trace_id: str, parent_id: str | None, invocation_id: str) -> None:
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.invocation_id = invocation_id
        self.started_at = 0.0
