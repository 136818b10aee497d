"""RabbitMQ as an event source."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import aiormq
import pytest
from pamqp import commands
from tests.support.batch_sink import BatchSink
from tests.support.brokers.rabbitmq import OTHER_HOST, PASSWORD, USER, RabbitMq
from tests.support.mappings import create_mapping, create_secret, switch_mapping, wait_for_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

_ARN = "arn:aws:mq:us-east-1:000000000000:broker:orders:b-24cacbb4-b295-49b7-8543-7ce7ce9dfb98"
_OTHER_ARN = "arn:aws:mq:us-east-1:000000000000:broker:others:b-00000000-b295-49b7-8543-7ce7ce9dfb98"


@pytest.fixture(scope="module")
def server(rabbitmq: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the broker is."""
    options = ("--broker", f"arn:aws:mq:*:broker:orders:*={rabbitmq.url}")
    with Server.start(*options, data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="module")
def login(server: Server) -> str:
    """The secret with the credentials."""
    return create_secret(server, "rabbitmq", username=USER, password=PASSWORD)


def with_channel(rabbitmq: RabbitMq, task: Callable[[Any], Awaitable[Any]], *, virtual_host: str = "") -> Any:
    async def run() -> Any:
        connection = await aiormq.connect(f"{rabbitmq.url_with_credentials}/{virtual_host}")
        try:
            return await task(await connection.channel())
        finally:
            await connection.close()

    return asyncio.run(run())


def declare(rabbitmq: RabbitMq, queue: str, **arguments: Any) -> str:
    async def task(channel: Any) -> None:
        await channel.queue_declare(queue, durable=True, arguments=arguments)

    with_channel(rabbitmq, task)
    return queue


def send(rabbitmq: RabbitMq, queue: str, bodies: Iterable[bytes], **properties: Any) -> None:
    async def task(channel: Any) -> None:
        for body in bodies:
            await channel.basic_publish(body, routing_key=queue, properties=commands.Basic.Properties(**properties))

    with_channel(rabbitmq, task)


def depth(rabbitmq: RabbitMq, queue: str) -> int:
    """How many messages of a queue are ready for whoever comes."""

    async def task(channel: Any) -> int:
        declared = await channel.queue_declare(queue, passive=True)
        count: int = declared.message_count
        return count

    count: int = with_channel(rabbitmq, task)
    return count


def create(server: Server, login: str, function: str, queue: str, **settings: Any) -> str:
    known = {"EventSourceArn": _ARN, "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": login}]}
    return create_mapping(server, function, Queues=[queue], **(known | settings))


def messages_of(sink: BatchSink) -> list[dict[str, Any]]:
    return [message for event in sink.events for messages in event["rmqMessagesByQueue"].values() for message in messages]


def bodies_of(sink: BatchSink) -> list[str]:
    return [base64.b64decode(message["data"]).decode() for message in messages_of(sink)]


def test_events_are_as_on_aws(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue = declare(rabbitmq, "pizza")
    at = datetime(1970, 1, 1, 0, 33, 41, tzinfo=UTC)
    headers = {"header1": "value1", "number": 10, "nested": {"list": ["é", True]}}
    properties = {
        "content_type": "text/plain",
        "headers": headers,
        "delivery_mode": 1,
        "priority": 34,
        "expiration": "60000",
        "timestamp": at,
        "message_id": "m-1",
    }
    send(rabbitmq, queue, [b'{"timeout":0}'], **properties)
    create(server, login, sink.deploy(server, "shapes"), queue)
    eventually(lambda: sink.events, what="a batch")
    assert sink.events[0].keys() == {"eventSource", "eventSourceArn", "rmqMessagesByQueue"}
    assert (sink.events[0]["eventSource"], sink.events[0]["eventSourceArn"]) == ("aws:rmq", _ARN)
    assert sink.events[0]["rmqMessagesByQueue"].keys() == {"pizza::/"}
    (message,) = messages_of(sink)
    assert message.pop("basicProperties") == {
        "contentType": "text/plain",
        "contentEncoding": None,
        "headers": {
            "header1": {"bytes": [118, 97, 108, 117, 101, 49]},
            "number": 10,
            "nested": {"list": [{"bytes": [-61, -87]}, True]},
        },
        "deliveryMode": 1,
        "priority": 34,
        "correlationId": None,
        "replyTo": None,
        "expiration": "60000",
        "messageId": "m-1",
        "timestamp": "Jan 1, 1970, 12:33:41 AM",
        "type": None,
        "userId": None,
        "appId": None,
        "clusterId": None,
        "bodySize": 13,
    }
    assert message == {"redelivered": False, "data": "eyJ0aW1lb3V0IjowfQ=="}
    eventually(lambda: depth(rabbitmq, queue) == 0, what="an empty queue")


def test_batches_have_a_size_and_a_window(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue = declare(rabbitmq, "batches")
    send(rabbitmq, queue, [b"%d" % number for number in range(5)])
    create(server, login, sink.deploy(server, "batches"), queue, BatchSize=2, MaximumBatchingWindowInSeconds=1)
    eventually(lambda: len(messages_of(sink)) == 5, what="all messages")
    assert [len(event["rmqMessagesByQueue"]["batches::/"]) for event in sink.events] == [2, 2, 1]


def test_what_fails_comes_again_and_nothing_is_acknowledged_before(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue = declare(rabbitmq, "failures")

    def decide(event: dict[str, Any]) -> None:
        if len(sink.events) < 3:
            raise ValueError("not yet")

    sink.decide = decide
    send(rabbitmq, queue, [b"first", b"second"])
    uuid = create(server, login, sink.deploy(server, "failures"), queue)
    eventually(lambda: len(sink.events) == 3, what="three tries")
    assert bodies_of(sink) == ["first", "second"] * 3
    assert [message["redelivered"] for message in messages_of(sink)] == [False] * 2 + [True] * 4
    wait_for_mapping(server, uuid, LastProcessingResult="OK")
    switch_mapping(server, uuid, enabled=False)
    assert depth(rabbitmq, queue) == 0


def test_a_function_that_may_not_run_loses_nothing_of_a_queue(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue, client = declare(rabbitmq, "throttled"), server.own_client("lambda")
    function = sink.deploy(server, "rabbitmq-throttled")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    send(rabbitmq, queue, [b"%d" % number for number in range(5)])
    uuid = create(server, login, function, queue, BatchSize=2)
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Function is throttled")
    client.delete_function_concurrency(FunctionName=function)
    eventually(lambda: len(messages_of(sink)) == 5, what="all messages")
    assert bodies_of(sink) == ["0", "1", "2", "3", "4"]


def test_a_mapping_that_is_disabled_leaves_messages_to_the_broker(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue = declare(rabbitmq, "pauses")
    uuid = create(server, login, sink.deploy(server, "pauses"), queue, MaximumBatchingWindowInSeconds=300)
    send(rabbitmq, queue, [b"waits"])
    switch_mapping(server, uuid, enabled=False)
    eventually(lambda: depth(rabbitmq, queue) == 1, what="the message back in its queue")
    assert not sink.events
    server.own_client("lambda").update_event_source_mapping(UUID=uuid, MaximumBatchingWindowInSeconds=0)
    wait_for_mapping(server, uuid, State="Disabled")
    switch_mapping(server, uuid, enabled=True)
    eventually(lambda: bodies_of(sink) == ["waits"], what="the message")


def test_filters_see_the_body_and_drop_what_does_not_match(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    queue = declare(rabbitmq, "filters")
    send(rabbitmq, queue, [b'{"size": 1}', b"no JSON", b'{"size": 9}', b'{"size": 2}'])
    filters = {"Filters": [{"Pattern": '{"data": {"size": [{"numeric": ["<", 5]}]}}'}]}
    create(server, login, sink.deploy(server, "filters"), queue, FilterCriteria=filters)
    eventually(lambda: bodies_of(sink) == ['{"size": 1}', '{"size": 2}'], what="what matches")
    eventually(lambda: depth(rabbitmq, queue) == 0, what="an empty queue")


def test_queues_of_other_virtual_hosts_are_reached(server: Server, rabbitmq: RabbitMq, login: str, sink: BatchSink) -> None:
    async def task(channel: Any) -> None:
        await channel.queue_declare("q", durable=True)
        await channel.basic_publish(b"there", routing_key="q")

    with_channel(rabbitmq, task, virtual_host=OTHER_HOST)
    access = [{"Type": "BASIC_AUTH", "URI": login}, {"Type": "VIRTUAL_HOST", "URI": OTHER_HOST}]
    create(server, login, sink.deploy(server, "hosts"), "q", SourceAccessConfigurations=access)
    eventually(lambda: bodies_of(sink) == ["there"], what="the message")
    assert sink.events[0]["rmqMessagesByQueue"].keys() == {f"q::{OTHER_HOST}"}


def test_wrong_credentials_and_unknown_brokers_are_problems_of_the_mapping(server: Server, login: str, sink: BatchSink) -> None:
    function = sink.deploy(server, "problems")
    wrong = create_secret(server, "wrong", username=USER, password="wrong")
    uuid = create(server, wrong, function, "q1")
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Broker failed to authenticate Lambda")
    uuid = create(server, login, function, "missing")
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Queue missing does not exist")
    uuid = create(server, login, function, "q2", EventSourceArn=_OTHER_ARN)

    def is_told_of() -> bool:
        result = server.own_client("lambda").get_event_source_mapping(UUID=uuid)["LastProcessingResult"]
        return f"start with --broker {_OTHER_ARN}=" in result

    eventually(is_told_of, what="how to name the broker")
