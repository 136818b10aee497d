"""Event source mappings: how fast records come to functions, how long one takes on an idle mapping, and what an idle mapping costs.

The services are the companion's; what a client of theirs alone gets done in the same run is the limit.
"""

import json
import socket
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure, Limit
from bench.processes import read_cpu_seconds
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_ACCOUNT = "000000000000"
_COUNTS = {1: 300, 10: 1_000, 100: 2_000, 1_000: 4_000}
"""How many records there are, by the batch's size."""
_SENDS, _PAUSE_SECONDS = 30, 0.15
_IDLE_SECONDS = 5.0
_TIMEOUT_SECONDS = 120.0
_INVOKED = "alonzo_invoked_event_count_total"
_NOTHING = "def handler(event, context):\n    return None\n"
_TELLING = """
import socket, os, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def handler(event, context):
    out.sendto(str(time.time()).encode(), ("127.0.0.1", int(os.environ["PORT"])))
"""


@dataclass(frozen=True, slots=True)
class _Source:
    """One kind. `create`: a source of that name, its ARN. `put`: so many records. `read`: as fast as one client can."""

    name: str
    batch_sizes: tuple[int, ...]
    parameters: dict[str, Any]
    create: Callable[[str], str]
    put: Callable[[str, int], None]
    read: Callable[[str, int, int], None]

    @property
    def key(self) -> str:
        """For the names of functions and the like."""
        return self.name.lower().replace(" ", "-")


def measure_sources(settings: BenchSettings) -> Iterator[Figure]:
    """Rates first, then one record at a time, then none."""
    del settings  # the counts say how long it takes
    with started_platform() as platform:
        for source in _sources(platform):
            for batch_size in source.batch_sizes:
                yield _measure_rate(platform, source, batch_size)
        for source in _sources(platform):
            yield from _measure_idle(platform, source)


def _measure_rate(platform: Platform, source: _Source, batch_size: int) -> Figure:
    count = _COUNTS[batch_size]
    name = platform.deploy(f"rate-{source.key}-{batch_size}", _NOTHING)
    arn = source.create(name)
    source.put(name, count)
    uuid = _map(platform, source, name, arn, batch_size=batch_size, is_enabled=False)
    started_at = time.perf_counter()
    platform.client.update_event_source_mapping(UUID=uuid, Enabled=True)
    _wait_for_invoked(platform, uuid, count)
    seconds = time.perf_counter() - started_at
    _unmap(platform, uuid)
    limit_name = f"{name}-limit"
    source.create(limit_name)
    source.put(limit_name, count)
    began_at = time.perf_counter()
    source.read(limit_name, count, batch_size)
    limit = count / (time.perf_counter() - began_at)
    return Figure(
        row=f"{source.name}, batches of {batch_size:,}: records processed",
        value=count / seconds,
        unit="/s",
        limit=Limit(limit, "one boto3 client that reads the same, one request after the other"),
        note=f"{count:,} records, from the mapping's being enabled",
    )


def _measure_idle(platform: Platform, source: _Source) -> Iterator[Figure]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        inbox.settimeout(_TIMEOUT_SECONDS)
        variables = {"PORT": str(inbox.getsockname()[1])}
        name = platform.deploy(f"idle-{source.key}", _TELLING, Environment={"Variables": variables})
        arn = source.create(name)
        uuid = _map(platform, source, name, arn, batch_size=1, is_enabled=True)
        delays, puts = [], []
        for _ in range(_SENDS + 1):
            time.sleep(_PAUSE_SECONDS)
            sent_at = time.time()
            source.put(name, 1)
            puts.append(time.time() - sent_at)
            delays.append(float(inbox.recv(64)) - sent_at)
        yield Figure(
            row=f"{source.name}, idle mapping: from the send to the handler's start: p50",
            value=statistics.median(delays[1:]) * 1e3,
            unit="ms",
            limit=Limit(statistics.median(puts[1:]) * 1e3, "the send itself, whole"),
        )
        platform.wait_until_quiet()
        time.sleep(1)
        before, began_at = read_cpu_seconds(platform.processes().every), time.perf_counter()
        time.sleep(_IDLE_SECONDS)
        share = (read_cpu_seconds(platform.processes().every) - before) / (time.perf_counter() - began_at)
        _unmap(platform, uuid)
        time.sleep(1)
        before, began_at = read_cpu_seconds(platform.processes().every), time.perf_counter()
        time.sleep(_IDLE_SECONDS)
        bare = (read_cpu_seconds(platform.processes().every) - before) / (time.perf_counter() - began_at)
        yield Figure(
            row=f"{source.name}, idle mapping: processor time, with the companion's",
            value=share * 100,
            unit="% of a core",
            limit=Limit(bare * 100, "the same platform without the mapping"),
        )


def _map(platform: Platform, source: _Source, name: str, arn: str, *, batch_size: int, is_enabled: bool) -> str:
    parameters = dict(source.parameters)
    if "SQS" in source.name and batch_size > 10:
        parameters["MaximumBatchingWindowInSeconds"] = 1
    client = platform.client
    uuid: str = client.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        BatchSize=batch_size,
        Enabled=is_enabled,
        MetricsConfig={"Metrics": ["EventCount"]},
        **parameters,
    )["UUID"]
    _wait_for_state(platform, uuid, "Enabled" if is_enabled else "Disabled")
    return uuid


def _unmap(platform: Platform, uuid: str) -> None:
    _wait_for_state(platform, uuid, "Enabled")
    platform.client.delete_event_source_mapping(UUID=uuid)


def _wait_for_state(platform: Platform, uuid: str, state: str) -> None:
    _wait(lambda: platform.client.get_event_source_mapping(UUID=uuid)["State"] == state)


def _wait_for_invoked(platform: Platform, uuid: str, count: int) -> None:
    host, port = platform.address

    def all_are_done() -> bool:
        page = urllib.request.urlopen(f"http://{host}:{port}/_alonzo/metrics", timeout=20).read().decode()
        lines = [line for line in page.splitlines() if line.startswith(_INVOKED) and uuid in line]
        return bool(lines) and int(lines[0].rpartition(" ")[2]) >= count

    _wait(all_are_done)


def _wait(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError("a mapping did not get there")
        time.sleep(0.02)


def _sources(platform: Platform) -> Iterator[_Source]:
    sqs, kinesis, dynamodb, streams = (platform.service(name) for name in ("sqs", "kinesis", "dynamodb", "dynamodbstreams"))

    def create_queue(name: str, attributes: dict[str, str], suffix: str) -> str:
        sqs.create_queue(QueueName=name + suffix, Attributes=attributes)
        return f"arn:aws:sqs:us-east-1:{_ACCOUNT}:{name}{suffix}"

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

    yield _Source(
        "SQS", (1, 100, 1_000), {}, lambda name: create_queue(name, {}, ""), lambda name, count: send(name, count, fifo=False), receive
    )
    yield _Source(
        "SQS FIFO",
        (1, 10),
        {},
        lambda name: create_queue(name, {"FifoQueue": "true"}, ".fifo"),
        lambda name, count: send(f"{name}.fifo", count, fifo=True),
        lambda name, count, batch_size: receive(f"{name}.fifo", count, batch_size),
    )

    def create_stream(name: str) -> str:
        kinesis.create_stream(StreamName=name, ShardCount=1)
        return f"arn:aws:kinesis:us-east-1:{_ACCOUNT}:stream/{name}"

    def put_records(name: str, count: int) -> None:
        for start in range(0, count, 500):
            numbers = range(start, min(start + 500, count))
            kinesis.put_records(StreamName=name, Records=[{"PartitionKey": str(number), "Data": b"{}"} for number in numbers])

    def get_records(name: str, count: int, batch_size: int) -> None:
        iterator = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
        _read_shard(kinesis, iterator["ShardIterator"], count, batch_size)

    beginning = {"StartingPosition": "TRIM_HORIZON"}
    yield _Source("Kinesis", (1, 100, 1_000), beginning, create_stream, put_records, get_records)
    arns: dict[str, str] = {}

    def create_table(name: str) -> str:
        table = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        arns[name] = str(table["TableDescription"]["LatestStreamArn"])
        return arns[name]

    def put_items(name: str, count: int) -> None:
        for start in range(0, count, 25):
            items = [{"PutRequest": {"Item": {"id": {"S": f"{time.time()}-{number}"}}}} for number in range(start, min(start + 25, count))]
            dynamodb.batch_write_item(RequestItems={name: items})

    def get_changes(name: str, count: int, batch_size: int) -> None:
        shard = streams.describe_stream(StreamArn=arns[name])["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = streams.get_shard_iterator(StreamArn=arns[name], ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        _read_shard(streams, iterator["ShardIterator"], count, batch_size)

    yield _Source("DynamoDB Streams", (1, 100, 1_000), beginning, create_table, put_items, get_changes)


def _read_shard(client: Any, iterator: str, count: int, batch_size: int) -> None:
    done = 0
    while done < count:
        answer = client.get_records(ShardIterator=iterator, Limit=batch_size)
        done += len(answer["Records"])
        iterator = answer["NextShardIterator"]
