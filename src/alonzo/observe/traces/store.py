"""The traces that this process has seen: in memory, the newest, within limits of bytes and of age.

Not on the disk: traces are for looking at what has just happened, they come in bursts from functions that may send whatever they like, and
nothing that is accepted for a function depends on them. What is beyond the limits goes, the oldest trace first; a restart forgets all.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

import msgspec

from alonzo.clock import Clock
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.observe.traces.documents import Segment, SegmentRefused, read_segment

TRACE_MAX_BYTES = 512_000
"""Source: https://docs.aws.amazon.com/general/latest/gr/xray.html, "Maximum size of a trace" of 500 KB."""
_DOCUMENT_OVERHEAD_BYTES = 200
"""What a document costs beside its bytes, roughly: a function that sends many small ones shall not get more memory than others."""
_TRACE_OVERHEAD_BYTES = 600


class StoredTrace(msgspec.Struct, kw_only=True):
    """One trace, as far as it has come: its documents by the ids of their segments, the latest of each."""

    id: str
    start_seconds: float
    end_seconds: float
    documents: dict[str, bytes]
    byte_count: int = _TRACE_OVERHEAD_BYTES
    arrived_at: float = 0.0
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


SegmentListener = Callable[[Scope, Segment], None]
"""Told of each document that is kept. It must not block or raise."""


class TraceStore:
    """One a process."""

    def __init__(self, *, clock: Clock, max_bytes: int, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_age_seconds = max_age_seconds
        self._byte_count = 0
        self._traces: OrderedDict[tuple[Scope, str], StoredTrace] = OrderedDict()
        self._listeners: list[SegmentListener] = []
        self.dropped_count = 0
        """Documents that were refused, or of which there was no room in their trace."""

    def __len__(self) -> int:
        return len(self._traces)

    def listen(self, listener: SegmentListener) -> None:
        """Tell somebody of what comes from here on."""
        self._listeners.append(listener)

    def put(self, scope: Scope, document: bytes) -> Segment:
        """Keep a document. `SegmentRefused`."""
        try:
            segment = read_segment(document)
            self._keep(scope, segment, document)
        except SegmentRefused:
            self.dropped_count += 1
            raise
        for listener in self._listeners:
            listener(scope, segment)
        return segment

    def keep_own(self, version: FunctionVersion, document: bytes) -> None:
        """Keep what Lambda says of a function, if there is room in the trace."""
        with contextlib.suppress(SegmentRefused):
            self.put(version.scope, document)

    def find(self, scope: Scope, trace_ids: Iterable[str]) -> list[StoredTrace]:
        """Those that are there."""
        self._forget_old()
        found = (self._traces.get((scope, trace_id)) for trace_id in trace_ids)
        return [trace for trace in found if trace is not None]

    def iter_between(self, scope: Scope, start_seconds: float, end_seconds: float) -> Iterator[StoredTrace]:
        """Those of which something happened in that time, the newest first."""
        self._forget_old()
        for (owner, _), trace in reversed(self._traces.items()):
            if owner == scope and trace.start_seconds <= end_seconds and trace.end_seconds >= start_seconds:
                yield trace

    def _keep(self, scope: Scope, segment: Segment, document: bytes) -> None:
        key = (scope, segment.trace_id)
        trace = self._traces.get(key)
        end_seconds = segment.start_time if segment.end_time is None else segment.end_time
        if trace is None:
            now = self._clock.monotonic()
            trace = StoredTrace(
                id=segment.trace_id, start_seconds=segment.start_time, end_seconds=end_seconds, documents={}, arrived_at=now
            )
            self._traces[key] = trace
            self._byte_count += trace.byte_count
        before = trace.documents.get(segment.id)
        growth = len(document) + _DOCUMENT_OVERHEAD_BYTES
        if before is not None:
            growth -= len(before) + _DOCUMENT_OVERHEAD_BYTES
        if trace.byte_count + growth > TRACE_MAX_BYTES:
            raise SegmentRefused("TraceSizeLimitExceeded", segment.id)
        trace.documents[segment.id] = bytes(document)
        trace.byte_count += growth
        trace.revision += 1
        trace.start_seconds = min(trace.start_seconds, segment.start_time)
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
