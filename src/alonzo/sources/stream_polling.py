"""What ordered sources have in common: reading ahead, lanes, batches, checkpoints. What a kind adds is in `stream_records.py`."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable

import msgspec

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.backoff import Backoff
from alonzo.sources.errors import SourceProblem
from alonzo.sources.filters import RecordFilter
from alonzo.sources.source import PolledUnit, PollerKit
from alonzo.sources.stream_batches import StreamBatches
from alonzo.sources.stream_lane import StreamLane
from alonzo.sources.stream_progress import StreamProgress
from alonzo.sources.stream_records import Reading, StreamReader, StreamRecord
from alonzo.sources.stream_windows import TumblingWindows, WindowState

_AHEAD_MAX_COUNT, _AHEAD_MAX_BYTES = 20_000, 32 << 20
"""Of records that are read and not checkpointed, and of what is not done of them: how far a lane that is held up lets the others go on.
What they have done comes again after a kill."""

_READ_COUNT = 500
"""Asked for at once, at least: small batches do not need a request each."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 15.0

_log = logging.getLogger(__name__)

OpenReader = Callable[[str | None], Awaitable[StreamReader]]
"""Open a unit after a position; None: it was never polled."""


class _Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    position: str | None = None
    window: WindowState | None = None


async def poll_stream(unit: PolledUnit, *, mapping: EventSourceMapping, kit: PollerKit, open_reader: OpenReader) -> None:
    """What `Source.poll` does for an ordered source."""
    checkpoint = _Checkpoint() if unit.checkpoint is None else msgspec.json.decode(unit.checkpoint, type=_Checkpoint)
    reader = await open_reader(checkpoint.position)
    try:
        poll = _StreamPoll(unit=unit, mapping=mapping, kit=kit, reader=reader, checkpoint=checkpoint)
        await poll.run()
    finally:
        await reader.aclose()


class _StreamPoll:
    def __init__(
        self, *, unit: PolledUnit, mapping: EventSourceMapping, kit: PollerKit, reader: StreamReader, checkpoint: _Checkpoint
    ) -> None:
        settings = mapping.settings
        self._unit = unit
        self._kit = kit
        self._reader = reader
        self._filter = RecordFilter(settings.filters)
        self._position = checkpoint.position
        self._windows: TumblingWindows | None = None
        if settings.tumbling_window_seconds:
            self._windows = TumblingWindows(size_seconds=settings.tumbling_window_seconds, open_window=checkpoint.window)
        self._batches = StreamBatches(
            mapping=mapping,
            kit=kit,
            reader=reader,
            unit=unit.name,
            windows=self._windows,
            on_done=self._on_done,
            stopping=unit.stopping,
        )
        self._batch_size = settings.batch_size or 1
        lane_count = 1 if self._windows is not None else settings.parallelization_factor or 1
        self._lanes = [
            StreamLane(
                batch_size=self._batch_size,
                window_seconds=settings.maximum_batching_window_seconds or 0,
                same_batch=_any if self._windows is None else self._windows.are_same,
                clock=kit.clock,
            )
            for _ in range(lane_count)
        ]
        self._ahead_max_count = max(_AHEAD_MAX_COUNT, 2 * self._batch_size * lane_count)
        self._progress = StreamProgress()
        self._has_room = asyncio.Event()
        self._caught_up_unix_ms = 0

    async def run(self) -> None:
        """Until the unit is to be given up, or is at its end."""
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read_on())
            lanes = [group.create_task(self._serve(lane)) for lane in self._lanes]
            stopping = group.create_task(self._unit.stopping.wait())
            all_lanes = group.create_task(_all(lanes))
            await asyncio.wait((stopping, all_lanes), return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            for lane in self._lanes:
                lane.close()
            await all_lanes
            stopping.cancel()
        if self._is_at_end and self._progress.open_count == 0 and not self._unit.stopping.is_set():
            self._unit.finish()

    _is_at_end = False

    async def _read_on(self) -> None:
        backoff = Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
        while not self._is_at_end:
            began_unix_ms = self._kit.clock.unix_ms()
            try:
                reading = await self._reader.read(max(self._batch_size * len(self._lanes), _READ_COUNT))
            except (SourceProblem, AwsCallFailed) as error:
                _log.info("unit %s: %s", self._unit.name, error)
                self._kit.report(f"PROBLEM: {error}")
                await backoff.pause(self._unit.stopping)
                continue
            backoff.reset()
            self._take(reading, began_unix_ms)
            await self._wait_for_room()
        for lane in self._lanes:
            lane.end()

    def _take(self, reading: Reading, began_unix_ms: int) -> None:
        self._kit.metrics.polled(len(reading.records))
        dropped_count = 0
        for record in reading.records:
            is_dropped = not self._filter.is_empty and not self._filter.keeps(self._reader.filtered_view(record))
            dropped_count += is_dropped
            self._progress.add(record, is_done=is_dropped)
            if not is_dropped:
                self._lane_of(record).add(record)
        if dropped_count:
            self._kit.metrics.filtered_out(dropped_count)
            self._advance()
        self._is_at_end = reading.is_at_end
        if self._windows is not None and reading.is_caught_up and not reading.records:
            self._caught_up_unix_ms = began_unix_ms
            self._lanes[0].wake()

    async def _wait_for_room(self) -> None:
        while self._progress.kept_count >= self._ahead_max_count or self._progress.open_bytes >= _AHEAD_MAX_BYTES:
            self._has_room.clear()
            await self._has_room.wait()

    def _lane_of(self, record: StreamRecord) -> StreamLane:
        if len(self._lanes) == 1:
            return self._lanes[0]
        return self._lanes[zlib.crc32(record.key.encode("utf-8", "replace")) % len(self._lanes)]

    async def _serve(self, lane: StreamLane) -> None:
        while (batch := await lane.take()) is not None:
            if self._windows is not None and not await self._enter_window(self._windows, batch):
                return
            if batch and not await self._batches.process(batch):
                return
            if self._windows is not None and self._windows.is_too_large:
                if not await self._batches.finish_window(is_early=True):
                    return
                self._windows.reset()
                self._save()
        if self._windows is not None and self._is_at_end and self._windows.current is not None:
            await self._close_window(self._windows)

    async def _enter_window(self, windows: TumblingWindows, batch: list[StreamRecord]) -> bool:
        """Close the window that is over, open the next one. False: stopped."""
        first = batch[0] if batch else None
        if windows.is_over(first, read_unix_ms=self._caught_up_unix_ms) and not await self._close_window(windows):
            return False
        if first is not None:
            windows.enter(first)
        return True

    async def _close_window(self, windows: TumblingWindows) -> bool:
        if not await self._batches.finish_window():
            return False
        windows.close()
        self._save()
        return True

    def _on_done(self, records: list[StreamRecord]) -> None:
        self._progress.finish(records)
        self._has_room.set()
        self._advance()

    def _advance(self) -> None:
        position = self._progress.advance()
        if position is not None:
            self._position = position
            self._save()

    def _save(self) -> None:
        window = None if self._windows is None else self._windows.current
        self._unit.save(msgspec.json.encode(_Checkpoint(self._position, window)).decode())


async def _all(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        await task


def _any(one: StreamRecord, other: StreamRecord) -> bool:
    del one, other
    return True
