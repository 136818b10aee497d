"""The queue between environments and the log store: in order, bounded, and a failing store costs its batch alone."""

import asyncio
from collections.abc import Sequence

from alonzo.clock import ManualClock
from alonzo.errors import AlonzoError
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import STREAM_WAITING_MAX_EVENTS, WAITING_MAX_EVENTS, LogBatch, LogDelivery, LogStreamName

NAME = LogStreamName(Scope("000000000000", "us-east-1"), "/aws/lambda/x", "stream")


class MemoryAppender:
    """Keeps batches; refuses those whose first message is `refused`."""

    def __init__(self) -> None:
        self.batches: list[tuple[LogStreamName, list[LogEvent]]] = []

    async def append(self, batches: Sequence[LogBatch]) -> Sequence[AlonzoError | None]:
        return [self._append(name, events) for name, events in batches]

    def _append(self, name: LogStreamName, events: Sequence[LogEvent]) -> AlonzoError | None:
        if events[0].message == "refused":
            return AlonzoError("the store is full")
        self.batches.append((name, list(events)))
        return None

    @property
    def events(self) -> list[LogEvent]:
        return [event for _, batch in self.batches for event in batch]


def a_delivery() -> tuple[LogDelivery, MemoryAppender]:
    appender = MemoryAppender()
    return LogDelivery(appender=appender, clock=ManualClock()), appender


def test_times_never_go_back_within_a_stream() -> None:
    """A plain line is dated when it is read, a frame of the logger when it was written: before, though it comes after."""
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    for unix_ms, message in ((5, "start"), (7, "printed"), (6, "logged"), (8, "printed again")):
        outlet.write(LogEvent(unix_ms, message))
    asyncio.run(delivery.flush())
    assert appender.events == [LogEvent(5, "start"), LogEvent(7, "printed"), LogEvent(7, "logged"), LogEvent(8, "printed again")]


def test_streams_have_times_and_batches_of_their_own() -> None:
    delivery, appender = a_delivery()
    other = LogStreamName(NAME.scope, NAME.group, "other")
    delivery.open_outlet(NAME).write(LogEvent(9, "a"))
    delivery.open_outlet(other).write(LogEvent(1, "b"))
    asyncio.run(delivery.flush())
    assert {name.stream: batch for name, batch in appender.batches} == {"other": [LogEvent(1, "b")], "stream": [LogEvent(9, "a")]}


def test_long_logs_go_in_several_batches_in_order() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    for number in range(5_000):
        outlet.write(LogEvent(number, str(number)))
    asyncio.run(delivery.flush())
    assert len(appender.batches) > 1
    assert [event.unix_ms for event in appender.events] == list(range(5_000))


def test_what_does_not_fit_is_counted_and_said() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    large = "x" * 1_000_000
    for _ in range(100):
        outlet.write(LogEvent(1, large))
    asyncio.run(delivery.flush())
    kept = sum(event.message == large for event in appender.events)
    assert 0 < kept < 100
    assert appender.events[-1].message == f"[alonzo] {100 - kept} lines were dropped: they came faster than they can be kept\n"
    outlet.write(LogEvent(2, "after"))
    asyncio.run(delivery.flush())
    assert appender.events[-1].message == "after"


def test_a_stream_that_writes_little_has_room_beside_floods() -> None:
    delivery, appender = a_delivery()
    dropped: list[tuple[str, int]] = []
    delivery.listen_to_drops(lambda name, count: dropped.append((name.stream, count)))
    floods = [delivery.open_outlet(LogStreamName(NAME.scope, NAME.group, f"flood {number}")) for number in range(4)]
    written = STREAM_WAITING_MAX_EVENTS + 1_000
    for number in range(written):
        for flood in floods:
            flood.write(LogEvent(number, "x"))
    assert floods[0].is_pressed
    quiet = delivery.open_outlet(NAME)
    for number in range(50):
        quiet.write(LogEvent(number, "quiet"))
    assert delivery.waiting_events < WAITING_MAX_EVENTS + 1_000
    asyncio.run(delivery.flush())
    assert sum(event.message == "quiet" for event in appender.events) == 50
    kept = sum(event.message == "x" for event in appender.events)
    assert kept + sum(count for _, count in dropped) == 4 * written
    assert delivery.waiting_events == delivery.waiting_characters == 0
    assert not floods[0].is_pressed


def test_a_batch_that_the_store_refuses_is_lost_alone_and_said_later() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    outlet.write(LogEvent(1, "refused"))
    asyncio.run(delivery.flush())
    outlet.write(LogEvent(2, "after"))
    asyncio.run(delivery.flush())
    assert [event.message for event in appender.events] == [
        "after",
        "[alonzo] 1 lines were dropped: they came faster than they can be kept\n",
    ]


def test_a_batch_that_the_store_refuses_is_lost_alone() -> None:
    delivery, appender = a_delivery()
    delivery.open_outlet(NAME).write(LogEvent(1, "refused"))
    delivery.open_outlet(NAME).write(LogEvent(1, "kept"))
    asyncio.run(delivery.flush())
    assert appender.events == [LogEvent(1, "kept")]


def test_what_waits_is_delivered_at_the_end() -> None:
    delivery, appender = a_delivery()

    async def run() -> None:
        task = asyncio.create_task(delivery.run())
        await asyncio.sleep(0)
        delivery.open_outlet(NAME).write(LogEvent(1, "last words"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    assert appender.events == [LogEvent(1, "last words")]


class Later:
    """Lines that are made when they are taken."""

    def __init__(self, unix_ms: int, *messages: str | None) -> None:
        self.unix_ms = unix_ms
        self._messages = messages
        self.is_made = False

    def messages(self) -> Sequence[str | None]:
        self.is_made = True
        return self._messages


def test_lines_that_are_made_later_keep_their_places_and_times() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    start, end = Later(2, "start"), Later(1, "end", None, "x" * 1_000)
    outlet.write(LogEvent(1, "before"))
    outlet.write_later(start)
    outlet.write(LogEvent(3, "printed"))
    outlet.write_later(end)
    assert (start.is_made, end.is_made) == (False, False)
    asyncio.run(delivery.flush())
    assert appender.events == [
        LogEvent(1, "before"),
        LogEvent(2, "start"),
        LogEvent(3, "printed"),
        LogEvent(3, "end"),
        LogEvent(3, "x" * 1_000),
    ]
    outlet.write_later(Later(4, None))
    asyncio.run(delivery.flush())
    assert len(appender.batches) == 1
    assert delivery.waiting_events == delivery.waiting_characters == 0


def test_lines_that_are_made_later_have_their_share_of_the_room() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    for number in range(STREAM_WAITING_MAX_EVENTS + 10):
        outlet.write_later(Later(number, "end", "report"))
    asyncio.run(delivery.flush())
    assert len(appender.events) == 2 * STREAM_WAITING_MAX_EVENTS + 1
    assert appender.events[-1].message == "[alonzo] 20 lines were dropped: they came faster than they can be kept\n"
    assert delivery.waiting_events == delivery.waiting_characters == 0
    outlet.write_later(Later(1, "after"))
    asyncio.run(delivery.flush())
    assert appender.events[-1].message == "after"
