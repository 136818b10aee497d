"""Batches of telemetry: gathered, delivered, dropped and counted."""

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from alonzo.clock import SystemClock
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.extension_states import Extension
from alonzo.environment.extensions import ExtensionRefused
from alonzo.environment.telemetry import Telemetry
from alonzo.environment.telemetry_requests import HttpDestination, Subscription, SubscriptionInvalid, TcpDestination, TelemetryApi
from alonzo.environment.telemetry_sinks import DeliveryFailed, HttpSink, TcpSink
from alonzo.environment.telemetry_subscriber import TelemetrySubscriber
from alonzo.model.log_event import LogEvent
from alonzo.observe.telemetry_records import Category, Schema


def a_subscription(**changes: Any) -> Subscription:
    settings: dict[str, Any] = {
        "api": TelemetryApi.TELEMETRY,
        "schema": Schema.V2022_07_01,
        "categories": tuple(Category),
        "destination": TcpDestination(port=1),
        "max_items": 1_000,
        "max_bytes": 262_144,
        "timeout_seconds": 30.0,
    }
    return Subscription(**settings | changes)


class MemorySink:
    """Keeps what it is brought; while `gate` is closed, it takes its time."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = 0

    async def deliver(self, records: Sequence[bytes]) -> None:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise DeliveryFailed("not now")
        self.batches.append(list(records))

    def close(self) -> None: ...


def with_subscriber(scenario: Callable[[TelemetrySubscriber, MemorySink], Awaitable[None]], **changes: Any) -> None:
    async def play() -> None:
        sink = MemorySink()
        subscriber = TelemetrySubscriber(
            subscription=a_subscription(**changes), sink=sink, drop_notice=lambda count, size, _: f"dropped {count} {size}".encode()
        )
        running = asyncio.create_task(subscriber.run())
        async with asyncio.timeout(20):
            await scenario(subscriber, sink)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(play())


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 – what it waits for has no event
        await asyncio.sleep(0.001)


def test_who_waits_goes_on_when_all_is_delivered_or_given_up() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        await subscriber.wait_until_told()  # nothing is on the way
        sink.gate.clear()
        subscriber.offer(b"first")
        subscriber.hasten()
        waiting = asyncio.create_task(subscriber.wait_until_told())
        await asyncio.sleep(0)
        subscriber.offer(b"second")
        assert not waiting.done()
        sink.gate.set()
        await waiting
        assert [record for batch in sink.batches for record in batch] == [b"first", b"second"]
        sink.failures = 1_000
        subscriber.offer(b"lost")
        await subscriber.wait_until_told()

    with_subscriber(scenario)


def test_a_full_batch_goes_at_once() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        for number in range(1_000):
            subscriber.offer(str(number).encode())
        await until(lambda: sink.batches)
        assert [len(batch) for batch in sink.batches] == [1_000]

    with_subscriber(scenario)


def test_a_batch_is_full_by_its_bytes_too() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        for _ in range(3):
            subscriber.offer(b"x" * 131_072)
        await until(lambda: sink.batches)
        assert [len(batch) for batch in sink.batches] == [3]  # the last as the notice of what was dropped
        assert sink.batches[0][-1] == b"dropped 1 131072"

    with_subscriber(scenario)


def test_a_batch_that_is_not_full_waits_its_time() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        subscriber.offer(b"1")
        subscriber.offer(b"2")
        await until(lambda: sink.batches)
        assert sink.batches == [[b"1", b"2"]]

    with_subscriber(scenario, timeout_seconds=0.025)


def test_a_slow_subscriber_is_told_how_much_it_has_missed() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        sink.gate.clear()
        for _ in range(1_000):
            subscriber.offer(b"1")
        await until(lambda: not subscriber.is_full)  # the first batch is on its way, and does not get there
        for _ in range(5_000):
            subscriber.offer(b"2")
        assert subscriber.is_full
        sink.gate.set()
        await until(lambda: len(sink.batches) == 2)
        assert sink.batches[1] == [b"2"] * 1_000 + [b"dropped 4000 4000"]

    with_subscriber(scenario)


def test_a_failed_delivery_is_tried_again() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        sink.failures = 2
        subscriber.hasten()
        subscriber.offer(b"1")
        await until(lambda: sink.batches)
        assert sink.batches == [[b"1"]]

    with_subscriber(scenario)


def test_a_batch_that_cannot_be_delivered_counts_as_dropped() -> None:
    async def scenario(subscriber: TelemetrySubscriber, sink: MemorySink) -> None:
        sink.failures = 6
        subscriber.hasten()
        subscriber.offer(b"1")
        await until(lambda: not sink.failures)
        subscriber.offer(b"2")
        await until(lambda: sink.batches)
        assert sink.batches[-1] == [b"2", b"dropped 1 1"]

    with_subscriber(scenario)


def with_telemetry(scenario: Callable[[Telemetry, list[Any]], Awaitable[None]]) -> None:
    """Telemetry whose subscribers are this test's: what arrives at a TCP destination, decoded."""

    async def play() -> None:
        received: list[Any] = []

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                while line := await reader.readline():
                    received.append(json.loads(line))

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def connect(_: int) -> socket.socket:
            connection = socket.socket()
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
            return connection

        tasks = EnvironmentTasks()
        telemetry = Telemetry(connect=connect, tasks=tasks, writes_json=False, on_subscribed=lambda *_: None, clock=SystemClock())
        running = asyncio.create_task(tasks.run())
        async with asyncio.timeout(20):
            await scenario(telemetry, received)
        telemetry.close()
        running.cancel()
        await asyncio.wait([running])
        server.close()
        await server.wait_closed()

    asyncio.run(play())


def an_extension(name: str = "x") -> Extension:
    return Extension(name, uuid.uuid4(), is_external=True)


def test_what_came_before_a_subscription_is_delivered_too() -> None:
    async def scenario(telemetry: Telemetry, received: list[Any]) -> None:
        telemetry.emit("platform.initStart", {"phase": "init"}, 1_000)
        telemetry.emit_lines(Category.FUNCTION, [LogEvent(2_000, "line\n")])
        telemetry.subscribe(an_extension(), a_subscription(timeout_seconds=0.025))
        await until(lambda: len(received) == 3)
        assert received[:2] == [
            {"time": "1970-01-01T00:00:01.000Z", "type": "platform.initStart", "record": {"phase": "init"}},
            {"time": "1970-01-01T00:00:02.000Z", "type": "function", "record": "line\n"},
        ]
        assert received[2]["type"] == "platform.telemetrySubscription"

    with_telemetry(scenario)


def test_subscribers_get_what_they_have_asked_for() -> None:
    async def scenario(telemetry: Telemetry, received: list[Any]) -> None:
        telemetry.subscribe(an_extension(), a_subscription(timeout_seconds=0.025, categories=(Category.EXTENSION,)))
        telemetry.emit("platform.start", {})
        telemetry.emit_lines(Category.FUNCTION, [LogEvent(0, "a\n")])
        telemetry.emit_lines(Category.EXTENSION, [LogEvent(0, "b\n")])
        await until(lambda: received)
        assert [(each["type"], each["record"]) for each in received] == [("extension", "b\n")]

    with_telemetry(scenario)


def test_subscribing_again_subscribes_once() -> None:
    async def scenario(telemetry: Telemetry, received: list[Any]) -> None:
        extension = an_extension()
        for _ in range(3):
            telemetry.subscribe(extension, a_subscription(timeout_seconds=0.025, categories=(Category.FUNCTION,)))
        telemetry.emit_lines(Category.FUNCTION, [LogEvent(0, "a\n")])
        await until(lambda: received)
        with pytest.raises(SubscriptionInvalid):
            telemetry.subscribe(extension, a_subscription(api=TelemetryApi.LOGS, schema=Schema.V2020_08_15))
        telemetry.close_subscription()
        with pytest.raises(ExtensionRefused) as refused:
            telemetry.subscribe(an_extension("late"), a_subscription())
        assert (refused.value.error_type, str(refused.value)) == (
            "Telemetry.SubscriptionClosed",
            "Telemetry API subscription is closed already",
        )
        assert len(received) == 1

    with_telemetry(scenario)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 500 Oh\r\n\r\n", b"\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"", b"x" * 100_000],
)
def test_an_answer_that_is_no_success_is_a_failure(answer: bytes) -> None:
    async def play() -> None:
        async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()

        async def connect(_: int) -> socket.socket:
            connection = socket.create_connection(address)
            connection.setblocking(False)
            return connection

        sink = HttpSink(destination=HttpDestination(port=1, host="sandbox", path="/", method="POST"), connect=connect)
        async with asyncio.timeout(10):
            with pytest.raises((DeliveryFailed, OSError)):
                await sink.deliver([b"{}"])
        server.close()

    asyncio.run(play())


def test_a_tcp_subscriber_that_has_gone_is_connected_to_again() -> None:
    async def play() -> None:
        connections = []

        async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(writer)
            writer.transport.abort()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()

        async def connect(_: int) -> socket.socket:
            connection = socket.create_connection(address)
            connection.setblocking(False)
            return connection

        sink = TcpSink(destination=TcpDestination(port=1), connect=connect)
        async with asyncio.timeout(10):
            while len(connections) < 2:
                with contextlib.suppress(OSError):
                    await sink.deliver([b"{}"])
                await asyncio.sleep(0)
        sink.close()
        server.close()

    asyncio.run(play())
