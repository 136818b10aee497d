"""The queue between environments and the log store: in order, bounded, and a failing store costs its batch alone."""

import asyncio
from collections.abc import Sequence

from alonzo.clock import ManualClock
from alonzo.errors import AlonzoError
from alonzo.model.invocation_lines import EndLines, InvocationReport, LogEntry, StartLine, events_of
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import STREAM_WAITING_MAX_ENTRIES, WAITING_MAX_ENTRIES, LogBatch, LogDelivery, LogStreamName

NAME = LogStreamName(Scope("000000000000", "us-east-1"), "/aws/lambda/x", "stream")
REPORT = InvocationReport(request_id="request", duration_ms=1.0, memory_size_mib=128, max_memory_bytes=None, init_duration_ms=None)


class MemoryAppender:
    """Keeps batches; refuses those whose first message is `refused`."""

    def __init__(self) -> None:
        self.batches: list[tuple[LogStreamName, list[LogEvent]]] = []

    async def append(self, batches: Sequence[LogBatch]) -> Sequence[AlonzoError | None]:
        return [self._append(name, entries) for name, entries in batches]

    def _append(self, name: LogStreamName, entries: Sequence[LogEntry]) -> AlonzoError | None:
        events = events_of(entries)
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
    written = STREAM_WAITING_MAX_ENTRIES + 1_000
    for number in range(written):
        for flood in floods:
            flood.write(LogEvent(number, "x"))
    assert floods[0].is_pressed
    quiet = delivery.open_outlet(NAME)
    for number in range(50):
        quiet.write(LogEvent(number, "quiet"))
    assert delivery.waiting_entries < WAITING_MAX_ENTRIES + 1_000
    asyncio.run(delivery.flush())
    assert sum(event.message == "quiet" for event in appender.events) == 50
    kept = sum(event.message == "x" for event in appender.events)
    assert kept + sum(count for _, count in dropped) == 4 * written
    assert delivery.waiting_entries == delivery.waiting_characters == 0
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


def test_what_is_worded_later_keeps_its_place_and_time() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    outlet.write(LogEvent(1, "before"))
    outlet.write_lines(StartLine(2, "request", "7"))
    outlet.write(LogEvent(3, "printed"))
    outlet.write_lines(EndLines(1, REPORT))
    asyncio.run(delivery.flush())
    assert [(event.unix_ms, event.message.split("\t")[0]) for event in appender.events] == [
        (1, "before"),
        (2, "START RequestId: request Version: 7\n"),
        (3, "printed"),
        (3, "END RequestId: request\n"),
        (3, "REPORT RequestId: request"),
    ]
    assert delivery.waiting_entries == delivery.waiting_characters == 0


def test_an_end_joins_its_start_while_nothing_has_come_between() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    assert not outlet.complete(1, REPORT)
    for before, completes in ((), True), ((LogEvent(3, "printed"),), False), ((StartLine(3, "another", "7"),), False):
        outlet.write_lines(StartLine(2, "request", "7"))
        for entry in before:
            outlet.write(entry) if isinstance(entry, LogEvent) else outlet.write_lines(entry)
        assert outlet.complete(1, REPORT) is completes
        assert not outlet.complete(1, REPORT)  # once is enough
    asyncio.run(delivery.flush())
    assert [(event.unix_ms, event.message.split(" ")[0]) for event in appender.events] == [
        *((2, "START"), (2, "END"), (2, "REPORT")),
        *((2, "START"), (3, "printed")),
        *((3, "START"), (3, "START")),
    ]
    assert delivery.waiting_entries == delivery.waiting_characters == 0


def test_what_is_worded_later_has_its_share_of_the_room() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    for number in range(STREAM_WAITING_MAX_ENTRIES + 10):
        outlet.write_lines(EndLines(number, REPORT))
    asyncio.run(delivery.flush())
    assert len(appender.events) == 2 * STREAM_WAITING_MAX_ENTRIES + 1
    assert appender.events[-1].message == "[alonzo] 20 lines were dropped: they came faster than they can be kept\n"
    assert delivery.waiting_entries == delivery.waiting_characters == 0
    outlet.write_lines(StartLine(1, "request", "7"))
    asyncio.run(delivery.flush())
    assert appender.events[-1].message == "START RequestId: request Version: 7\n"


def test_lines_that_the_store_refuses_are_counted_as_such() -> None:
    delivery, appender = a_delivery()
    outlet = delivery.open_outlet(NAME)
    outlet.write(LogEvent(1, "refused"))
    outlet.write_lines(EndLines(1, REPORT))
    asyncio.run(delivery.flush())
    outlet.write(LogEvent(2, "after"))
    asyncio.run(delivery.flush())
    assert appender.events[-1].message == "[alonzo] 3 lines were dropped: they came faster than they can be kept\n"
