"""Traces for an OpenTelemetry collector: what comes into the store goes out as spans, a batch at a time."""

import asyncio
import importlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from alonzo import __version__
from alonzo.model.scope import Scope
from alonzo.observe.traces.documents import Segment
from alonzo.observe.traces.lambda_segments import OwnSegment
from alonzo.observe.traces.store import TraceStore

_PAUSE_SECONDS = 1.0
_WAITING_MAX = 10_000
_BATCH_MAX = 500


class TraceExport:
    """`run` belongs in the parent's task group. `sender`: an `OtlpSender`."""

    def __init__(self, *, store: TraceStore, sender: Any) -> None:
        self._store = store
        self._sender = sender
        self._waiting: deque[tuple[Scope, Segment] | OwnSegment] = deque(maxlen=_WAITING_MAX)
        self._has_work = asyncio.Event()
        self._otlp: Any = importlib.import_module("alonzo.observe.otlp")
        self._exporter: Any = importlib.import_module("alonzo.observe.traces.spans").SpanExporter(version=__version__)
        store.listen(self)

    async def run(self) -> None:
        """Component: until cancelled; what waits then is handed to the sender still."""
        try:
            while True:
                await self._has_work.wait()
                await asyncio.sleep(_PAUSE_SECONDS)
                self._has_work.clear()
                self._flush()
        finally:
            self._flush()

    def note(self, scope: Scope, segment: Segment) -> None:
        """As `TraceListener`."""
        if not segment.in_progress:
            self._waiting.append((scope, segment))
            self._has_work.set()

    def note_own(self, segments: Sequence[OwnSegment]) -> None:
        """As `TraceListener`."""
        self._waiting.extend(segments)

    def expect(self) -> None:
        """As `TraceListener`."""
        self._has_work.set()

    def _flush(self) -> None:
        self._store.take_in()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH_MAX, len(self._waiting)))]
            body, count = self._exporter.export_request(batch)
            self._sender.send(self._otlp.Signal.TRACES, body, item_count=count)
