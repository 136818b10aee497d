"""What has records for functions: how the bench makes sources of each kind, puts records into them, and reads those itself."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.running_platform import Platform

_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind. `create`: a source of that name, and what a mapping says to name it. `put`: so many records. `read`: as fast as one client
    of the kind can, `reader`; so many, in batches of a size. `count_max`: with more records it would take long."""

    name: str
    batch_sizes: tuple[int, ...]
    create: Callable[[str], dict[str, Any]]
    put: Callable[[str, int], None]
    read: Callable[[str, int, int], None]
    reader: str = "one boto3 client"
    parameters: dict[str, Any] = field(default_factory=dict)
    count_max: int = 2_000

    @property
    def key(self) -> str:
        """For the names of functions and the like."""
        return self.name.lower().replace(" ", "-")


def aws_sources(platform: Platform) -> Iterator[SourceKind]:
    """In the services of the companion."""
    sqs, kinesis, dynamodb, streams = (platform.service(name) for name in ("sqs", "kinesis", "dynamodb", "dynamodbstreams"))

    def create_queue(name: str, attributes: dict[str, str], suffix: str) -> dict[str, Any]:
        sqs.create_queue(QueueName=name + suffix, Attributes=attributes)
        return {"EventSourceArn": f"arn:aws:sqs:us-east-1:{_ACCOUNT}:{name}{suffix}"}

    def send(queue: str, count: int, fifo: bool) -> None:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for start in range(0, count, 10):
            entries: list[dict[str, str]] = []
            for number in range(start, min(start + 10, count)):
                group = {"MessageGroupId": str(number), "MessageDeduplicationId": f"{time.time()}-{number}"} if fifo else {}
                entries.append({"Id": str(number), "MessageBody": json.dumps({"number": number}), **group})
            sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def receive(queue: str, count: int, batch_size: int) -> None:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        done = 0
        while done < count:
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(batch_size, 10)).get("Messages", [])
            entries = [{"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]} for index, each in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            done += len(messages)

    yield SourceKind(
        "SQS",
        (1, 100, 1_000),
        lambda name: create_queue(name, {}, ""),
        lambda name, count: send(name, count, fifo=False),
        receive,
        count_max=1_000,
    )
    yield SourceKind(
        "SQS FIFO",
        (1, 10),
        lambda name: create_queue(name, {"FifoQueue": "true"}, ".fifo"),
        lambda name, count: send(f"{name}.fifo", count, fifo=True),
        lambda name, count, batch_size: receive(f"{name}.fifo", count, batch_size),
    )

    def create_stream(name: str) -> dict[str, Any]:
        kinesis.create_stream(StreamName=name, ShardCount=1)
        return {"EventSourceArn": f"arn:aws:kinesis:us-east-1:{_ACCOUNT}:stream/{name}"}

    def put_records(name: str, count: int) -> None:
        for start in range(0, count, 500):
            numbers = range(start, min(start + 500, count))
            kinesis.put_records(StreamName=name, Records=[{"PartitionKey": str(number), "Data": b"{}"} for number in numbers])

    def get_records(name: str, count: int, batch_size: int) -> None:
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
        _read_shard(kinesis, iterator["ShardIterator"], count, batch_size)

    beginning = {"StartingPosition": "TRIM_HORIZON"}
    yield SourceKind("Kinesis", (1, 100, 1_000), create_stream, put_records, get_records, parameters=beginning)
    arns: dict[str, str] = {}

    def create_table(name: str) -> dict[str, Any]:
        table = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        arns[name] = str(table["TableDescription"]["LatestStreamArn"])
        return {"EventSourceArn": arns[name]}

    def put_items(name: str, count: int) -> None:
        for start in range(0, count, 25):
            items = [{"PutRequest": {"Item": {"id": {"S": f"{time.time()}-{number}"}}}} for number in range(start, min(start + 25, count))]
            dynamodb.batch_write_item(RequestItems={name: items})

    def get_changes(name: str, count: int, batch_size: int) -> None:
        shard = streams.describe_stream(StreamArn=arns[name])["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(StreamArn=arns[name], ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        _read_shard(streams, iterator["ShardIterator"], count, batch_size)

    yield SourceKind("DynamoDB Streams", (1, 100, 1_000), create_table, put_items, get_changes, parameters=beginning)


def _read_shard(client: Any, iterator: str, count: int, batch_size: int) -> None:
    done = 0
    while done < count:
        answer = client.get_records(ShardIterator=iterator, Limit=batch_size)
        done += len(answer["Records"])
        iterator = answer["NextShardIterator"]
