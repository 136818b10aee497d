"""Records that wait for their batch. A unit has one lane, or with a ParallelizationFactor several, each in order."""

import asyncio
from collections import deque
from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES
from alonzo.sources.stream_records import StreamRecord

_EVENT_SLACK_BYTES = 16 << 10
"""Of an event, beside its records."""
BATCH_MAX_BYTES = PAYLOAD_SYNC_MAX_BYTES - _EVENT_SLACK_BYTES


class StreamLane:
    """`batch_size` and `window_seconds`: as the mapping has them. `same_batch`: whether two records may be in one batch."""

    def __init__(
        self, *, batch_size: int, window_seconds: float, same_batch: Callable[[StreamRecord, StreamRecord], bool], clock: Clock
    ) -> None:
        self._batch_size = batch_size
        self._window_seconds = window_seconds
        self._same_batch = same_batch
        self._clock = clock
        self._waiting: deque[StreamRecord] = deque()
        self._news = asyncio.Event()
        self._gathering_since: float | None = None
        self._is_closed = False
        self._is_at_end = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def add(self, record: StreamRecord) -> None:
        """A record for this lane."""
        self._waiting.append(record)
        self._news.set()

    def end(self) -> None:
        """Nothing more will come: what waits is a batch."""
        self._is_at_end = True
        self._news.set()

    def close(self) -> None:
        """No more batches."""
        self._is_closed = True
        self._news.set()

    def wake(self) -> None:
        """Have `take` return even if there is nothing."""
        self._news.set()

    async def take(self) -> list[StreamRecord] | None:
        """The next batch: full, or as old as the window, or the last one. Empty: nothing waits, look around. None: no more batches."""
        while not self._is_closed:
            if self._waiting:
                if self._gathering_since is None:
                    self._gathering_since = self._clock.monotonic()
                left_seconds = self._gathering_since + self._window_seconds - self._clock.monotonic()
                batch = self._next_batch()
                is_full = len(batch) == self._batch_size or len(batch) < len(self._waiting)
                if is_full or left_seconds <= 0 or self._is_at_end:
                    for _ in batch:
                        self._waiting.popleft()
                    self._gathering_since = None
                    return batch
                await self._wait(left_seconds)
            elif self._is_at_end:
                return None
            else:
                await self._wait(None)
                if not self._waiting:
                    return None if self._is_closed else []
        return None

    def _next_batch(self) -> list[StreamRecord]:
        """As much of what waits as goes into one batch."""
        batch: list[StreamRecord] = []
        size_bytes = 0
        for record in self._waiting:
            size_bytes += len(record.content) + 1
            if batch and (size_bytes > BATCH_MAX_BYTES or not self._same_batch(batch[0], record)):
                break
            batch.append(record)
            if len(batch) == self._batch_size:
                break
        return batch

    async def _wait(self, seconds: float | None) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
