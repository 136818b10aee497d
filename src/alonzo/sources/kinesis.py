"""Kinesis. Consumers with enhanced fan-out are read like the stream itself.

Source of the event: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html.
"""

import base64
from datetime import UTC, datetime
from typing import Any

import msgspec

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.model.scope import Scope
from alonzo.sources.errors import SourceProblem
from alonzo.sources.filters import decoded
from alonzo.sources.shard_source import ShardSource
from alonzo.sources.shards import Position, Shard, ShardCalls, base64_text, encode_record, shards_of
from alonzo.sources.source import PollerKit
from alonzo.sources.stream_records import StreamRecord

_READ_MAX_COUNT = 10_000
"""Source: botocore shape `GetRecordsInputLimit`."""


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> ShardSource:
    """A `SourceOpener`."""
    assert mapping.event_source_arn is not None
    return ShardSource(mapping=mapping, kit=kit, service=KinesisStream(mapping.event_source_arn, kit))


class KinesisStream:
    """A `ShardService`. `source_arn`: of a stream, or of one of its consumers."""

    info_name = "KinesisBatchInfo"
    watched: tuple[str, ...] = ("kinesis", "firehose", "events", "dynamodb", "logs")

    def __init__(self, source_arn: str, kit: PollerKit) -> None:
        _, partition, _, region, account_id, resource = source_arn.split(":", 5)
        self.scope = Scope(account_id, region, partition)
        self.name = resource.split("/")[1]
        self.source_arn = source_arn
        self.stream_arn = f"arn:{partition}:kinesis:{region}:{account_id}:stream/{self.name}"
        self.kit = kit

    async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One call about this stream."""
        return await self.kit.services.call("kinesis", operation, parameters, scope=self.scope)

    async def list_shards(self) -> list[Shard]:
        """As the protocol says."""
        shards: list[dict[str, Any]] = []
        while True:
            start = {"ExclusiveStartShardId": shards[-1]["ShardId"]} if shards else {}
            answer = await self.call("DescribeStream", {"StreamName": self.name, "StreamARN": self.stream_arn, **start})
            described = answer["StreamDescription"]
            if described.get("StreamStatus") == "CREATING":
                raise SourceProblem(f"The stream {self.name} is being created.")
            shards += described["Shards"]
            if not described["Shards"] or not described.get("HasMoreShards"):
                return shards_of(shards, described["StreamCreationTimestamp"])

    def calls(self, shard_id: str, begins_at_unix_ms: int | None) -> ShardCalls:
        """As the protocol says."""
        del begins_at_unix_ms  # an iterator of Kinesis can
        return _KinesisShard(self, shard_id)

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        """The members of `kinesis` may be named with or without it."""
        members: dict[str, Any] = msgspec.json.decode(record.content)
        data = decoded(base64.b64decode(members["kinesis"]["data"]))
        inner: dict[str, Any] = members["kinesis"] | {"data": data}
        return members | inner | {"kinesis": inner}


class _KinesisShard:
    """`ShardCalls`."""

    read_max_count = _READ_MAX_COUNT

    def __init__(self, stream: KinesisStream, shard_id: str) -> None:
        self._stream = stream
        self._shard_id = shard_id
        self._role_arn = stream.kit.invoker.role_arn()

    async def get_iterator(self, shard_id: str, position: Position) -> str | None:
        stream = self._stream
        parameters: dict[str, Any] = {"StreamName": stream.name, "StreamARN": stream.stream_arn, "ShardId": shard_id}
        if position.after is not None:
            parameters |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": position.after}
        elif position.at_unix_ms is not None:
            at = datetime.fromtimestamp(position.at_unix_ms / 1000, UTC)
            parameters |= {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at}
        else:
            parameters["ShardIteratorType"] = "TRIM_HORIZON"
        iterator: str | None = (await stream.call("GetShardIterator", parameters)).get("ShardIterator")
        return iterator

    async def get_records(self, iterator: str, limit: int) -> dict[str, Any]:
        parameters = {"ShardIterator": iterator, "StreamARN": self._stream.stream_arn, "Limit": limit}
        return await self._stream.call("GetRecords", parameters)

    def record(self, raw: dict[str, Any]) -> StreamRecord | None:
        stream, number = self._stream, raw["SequenceNumber"]
        arrived_unix_ms = round(raw["ApproximateArrivalTimestamp"].timestamp() * 1000)
        members = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": raw["PartitionKey"],
                "sequenceNumber": number,
                "data": base64_text(raw["Data"]),
                "approximateArrivalTimestamp": arrived_unix_ms / 1000,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self._shard_id}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role_arn,
            "awsRegion": stream.scope.region,
            "eventSourceARN": stream.source_arn,
        }
        return StreamRecord(
            identifier=number, position=number, content=encode_record(members), key=raw["PartitionKey"], arrived_unix_ms=arrived_unix_ms
        )
