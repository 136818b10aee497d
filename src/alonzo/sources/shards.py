"""What Kinesis and DynamoDB Streams have in common: shards, iterators, and positions within them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from alonzo.aws.client.errors import AwsRefused
from alonzo.sources.notices import WriteWatch
from alonzo.sources.source import Unit
from alonzo.sources.stream_records import Reading, StreamRecord

_IDLE_FIRST_SECONDS, _IDLE_MAX_SECONDS = 0.1, 1.0
"""Between looks at a shard without news. AWS looks once a second."""
_ITERATOR_GONE = frozenset(("ExpiredIteratorException", "ExpiredNextTokenException"))
_POSITION_GONE = frozenset(("TrimmedDataAccessException", "InvalidArgumentException"))
_GENERATION_MARK = "#"


@dataclass(frozen=True, slots=True)
class Shard:
    """Of one generation of a stream: one that was deleted and made again has the same shards and other records."""

    shard_id: str
    generation: int
    parents: tuple[str, ...]
    is_closed: bool

    @property
    def unit(self) -> Unit:
        """As what it is polled."""
        return Unit(self._name(self.shard_id), tuple(self._name(parent) for parent in self.parents))

    def _name(self, shard_id: str) -> str:
        return f"{shard_id}{_GENERATION_MARK}{self.generation}"


def shards_of(described: Sequence[Mapping[str, Any]], created_at: datetime) -> list[Shard]:
    """The shards of a stream, as the service describes it."""
    generation = round(created_at.timestamp() * 1000)
    return [
        Shard(
            shard_id=shard["ShardId"],
            generation=generation,
            parents=tuple(parent for name in ("ParentShardId", "AdjacentParentShardId") if (parent := shard.get(name))),
            is_closed=bool((shard.get("SequenceNumberRange") or {}).get("EndingSequenceNumber")),
        )
        for shard in described
    ]


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a shard to begin: after a record, at an instant, or with the oldest record there is (neither)."""

    after: str | None = None
    at_unix_ms: int | None = None


class ShardCalls(Protocol):
    """What a service adds. `read_max_count`: how many records it gives at once."""

    read_max_count: int

    async def get_iterator(self, shard_id: str, position: Position) -> str | None:
        """A new iterator; None when there is nothing to read. Errors of AWS calls."""
        ...

    async def get_records(self, iterator: str, limit: int) -> dict[str, Any]:
        """`Records`, `NextShardIterator`, perhaps `MillisBehindLatest`. Errors of AWS calls."""
        ...

    def record(self, raw: dict[str, Any]) -> StreamRecord | None:
        """One of `Records`; None for one that lies before the position."""
        ...


class ShardReading:
    """Reads on and on in one shard."""

    def __init__(self, *, calls: ShardCalls, shard: Shard, position: Position, watch: WriteWatch) -> None:
        self._calls = calls
        self._shard = shard
        self._position = position
        self._watch = watch
        self._iterator: str | None = None
        self._idle_seconds = 0.0

    async def read(self, limit: int) -> Reading:
        """As `StreamReader`."""
        if self._idle_seconds:
            await self._watch.wait(self._idle_seconds)
        self._watch.begin()
        limit = min(limit, self._calls.read_max_count)
        answer = await self._get_records(limit)
        if answer is None:
            return Reading((), is_at_end=True)
        raw = answer.get("Records", ())
        records = [record for each in raw if (record := self._calls.record(each)) is not None]
        self._iterator = answer.get("NextShardIterator")
        if raw:
            self._position = Position(after=_sequence_number(raw[-1]))
        is_caught_up = not answer.get("MillisBehindLatest") and len(raw) < limit
        # A shard that was closed has an end; services that are not AWS do not always say so when it is reached.
        is_at_end = self._iterator is None or (self._shard.is_closed and is_caught_up and not raw)
        if not is_caught_up:
            self._idle_seconds = 0.0
        elif raw:
            self._idle_seconds = _IDLE_FIRST_SECONDS
        else:
            self._idle_seconds = min(max(2 * self._idle_seconds, _IDLE_FIRST_SECONDS), _IDLE_MAX_SECONDS)
        return Reading(records, is_at_end=is_at_end, is_caught_up=is_caught_up)

    def note_closed(self) -> None:
        """The service says that nothing more will be written to the shard."""
        if not self._shard.is_closed:
            self._shard = Shard(self._shard.shard_id, self._shard.generation, self._shard.parents, is_closed=True)
            self._idle_seconds = 0.0

    async def _get_records(self, limit: int) -> dict[str, Any] | None:
        if self._iterator is None:
            self._iterator = await self._new_iterator()
            if self._iterator is None:
                return None
        try:
            return await self._calls.get_records(self._iterator, limit)
        except AwsRefused as error:
            self._iterator = None  # whatever was wrong: the position is known
            if error.code.rpartition("#")[2] not in _ITERATOR_GONE:
                raise
        self._iterator = await self._new_iterator()
        return None if self._iterator is None else await self._calls.get_records(self._iterator, limit)

    async def _new_iterator(self) -> str | None:
        try:
            return await self._calls.get_iterator(self._shard.shard_id, self._position)
        except AwsRefused as error:
            if self._position == Position() or error.code.rpartition("#")[2] not in _POSITION_GONE:
                raise
        self._position = Position()  # the record has left the stream: on with the oldest one there is
        return await self._calls.get_iterator(self._shard.shard_id, self._position)


def _sequence_number(raw: dict[str, Any]) -> str:
    number: str = raw["SequenceNumber"] if "SequenceNumber" in raw else raw["dynamodb"]["SequenceNumber"]
    return number


def base64_text(data: bytes) -> str:
    """Bytes as JSON has them."""
    return base64.b64encode(data).decode()


def encode_record(members: dict[str, Any]) -> bytes:
    """A record as it stands in the event."""
    return msgspec.json.encode(members)


def instant(unix_ms: int) -> str:
    """As records of failures name it."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def batch_info(shard_id: str, stream_arn: str | None, records: Sequence[StreamRecord]) -> dict[str, Any]:
    """What on-failure destinations are told of a batch.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html.
    """
    first, last = records[0], records[-1]
    return {
        "shardId": shard_id,
        "startSequenceNumber": first.identifier,
        "endSequenceNumber": last.identifier,
        "approximateArrivalOfFirstRecord": instant(first.arrived_unix_ms),
        "approximateArrivalOfLastRecord": instant(last.arrived_unix_ms),
        "batchSize": len(records),
        "streamArn": stream_arn,
    }
