"""What is exported reaches a collector, also one that cannot take it at first."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from tests.support.otlp_collector import OtlpCollector

from alonzo.observe.otlp import OtlpSender, Signal, add_attributes


def send_to(collector: OtlpCollector, give: Callable[[OtlpSender], None], *, received: int) -> list[tuple[str, bytes]]:
    """What the collector has of what is given, once that many requests have come."""

    async def scenario() -> None:
        sender = OtlpSender(endpoint=f"{collector.url}/", user_agent="test")
        give(sender)
        task = asyncio.create_task(sender.run())
        async with asyncio.timeout(30):
            while len(collector.received) < received:  # noqa: ASYNC110 - threads fill it
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with collector:
        asyncio.run(scenario())
    return list(collector.received)


def test_sends_each_signal_to_its_path() -> None:
    def give(sender: OtlpSender) -> None:
        sender.send(Signal.METRICS, b"one", item_count=1)
        sender.send(Signal.TRACES, b"two", item_count=2)

    received = send_to(OtlpCollector(), give, received=2)
    assert sorted(received) == [("/v1/metrics", b"one"), ("/v1/traces", b"two")]  # which comes first is open


def test_tries_again_what_a_collector_cannot_take_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alonzo.observe.otlp._PAUSE_SECONDS", 0.01)
    received = send_to(OtlpCollector(503, 429), lambda sender: sender.send(Signal.METRICS, b"one", item_count=1), received=1)
    assert received == [("/v1/metrics", b"one")]


def test_drops_what_a_collector_refuses_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    def give(sender: OtlpSender) -> None:
        sender.send(Signal.METRICS, b"one", item_count=7)
        sender.send(Signal.METRICS, b"two", item_count=1)

    assert send_to(OtlpCollector(400), give, received=1) == [("/v1/metrics", b"two")]
    assert "7 metrics not exported" in caplog.text


def test_holds_no_more_than_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    def give(sender: OtlpSender) -> None:
        for number in range(5):
            sender.send(Signal.METRICS, bytes([number]) * (6 << 20), item_count=1)

    assert [body[0] for _, body in send_to(OtlpCollector(), give, received=2)] == [3, 4]
    assert "too much waits" in caplog.text


def test_sends_what_waits_before_it_ends() -> None:
    async def scenario() -> None:
        sender = OtlpSender(endpoint=collector.url, user_agent="test")
        task = asyncio.create_task(sender.run())
        await asyncio.sleep(0)
        sender.send(Signal.METRICS, b"last", item_count=1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with OtlpCollector() as collector:
        asyncio.run(scenario())
    assert list(collector.received) == [("/v1/metrics", b"last")]


def test_attributes_keep_their_types() -> None:
    resource = Resource()
    add_attributes(resource.attributes, {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None})
    written = {each.key: each.value.WhichOneof("value") for each in resource.attributes}
    assert written == {"a": "string_value", "b": "int_value", "c": "double_value", "d": "bool_value"}
