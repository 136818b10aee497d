"""The event queue on a real server: durable, in order, each event in one hand, and nothing left behind."""

import asyncio
import time
from pathlib import Path

from tests.support.garbage import nothing_left_of

from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.connection import Connection, connect
from alonzo.store.event_queue import EventQueue, QueueDepth
from alonzo.store.queue_consumer import QueueConsumer
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

HELLO = FunctionReference(Scope("000000000000", "us-east-1"), "hello")
OTHER = FunctionReference(Scope("111111111111", "eu-west-1"), "dotted.name")


async def add(queue: EventQueue, function: FunctionReference, *payloads: bytes) -> None:
    for payload in payloads:
        await queue.add(function, payload, message_id=payload.decode())


async def take_all(consumer: QueueConsumer, count: int) -> list[bytes]:
    payloads = []
    for _ in range(count):
        delivery = await asyncio.wait_for(consumer.take(wanted_count=4), 20)
        assert delivery is not None
        payloads.append(delivery.payload)
        await consumer.acknowledge(delivery)
    return payloads


async def consumer_count(connection: Connection) -> int:
    return int((await connection.call("STREAM.INFO.EVENTS"))["state"]["consumer_count"])


async def test_events_come_in_order_and_only_those_of_the_function(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, b"1", b"2", b"3")
        await add(queue, OTHER, b"other")
        assert await queue.list_ready() == {HELLO: 3, OTHER: 1}
        consumer = await queue.open_consumer(HELLO)
        assert await take_all(consumer, 3) == [b"1", b"2", b"3"]
        await consumer.delete_done()
        assert await queue.list_ready() == {OTHER: 1}
        await consumer.aclose()
        assert await consumer_count(connection) == 0


async def test_a_closed_consumer_is_gone_when_nobody_has_it_any_more(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, b"1")
        with nothing_left_of(QueueConsumer):
            consumer = await queue.open_consumer(HELLO)
            assert await take_all(consumer, 1) == [b"1"]
            await consumer.aclose()
            del consumer
            await connection.call("STREAM.INFO.EVENTS")  # whatever was to be done for it has been done by then


async def test_a_message_of_the_same_id_is_dropped(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, b"1", b"1")
        assert await queue.list_ready() == {HELLO: 1}


async def test_what_is_delayed_comes_at_its_time_and_last_given_wins(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue, now_ms = await EventQueue.open(connection), time.time_ns() // 1_000_000
        for payload, due_ms in ((b"early", now_ms + 600_000), (b"late", now_ms + 3_000)):
            await queue.add_delayed(HELLO, payload, event_id="id", message_id=payload.decode(), accepted_unix_ms=now_ms, due_unix_ms=due_ms)
        assert await queue.list_depths() == {HELLO: QueueDepth(0, 1, now_ms)}
        consumer = await queue.open_consumer(HELLO)
        assert await take_all(consumer, 1) == [b"late"]
        assert time.time_ns() // 1_000_000 >= now_ms + 3_000
        await consumer.delete_done()
        assert await queue.list_depths() == {}
        await consumer.aclose()


async def test_depths_miss_nothing_of_what_becomes_due_at_that_moment(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue, now_ms, count = await EventQueue.open(connection), time.time_ns() // 1_000_000, 60
        for number in range(count):
            event_id, due_ms = str(number), now_ms + 1_000 + 5 * number
            await queue.add_delayed(HELLO, b"", event_id=event_id, message_id=event_id, accepted_unix_ms=now_ms, due_unix_ms=due_ms)
        depth = QueueDepth()
        async with asyncio.timeout(60):
            while depth.ready_count < count:
                depth = (await queue.list_depths())[HELLO]
                assert depth.ready_count + depth.delayed_count >= count


async def test_a_killed_server_hands_nothing_out_twice_and_forgets_nothing(tmp_path: Path) -> None:
    """What is in hand stays in that hand; what was acknowledged is not handed out again; the rest comes."""
    async with (
        await EmbeddedServer.start(data_directory=tmp_path) as server,
        await connect(server.url) as connection,
        asyncio.TaskGroup() as components,
    ):
        running = components.create_task(server.run())
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, *(str(number).encode() for number in range(40)))
        consumer = await queue.open_consumer(HELLO)
        acknowledged = await take_all(consumer, 10)
        in_hand = [await consumer.take(wanted_count=4) for _ in range(10)]
        server._process.kill()  # type: ignore[union-attr]
        rest = await take_all(consumer, 20)
        for delivery in in_hand:
            assert delivery is not None
            await consumer.acknowledge(delivery)
        payloads = [*acknowledged, *(delivery.payload for delivery in in_hand if delivery), *rest]
        assert sorted(payloads) == sorted(str(number).encode() for number in range(40))
        running.cancel()


async def test_what_is_given_back_comes_again(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, b"1")
        first = await queue.open_consumer(HELLO)
        delivery = await first.take(wanted_count=1)
        assert delivery is not None
        await first.aclose()
        second = await queue.open_consumer(HELLO)
        assert await take_all(second, 1) == [b"1"]
        await second.aclose()


async def test_a_purge_forgets_what_waits_and_what_is_delayed(open_store: OpenStore) -> None:
    async with open_store() as connection:
        queue = await EventQueue.open(connection)
        await add(queue, HELLO, b"1", b"2")
        await queue.add_delayed(
            HELLO, b"3", event_id="3", message_id="3", accepted_unix_ms=1, due_unix_ms=time.time_ns() // 1_000_000 + 60_000
        )
        await add(queue, OTHER, b"other")
        assert await queue.purge(HELLO) == 3
        assert await queue.list_depths() == {OTHER: QueueDepth(1)}
