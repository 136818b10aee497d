"""A `Source` over shards: which there are, which have been closed, where each begins. Kinesis and DynamoDB Streams add their calls."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.notices import WriteWatch
from alonzo.sources.shards import Position, Shard, ShardCalls, ShardReading, batch_info
from alonzo.sources.source import PolledUnit, PollerKit, Unit
from alonzo.sources.stream_polling import poll_stream
from alonzo.sources.stream_records import Reading, StreamReader, StreamRecord, join_records

_AT_INSTANT = "@"


class ShardService(Protocol):
    """One stream of a service. `info_name`: under which on-failure destinations find the batch. `watched`: whose writes are news."""

    info_name: str
    stream_arn: str
    watched: tuple[str, ...]

    async def list_shards(self) -> list[Shard]:
        """All there are. Errors of AWS calls."""
        ...

    def calls(self, shard_id: str, begins_at_unix_ms: int | None) -> ShardCalls:
        """For one shard. `begins_at_unix_ms`: what arrived before is to be left out, if the service cannot do so itself."""
        ...

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        """As `StreamReader`."""
        ...


class ShardSource:
    """A `Source`."""

    def __init__(self, *, mapping: EventSourceMapping, kit: PollerKit, service: ShardService) -> None:
        self._mapping = mapping
        self._kit = kit
        self._service = service
        self._shards: dict[str, Shard] = {}
        self._readings: dict[str, ShardReading] = {}

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says."""
        shards = {shard.unit.name: shard for shard in await self._service.list_shards()}
        self._shards = shards
        for name, reading in self._readings.items():
            if name in shards and shards[name].is_closed:
                reading.note_closed()
        return [shard.unit for shard in shards.values()]

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""

        async def open_reader(position: str | None) -> StreamReader:
            at = await self._position(position)
            watch = self._kit.notices.watch(*self._service.watched)
            shard = self._shards[unit.name]
            calls = self._service.calls(shard.shard_id, at.at_unix_ms)
            reading = self._readings[unit.name] = ShardReading(calls=calls, shard=shard, position=at, watch=watch)
            return _ShardReader(reading, self._service, shard, watch, lambda: self._readings.pop(unit.name, None))

        await poll_stream(unit, mapping=self._mapping, kit=self._kit, open_reader=open_reader)

    async def aclose(self) -> None:
        """As the protocol says."""

    async def _position(self, position: str | None) -> Position:
        if position is not None:
            return Position(at_unix_ms=int(position[1:])) if position.startswith(_AT_INSTANT) else Position(after=position)
        match self._mapping.settings.starting_position:
            case "LATEST":
                # Not what is latest now, which after a crash would be another one: for all shards what was so at the beginning.
                return Position(at_unix_ms=await self._kit.started_unix_ms())
            case "AT_TIMESTAMP":
                return Position(at_unix_ms=self._mapping.settings.starting_position_unix_ms)
            case _:
                return Position()


class _ShardReader:
    """A `StreamReader`."""

    def __init__(
        self, reading: ShardReading, service: ShardService, shard: Shard, watch: WriteWatch, on_close: Callable[[], object]
    ) -> None:
        self._reading = reading
        self._service = service
        self._shard = shard
        self._watch = watch
        self._on_close = on_close

    async def read(self, limit: int) -> Reading:
        return await self._reading.read(limit)

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        return self._service.filtered_view(record)

    def event(self, records: Sequence[StreamRecord], window: dict[str, Any] | None) -> bytes:
        event = {"Records": msgspec.Raw(join_records(records))}
        return msgspec.json.encode(event if window is None else event | window)

    def describe(self, records: Sequence[StreamRecord]) -> tuple[str, dict[str, Any]]:
        return self._service.info_name, batch_info(self._shard.shard_id, self._service.stream_arn, records)

    async def aclose(self) -> None:
        self._watch.close()
        self._on_close()
