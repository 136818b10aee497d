"""The traces that this process has seen: in memory, the newest, within limits of bytes and of age.

Not on the disk: traces are for looking at what has just happened, they come in bursts from functions that may send whatever they like, and
nothing that is accepted for a function depends on them. What is beyond the limits goes, the oldest trace first; a restart forgets all.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from alonzo.clock import Clock
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.observe.traces.documents import Segment, SegmentRefused, read_segment
from alonzo.observe.traces.lambda_segments import OwnSegment, Run

TRACE_MAX_BYTES = 512_000
"""Source: https://docs.aws.amazon.com/general/latest/gr/xray.html, "Maximum size of a trace" of 500 KB."""
_DOCUMENT_OVERHEAD_BYTES = 200
"""What a document costs beside its bytes, roughly: a function that sends many small ones shall not get more memory than others."""
_TRACE_OVERHEAD_BYTES = 600
_OWN_BYTES = 900
"""What Lambda says of an invocation, as a document."""
_TAKEN_AT_ONCE = 64


class StoredTrace(msgspec.Struct, kw_only=True):
    """One trace, as far as it has come: its documents by the ids of their segments, the latest of each."""

    id: str
    start_seconds: float
    end_seconds: float
    documents: dict[str, bytes]
    byte_count: int = 0
    revision: int = 0

    def merge(self, other: "StoredTrace") -> "StoredTrace":
        """The same trace as two processes know it."""
        return StoredTrace(
            id=self.id,
            start_seconds=min(self.start_seconds, other.start_seconds),
            end_seconds=max(self.end_seconds, other.end_seconds),
            documents=self.documents | other.documents,
            revision=self.revision + other.revision,
        )


class _Kept(msgspec.Struct, kw_only=True):
    """A trace here. What Lambda says of invocations is written down when it is asked for."""

    id: str
    start_seconds: float
    end_seconds: float
    arrived_at: float
    contents: dict[str, bytes | OwnSegment] = {}
    byte_count: int = _TRACE_OVERHEAD_BYTES
    revision: int = 0

    def written(self) -> StoredTrace:
        documents = {name: content if isinstance(content, bytes) else content.document() for name, content in self.contents.items()}
        self.contents.update(documents)
        return StoredTrace(
            id=self.id,
            start_seconds=self.start_seconds,
            end_seconds=self.end_seconds,
            documents=documents,
            byte_count=self.byte_count,
            revision=self.revision,
        )


class TraceListener(Protocol):
    """Told of what is kept. It must not block or raise."""

    def note(self, scope: Scope, segment: Segment) -> None:
        """A document has come."""
        ...

    def note_own(self, segments: Sequence[OwnSegment]) -> None:
        """The same of what Lambda says of invocations."""
        ...

    def expect(self) -> None:
        """Such are there: `take_in` tells of them, if nothing does before."""
        ...


class TraceStore:
    """One a process. What Lambda says of invocations is taken in for some at a time: between two others each costs three times as much."""

    def __init__(self, *, clock: Clock, max_bytes: int, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._byte_count = 0
        self._traces: OrderedDict[tuple[Scope, str], _Kept] = OrderedDict()
        self._listeners: list[TraceListener] = []
        self._own: list[OwnSegment] = []
        """Not taken in yet."""
        self.dropped_count = 0
        """Documents that were refused, or of which there was no room in their trace."""

    def __len__(self) -> int:
        self.take_in()
        return len(self._traces)

    def listen(self, listener: TraceListener) -> None:
        """Tell somebody of what comes from here on."""
        self._listeners.append(listener)

    def put(self, scope: Scope, document: bytes) -> Segment:
        """Keep a document. `SegmentRefused`."""
        try:
            segment = read_segment(document)
            end_seconds = segment.start_time if segment.end_time is None else segment.end_time
            self._keep((scope, segment.trace_id), segment.id, (segment.start_time, end_seconds), bytes(document))
        except SegmentRefused:
            self.dropped_count += 1
            raise
        for listener in self._listeners:
            listener.note(scope, segment)
        return segment

    def keep_own(self, version: FunctionVersion, told: Run | bytes) -> None:
        """Keep what Lambda says of a function, if there is room in the trace."""
        if isinstance(told, bytes):
            with contextlib.suppress(SegmentRefused):
                self.put(version.scope, told)
            return
        if not self._own:
            for listener in self._listeners:
                listener.expect()
        self._own.append(OwnSegment(version, told))
        if len(self._own) >= _TAKEN_AT_ONCE:
            self.take_in()

    def take_in(self) -> None:
        """See to what Lambda has said since the last time."""
        own, self._own = self._own, []
        kept = []
        for each in own:
            run = each.run
            try:
                self._keep((each.version.scope, run.trace_id), run.segment_id, run.times, each)
            except SegmentRefused:
                self.dropped_count += 1
            else:
                kept.append(each)
        if kept:
            for listener in self._listeners:
                listener.note_own(kept)

    def find(self, scope: Scope, trace_ids: Iterable[str]) -> list[StoredTrace]:
        """Those that are there."""
        self.take_in()
        self._forget_old()
        found = (self._traces.get((scope, trace_id)) for trace_id in trace_ids)
        return [trace.written() for trace in found if trace is not None]

    def iter_between(self, scope: Scope, start_seconds: float, end_seconds: float) -> Iterator[StoredTrace]:
        """Those of which something happened in that time, the newest first."""
        self.take_in()
        self._forget_old()
        for (owner, _), trace in reversed(self._traces.items()):
            if owner == scope and trace.start_seconds <= end_seconds and trace.end_seconds >= start_seconds:
                yield trace.written()

    def _keep(self, key: tuple[Scope, str], segment_id: str, times: tuple[float, float], content: bytes | OwnSegment) -> None:
        start_seconds, end_seconds = times
        trace = self._traces.get(key)
        if trace is None:
            now = self._clock.monotonic()
            trace = self._traces[key] = _Kept(id=key[1], start_seconds=start_seconds, end_seconds=end_seconds, arrived_at=now)
            self._byte_count += trace.byte_count
        before = trace.contents.get(segment_id)
        growth = _byte_count(content)
        if before is not None:
            growth -= _byte_count(before)
        if trace.byte_count + growth > TRACE_MAX_BYTES:
            raise SegmentRefused("TraceSizeLimitExceeded", segment_id)
        trace.contents[segment_id] = content
        trace.byte_count += growth
        trace.revision += 1
        trace.start_seconds = min(trace.start_seconds, start_seconds)
        trace.end_seconds = max(trace.end_seconds, end_seconds)
        self._byte_count += growth
        while self._byte_count > self._max_bytes and len(self._traces) > 1:
            self._drop_oldest()

    def _forget_old(self) -> None:
        oldest_at = self._clock.monotonic() - self._max_age_seconds
        while self._traces and next(iter(self._traces.values())).arrived_at < oldest_at:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, trace = self._traces.popitem(last=False)
        self._byte_count -= trace.byte_count


def _byte_count(content: bytes | OwnSegment) -> int:
    return (len(content) if isinstance(content, bytes) else _OWN_BYTES) + _DOCUMENT_OVERHEAD_BYTES
