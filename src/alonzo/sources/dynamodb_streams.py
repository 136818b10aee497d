"""DynamoDB Streams. Source of the event: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""

from typing import Any

import msgspec

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.scope import Scope
from alonzo.sources.errors import SourceProblem
from alonzo.sources.shard_source import ShardSource
from alonzo.sources.shards import Position, Shard, ShardCalls, base64_text, encode_record, shards_of
from alonzo.sources.source import PollerKit
from alonzo.sources.stream_records import StreamRecord

_READ_MAX_COUNT = 1_000
"""Source: botocore, `GetRecords` of `dynamodbstreams`."""

_MINUTE_MS, _SECOND_MS = 60_000, 1_000


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> ShardSource:
    """A `SourceOpener`."""
    assert mapping.event_source_arn is not None
    return ShardSource(mapping=mapping, kit=kit, service=DynamoDbStream(mapping.event_source_arn, kit))


class DynamoDbStream:
    """A `ShardService`."""

    info_name = "DDBStreamBatchInfo"
    watched: tuple[str, ...] = ("dynamodb", "cloudformation", "events", "states")

    def __init__(self, stream_arn: str, kit: PollerKit) -> None:
        _, partition, _, region, account_id, _ = stream_arn.split(":", 5)
        self.scope = Scope(account_id, region, partition)
        self.stream_arn = stream_arn
        self.kit = kit
        self.hash_key: str | None = None
        self._arn_there = stream_arn
        self._is_found = False

    async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One call about this stream."""
        return await self.kit.services.call("dynamodbstreams", operation, parameters, scope=self.scope)

    async def list_shards(self) -> list[Shard]:
        """As the protocol says."""
        shards: list[dict[str, Any]] = []
        await self._find()
        parameters: dict[str, Any] = {"StreamArn": self.arn_there}
        while True:
            described = (await self.call("DescribeStream", parameters))["StreamDescription"]
            if described.get("StreamStatus") == "ENABLING":
                raise SourceProblem("The stream is being enabled.")
            self.hash_key = next((key["AttributeName"] for key in described.get("KeySchema", ()) if key["KeyType"] == "HASH"), None)
            shards += described.get("Shards", ())
            last = described.get("LastEvaluatedShardId")
            if last is None:
                return shards_of(shards, described["CreationRequestDateTime"])
            parameters["ExclusiveStartShardId"] = last

    @property
    def arn_there(self) -> str:
        """What the service itself calls the stream."""
        return self._arn_there

    async def _find(self) -> None:
        """DynamoDB Local has streams in a region of its own, `ddblocal`, that no mapping can name: there the label tells which it is."""
        if self._is_found:
            return
        table, _, label = self.stream_arn.partition(":table/")[2].partition("/stream/")
        streams = (await self.call("ListStreams", {"TableName": table})).get("Streams", ())
        arns = [stream["StreamArn"] for stream in streams if stream.get("StreamLabel") == label]
        if self.stream_arn not in arns and len(arns) == 1:
            self._arn_there = arns[0]
        self._is_found = True

    def calls(self, shard_id: str, begins_at_unix_ms: int | None) -> ShardCalls:
        """As the protocol says."""
        del shard_id
        return _DynamoDbShard(self, begins_at_unix_ms)

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        """As the function gets it: filters name types of attributes, too."""
        view: dict[str, Any] = msgspec.json.decode(record.content)
        return view


class _DynamoDbShard:
    """`ShardCalls`. Iterators of DynamoDB cannot begin at an instant: what is older is left out here."""

    read_max_count = _READ_MAX_COUNT

    def __init__(self, stream: DynamoDbStream, begins_at_unix_ms: int | None) -> None:
        self._stream = stream
        self._begins_at_unix_ms = begins_at_unix_ms

    async def get_iterator(self, shard_id: str, position: Position) -> str | None:
        parameters: dict[str, Any] = {"StreamArn": self._stream.arn_there, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
        if position.after is not None:
            parameters |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": position.after}
        iterator: str | None = (await self._stream.call("GetShardIterator", parameters)).get("ShardIterator")
        return iterator

    async def get_records(self, iterator: str, limit: int) -> dict[str, Any]:
        return await self._stream.call("GetRecords", {"ShardIterator": iterator, "Limit": limit})

    def record(self, raw: dict[str, Any]) -> StreamRecord | None:
        change = raw["dynamodb"]
        created_seconds: float = change["ApproximateCreationDateTime"].timestamp()
        arrived_unix_ms = round(created_seconds * 1000)
        if self._begins_at_unix_ms is not None and _is_before(arrived_unix_ms, self._begins_at_unix_ms):
            return None
        number: str = change["SequenceNumber"]
        seconds = int(created_seconds) if created_seconds.is_integer() else created_seconds
        stream = self._stream
        members = raw | {
            "awsRegion": stream.scope.region,
            "dynamodb": _plain(change | {"ApproximateCreationDateTime": seconds}),
            "eventSourceARN": stream.stream_arn,
        }
        return StreamRecord(
            identifier=number, position=number, content=encode_record(members), key=self._key(change), arrived_unix_ms=arrived_unix_ms
        )

    def _key(self, change: dict[str, Any]) -> str:
        keys = change.get("Keys", {})
        return str(_plain(keys.get(self._stream.hash_key, keys)))


def _is_before(created_unix_ms: int, begin_unix_ms: int) -> bool:
    """Whether a record was surely there before. Instants are rounded down: to seconds by DynamoDB, to minutes by DynamoDB Local."""
    unit_ms = next(unit for unit in (_MINUTE_MS, _SECOND_MS, 1) if created_unix_ms % unit == 0)
    return created_unix_ms < begin_unix_ms // unit_ms * unit_ms


def _plain(value: Any) -> Any:
    """Binary values as the service writes them in JSON."""
    if isinstance(value, bytes):
        return base64_text(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
