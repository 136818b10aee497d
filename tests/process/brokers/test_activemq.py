"""ActiveMQ as an event source."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import stompman
from tests.support.batch_sink import BatchSink
from tests.support.brokers.activemq import PASSWORD, USER, ActiveMq
from tests.support.mappings import create_mapping, create_secret, switch_mapping, wait_for_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

_ARN = "arn:aws:mq:us-east-1:000000000000:broker:orders:b-24cacbb4-b295-49b7-8543-7ce7ce9dfb98"


@pytest.fixture(scope="module")
def server(activemq: ActiveMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the broker is."""
    with Server.start("--broker", f"arn:aws:mq:*={activemq.url}", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="module")
def login(server: Server) -> str:
    """The secret with the credentials."""
    return create_secret(server, "activemq", username=USER, password=PASSWORD)


def send(activemq: ActiveMq, queue: str, bodies: Sequence[bytes], *, is_text: bool = True, **headers: str) -> None:
    async def run() -> None:
        async with stompman.Client([stompman.ConnectionParameters("127.0.0.1", activemq.port, USER, PASSWORD)]) as client:
            for body in bodies:
                known = {name.replace("_", "-"): value for name, value in headers.items()}
                await client.send(body, f"/queue/{queue}", add_content_length=not is_text, headers=known, receipt_timeout=20)

    asyncio.run(run())


def receive(activemq: ActiveMq, queue: str, count: int) -> list[bytes]:
    """Take so many messages out of a queue."""

    async def run() -> list[bytes]:
        received: asyncio.Queue[stompman.AckableMessageFrame] = asyncio.Queue()
        async with stompman.Client([stompman.ConnectionParameters("127.0.0.1", activemq.port, USER, PASSWORD)]) as client:
            subscription = await client.subscribe_with_manual_ack(f"/queue/{queue}", received.put)
            bodies = []
            async with asyncio.timeout(30):
                while len(bodies) < count:
                    frame = await received.get()
                    await frame.ack()
                    bodies.append(frame.body)
            await subscription.unsubscribe()
            return bodies

    return asyncio.run(run())


def create(server: Server, login: str, function: str, queue: str, **settings: Any) -> str:
    access = [{"Type": "BASIC_AUTH", "URI": login}]
    return create_mapping(server, function, EventSourceArn=_ARN, Queues=[queue], SourceAccessConfigurations=access, **settings)


def messages_of(sink: BatchSink) -> list[dict[str, Any]]:
    return [message for event in sink.events for message in event["messages"]]


def bodies_of(sink: BatchSink) -> list[str]:
    return [base64.b64decode(message["data"]).decode() for message in messages_of(sink)]


def test_events_are_as_on_aws(server: Server, activemq: ActiveMq, login: str, sink: BatchSink) -> None:
    properties = {"persistent": "true", "correlation_id": "c-1", "reply_to": "/queue/back", "type": "order", "priority": "7", "index": "1"}
    send(activemq, "shapes", [b"ABC:AAAA"], **properties)
    send(activemq, "shapes", [b"\x00\xff"], is_text=False)
    create(server, login, sink.deploy(server, "shapes"), "shapes")
    eventually(lambda: len(messages_of(sink)) == 2, what="both messages")
    assert (sink.events[0]["eventSource"], sink.events[0]["eventSourceArn"]) == ("aws:mq", _ARN)
    text, content = messages_of(sink)
    assert text["messageID"].startswith("ID:")
    assert text["timestamp"] == text["brokerInTime"] <= text["brokerOutTime"]
    instants = {name: text[name] for name in ("messageID", "timestamp", "brokerInTime", "brokerOutTime")}
    assert text == instants | {
        "messageType": "jms/text-message",
        "deliveryMode": 2,
        "correlationID": "c-1",
        "replyTo": "/queue/back",
        "destination": {"physicalName": "shapes"},
        "redelivered": False,
        "type": "order",
        "expiration": 0,
        "priority": 7,
        "data": "QUJDOkFBQUE=",
        "properties": {"index": "1"},
    }
    assert (content["messageType"], content["data"], content["deliveryMode"]) == ("jms/bytes-message", "AP8=", 1)
    assert (content["correlationID"], content["replyTo"], content["type"]) == ("", "null", "")


def test_batches_have_a_size_and_a_window(server: Server, activemq: ActiveMq, login: str, sink: BatchSink) -> None:
    send(activemq, "batches", [b"%d" % number for number in range(5)])
    create(server, login, sink.deploy(server, "batches"), "batches", BatchSize=2, MaximumBatchingWindowInSeconds=1)
    eventually(lambda: len(messages_of(sink)) == 5, what="all messages")
    assert [len(event["messages"]) for event in sink.events] == [2, 2, 1]
    assert bodies_of(sink) == ["0", "1", "2", "3", "4"]


def test_what_fails_for_good_goes_to_the_brokers_dead_letter_queue(server: Server, activemq: ActiveMq, login: str, sink: BatchSink) -> None:
    def decide(event: dict[str, Any]) -> None:
        if any(base64.b64decode(message["data"]) == b"poison" for message in event["messages"]):
            raise ValueError("no")

    sink.decide = decide
    send(activemq, "failures", [b"poison", b"food"], persistent="true")
    uuid = create(server, login, sink.deploy(server, "failures"), "failures", BatchSize=1)
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Function call failed")
    eventually(lambda: "food" in bodies_of(sink), what="the message behind")
    assert bodies_of(sink) == ["poison"] * 6 + ["food"]
    assert [message["redelivered"] for message in messages_of(sink)] == [False] + [True] * 5 + [False]
    assert receive(activemq, "ActiveMQ.DLQ", 1) == [b"poison"]


def test_a_mapping_that_is_disabled_leaves_messages_to_the_broker(server: Server, activemq: ActiveMq, login: str, sink: BatchSink) -> None:
    uuid = create(server, login, sink.deploy(server, "pauses"), "pauses", MaximumBatchingWindowInSeconds=300)
    send(activemq, "pauses", [b"waits"])
    switch_mapping(server, uuid, enabled=False)
    assert receive(activemq, "pauses", 1) == [b"waits"]
    assert not sink.events


def test_filters_see_the_body(server: Server, activemq: ActiveMq, login: str, sink: BatchSink) -> None:
    send(activemq, "filters", [b'{"size": 1}', b"no JSON", b'{"size": 9}'])
    filters = {"Filters": [{"Pattern": '{"data": {"size": [{"numeric": [">", 5]}]}}'}]}
    create(server, login, sink.deploy(server, "filters"), "filters", FilterCriteria=filters)
    eventually(lambda: bodies_of(sink) == ['{"size": 9}'], what="what matches")


def test_wrong_credentials_are_a_problem_of_the_mapping(server: Server, sink: BatchSink) -> None:
    wrong = create_secret(server, "wrong", username=USER, password="wrong")
    uuid = create(server, wrong, sink.deploy(server, "problems"), "q")
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Broker failed to authenticate Lambda")
