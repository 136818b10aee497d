"""Carries log events from environments to the log store, beside the invoke path.

An environment writes to a `LogOutlet` of its own, which only appends to a list; a component writes what has come together, a few times a
second, to the store, a batch a log stream. Who writes a flood is asked to pause first (`is_pressed`), which makes the function wait at its
full pipe; what still does not fit, because the store takes nothing, is dropped, counted, and said in the log stream that it was meant for.
What waits is bounded for each log stream and for all, and a stream that writes little has room whatever the others write.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.invocation_lines import EndLines, InvocationReport, LogEntry, StartLine
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 0.2
WAITING_MAX_ENTRIES = 60_000
WAITING_MAX_CHARACTERS = 16_000_000
STREAM_WAITING_MAX_ENTRIES = 30_000
STREAM_ASSURED_ENTRIES = 200
"""A stream with fewer that wait has room, though the others have taken all: there are never more streams than environments."""

_PRESSED_ENTRIES = 24_000
_HASTE_ENTRIES = 12_000
"""With so many waiting, they are not let wait for the interval's end."""

_ENTRIES_AT_ONCE = 2_000
"""Of one log stream or several. Encoding this many takes 2 ms: no longer shall the event loop be kept from invocations."""

_LINES_CHARACTERS = 160
"""What lines that are not worded yet take, about."""


@dataclass(frozen=True, slots=True)
class LogStreamName:
    """Where events belong: a log stream of a log group."""

    scope: Scope
    group: str
    stream: str
    function_name: str = ""
    """Of the function that writes, if one does."""


class LogAppender(Protocol):
    """The log store, as this file needs it."""

    async def append(self, batches: Sequence["LogBatch"]) -> Sequence[AlonzoError | None]:
        """Keep them; what has become of each batch: None, or why the store does not take it now."""
        ...


LogBatch = tuple[LogStreamName, list[LogEntry]]
"""Entries of one log stream: at least one, in their order."""


Listener = Callable[[LogStreamName, Sequence[LogEntry], str | None], None]
"""Told of what was kept, and of the tracing header of the invocation that was the last to write there."""


DropListener = Callable[[LogStreamName, int], None]
"""Told of so many events that were not kept."""


class LogOutlet:
    """One log stream's way to the store. Made by `LogDelivery.open_outlet`; forgotten when nobody writes to it any more.

    Logs are read in the order of their times. Events that come in order get times in order: a frame of the logger says when it was
    written, a plain line only when it was read, which may be later than the frames behind it.
    """

    def __init__(self, *, name: LogStreamName, delivery: "LogDelivery") -> None:
        self.name = name
        self._delivery = delivery
        self._waiting: list[LogEntry] = []
        self._waiting_count = 0
        self._dropped_count = 0
        self._newest_ms = 0
        self.chain: str | None = None
        """The tracing header of the invocation that writes."""

    def write(self, event: LogEvent) -> None:
        """Take one event."""
        if event.unix_ms >= self._newest_ms:
            self._newest_ms = event.unix_ms
        else:
            event = LogEvent(self._newest_ms, event.message)
        delivery = self._delivery
        if not self._waiting:
            delivery.note(self)
        if self._has_room(delivery, len(event.message)):
            self._waiting_count += 1
            delivery.waiting_entries += 1
            delivery.waiting_characters += len(event.message)
            self._waiting.append(event)
            if delivery.waiting_entries == _HASTE_ENTRIES:
                delivery.hasten()
        else:
            self._dropped_count += 1

    def write_lines(self, lines: StartLine | EndLines) -> None:
        """Take what the platform says of an invocation, which is worded when it is read."""
        if lines.unix_ms >= self._newest_ms:
            self._newest_ms = lines.unix_ms
        else:
            lines.unix_ms = self._newest_ms
        delivery = self._delivery
        if not self._waiting:
            delivery.note(self)
        if self._has_room(delivery, _LINES_CHARACTERS):
            self._waiting_count += 1
            delivery.waiting_entries += 1
            delivery.waiting_characters += _LINES_CHARACTERS
            self._waiting.append(lines)
            if delivery.waiting_entries == _HASTE_ENTRIES:
                delivery.hasten()
        else:
            self._dropped_count += lines.line_count

    def complete(self, unix_ms: int, report: InvocationReport) -> bool:
        """Take the end of an invocation together with its START, if that still waits and nothing has been written since: most often so."""
        if not self._waiting:
            return False
        last = self._waiting[-1]
        if not isinstance(last, StartLine) or last.report is not None or last.request_id != report.request_id:
            return False
        self._newest_ms = last.ended_unix_ms = max(self._newest_ms, unix_ms)
        last.report = report
        return True

    @property
    def is_pressed(self) -> bool:
        """Whether so much waits that whoever writes a flood shall pause."""
        return self._delivery.waiting_entries >= _PRESSED_ENTRIES

    @property
    def waiting_count(self) -> int:
        """Entries to be taken."""
        return len(self._waiting)

    def take(self) -> tuple[list[LogEntry], int]:
        """What waits, once, and how many events were dropped after it. What was taken is waiting until `note_done`."""
        taken, self._waiting = self._waiting, []
        dropped_count, self._dropped_count = self._dropped_count, 0
        return taken, dropped_count

    def note_done(self, entries: list[LogEntry], *, is_kept: bool) -> None:
        """These, which were taken, have come to the store, or are lost: then the log will say so when it can."""
        self._waiting_count -= len(entries)
        if not is_kept:
            self._dropped_count += line_count(entries)

    def _has_room(self, delivery: "LogDelivery", characters: int) -> bool:
        if delivery.waiting_characters + characters > WAITING_MAX_CHARACTERS:
            return self._waiting_count == 0  # however large it is: an event has a bound of its own
        if delivery.waiting_entries >= WAITING_MAX_ENTRIES:
            return self._waiting_count < STREAM_ASSURED_ENTRIES
        return self._waiting_count < STREAM_WAITING_MAX_ENTRIES


def line_count(entries: Sequence[LogEntry]) -> int:
    """How many events entries stand for."""
    return sum(1 if isinstance(entry, LogEvent) else entry.line_count for entry in entries)


def _characters(entries: Sequence[LogEntry]) -> int:
    return sum([len(entry.message) if isinstance(entry, LogEvent) else _LINES_CHARACTERS for entry in entries])


class LogDelivery:
    """The queue between environments and the log store."""

    def __init__(self, *, appender: LogAppender, clock: Clock) -> None:
        self._appender = appender
        self._clock = clock
        self._written_to: set[LogOutlet] = set()
        self.waiting_entries = 0
        self.waiting_characters = 0
        self._arrived = asyncio.Event()
        self._hastened = asyncio.Event()
        self._listener: Listener | None = None
        self._drop_listener: DropListener | None = None

    def listen(self, listener: Listener) -> None:
        """Tell of everything that is kept from here on. It must not block, nor raise."""
        self._listener = listener

    def listen_to_drops(self, listener: DropListener) -> None:
        """Tell of everything that is dropped from here on. It must not block, nor raise."""
        self._drop_listener = listener

    def hasten(self) -> None:
        """Much waits: do not wait for more."""
        self._hastened.set()

    def open_outlet(self, name: LogStreamName) -> LogOutlet:
        """The way into one log stream."""
        return LogOutlet(name=name, delivery=self)

    def note(self, outlet: LogOutlet) -> None:
        """There is something to fetch from an outlet."""
        self._written_to.add(outlet)
        self._arrived.set()

    async def run(self) -> None:
        """Deliver until cancelled, then what is left."""
        try:
            while True:
                await self._arrived.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_INTERVAL_SECONDS):
                        await self._hastened.wait()
                self._arrived.clear()
                self._hastened.clear()
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Deliver everything that waits now. What is being delivered still counts as waiting."""
        for outlets in self._iter_groups():
            await self._empty(outlets)

    def _iter_groups(self) -> Iterator[list[LogOutlet]]:
        """Those that were written to, as many at a time as together hold what is delivered at once, or one that holds more."""
        group: list[LogOutlet] = []
        count = 0
        for outlet in list(self._written_to):
            if group and count + outlet.waiting_count > _ENTRIES_AT_ONCE:
                yield group
                group, count = [], 0
            group.append(outlet)
            count += outlet.waiting_count
        if group:
            yield group

    async def _empty(self, outlets: list[LogOutlet]) -> None:
        """Together they cost the store, and the way to it, a third of what they cost alone."""
        taken = [(outlet, *outlet.take()) for outlet in outlets]
        self._written_to.difference_update(outlets)
        if len(taken) > 1:
            await self._deliver([(outlet, entries) for outlet, entries, _ in taken if entries])
        else:
            outlet, entries, _ = taken[0]
            for start in range(0, len(entries), _ENTRIES_AT_ONCE):
                await self._deliver([(outlet, entries[start : start + _ENTRIES_AT_ONCE])])
        for outlet, _, dropped_count in taken:
            if dropped_count:
                await self._say_dropped(outlet, dropped_count)

    async def _deliver(self, portions: list[tuple[LogOutlet, list[LogEntry]]]) -> None:
        chains = [outlet.chain for outlet, _ in portions]
        are_kept = [False] * len(portions)
        try:
            are_kept = await self._append([(outlet.name, entries) for outlet, entries in portions])
            if self._listener is not None:
                for (outlet, entries), chain, is_kept in zip(portions, chains, are_kept, strict=True):
                    if is_kept:
                        self._listener(outlet.name, entries, chain)
        finally:
            for (outlet, entries), is_kept in zip(portions, are_kept, strict=True):
                outlet.note_done(entries, is_kept=is_kept)
                self.waiting_entries -= len(entries)
                self.waiting_characters -= _characters(entries)

    async def _say_dropped(self, outlet: LogOutlet, count: int) -> None:
        if self._drop_listener is not None:
            self._drop_listener(outlet.name, count)
        message = f"[alonzo] {count} lines were dropped: they came faster than they can be kept\n"
        await self._append([(outlet.name, [LogEvent(self._clock.unix_ms(), message)])])

    async def _append(self, batches: Sequence[LogBatch]) -> list[bool]:
        """Which of them were kept."""
        results = await self._appender.append(batches) if batches else ()
        for (name, entries), error in zip(batches, results, strict=True):
            if error is not None:
                _log.error("%d log events of %s are lost", line_count(entries), name.group, exc_info=error)
        return [error is None for error in results]
