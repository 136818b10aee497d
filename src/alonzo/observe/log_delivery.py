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
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 0.2
WAITING_MAX_EVENTS = 60_000
WAITING_MAX_CHARACTERS = 16_000_000
STREAM_WAITING_MAX_EVENTS = 30_000
STREAM_ASSURED_EVENTS = 200
"""A stream with fewer that wait has room, though the others have taken all: there are never more streams than environments."""

_PRESSED_EVENTS = 24_000
_HASTE_EVENTS = 12_000
"""With so many waiting, they are not let wait for the interval's end."""

_EVENTS_AT_ONCE = 2_000
"""Of one log stream or several. Encoding this many takes 2 ms: no longer shall the event loop be kept from invocations."""

_LATER_CHARACTERS = 250
"""Of lines that are made later, about."""

_LATER_EVENTS = 5
"""Making such lines and encoding them takes as long as encoding so many events."""


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
        """Keep the events; what has become of each batch: None, or why the store does not take it now."""
        ...


LogBatch = tuple[LogStreamName, list[LogEvent]]
"""Events of one log stream: at least one, in their order."""


Listener = Callable[[LogStreamName, Sequence[LogEvent], str | None], None]
"""Told of events that were kept, and of the tracing header of the invocation that was the last to write there."""


DropListener = Callable[[LogStreamName, int], None]
"""Told of so many events that were not kept."""


class LaterLines(Protocol):
    """Lines of one instant that are made when they are taken, for many invocations at a time. `unix_ms`: then."""

    unix_ms: int

    def messages(self) -> Sequence[str | None]:
        """The lines; None is none."""
        ...


class LogOutlet:
    """One log stream's way to the store. Made by `LogDelivery.open_outlet`; forgotten when nobody writes to it any more.

    Logs are read in the order of their times. Events that come in order get times in order: a frame of the logger says when it was
    written, a plain line only when it was read, which may be later than the frames behind it.
    """

    def __init__(self, *, name: LogStreamName, delivery: "LogDelivery") -> None:
        self.name = name
        self._delivery = delivery
        self._waiting: list[LogEvent | LaterLines] = []
        self._later_count = 0
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
            delivery.waiting_events += 1
            delivery.waiting_characters += len(event.message)
            self._waiting.append(event)
            if delivery.waiting_events == _HASTE_EVENTS:
                delivery.hasten()
        else:
            self._dropped_count += 1

    def write_later(self, lines: LaterLines) -> None:
        """Take lines; until they are made they count as one event of so many characters."""
        if lines.unix_ms >= self._newest_ms:
            self._newest_ms = lines.unix_ms
        else:
            lines.unix_ms = self._newest_ms
        delivery = self._delivery
        if not self._waiting:
            delivery.note(self)
        if self._has_room(delivery, _LATER_CHARACTERS):
            self._waiting_count += 1
            self._later_count += 1
            delivery.waiting_events += 1
            delivery.waiting_characters += _LATER_CHARACTERS
            self._waiting.append(lines)
            if delivery.waiting_events == _HASTE_EVENTS:
                delivery.hasten()
        else:
            self._dropped_count += len(events_of(lines))

    @property
    def is_pressed(self) -> bool:
        """Whether so much waits that whoever writes a flood shall pause."""
        return self._delivery.waiting_events >= _PRESSED_EVENTS

    @property
    def work(self) -> int:
        """How long it takes to make and encode what waits, in events."""
        return len(self._waiting) + (_LATER_EVENTS - 1) * self._later_count

    def take(self) -> tuple[list[LogEvent], int]:
        """What waits, once, and how many events were dropped after it. What was taken is waiting until `note_done`."""
        taken, self._waiting = self._waiting, []
        later_count, self._later_count = self._later_count, 0
        dropped_count, self._dropped_count = self._dropped_count, 0
        events: list[LogEvent] = []
        made_characters = 0
        for each in taken:
            if isinstance(each, LogEvent):
                events.append(each)
            else:
                made = events_of(each)
                made_characters += sum([len(event.message) for event in made])
                events += made
        self._waiting_count += len(events) - len(taken)
        self._delivery.waiting_events += len(events) - len(taken)
        self._delivery.waiting_characters += made_characters - later_count * _LATER_CHARACTERS
        return events, dropped_count

    def note_done(self, count: int, *, is_kept: bool) -> None:
        """So many that were taken have come to the store, or are lost: then the log will say so when it can."""
        self._waiting_count -= count
        if not is_kept:
            self._dropped_count += count

    def _has_room(self, delivery: "LogDelivery", characters: int) -> bool:
        if delivery.waiting_characters + characters > WAITING_MAX_CHARACTERS:
            return self._waiting_count == 0  # however large it is: an event has a bound of its own
        if delivery.waiting_events >= WAITING_MAX_EVENTS:
            return self._waiting_count < STREAM_ASSURED_EVENTS
        return self._waiting_count < STREAM_WAITING_MAX_EVENTS


def events_of(lines: LaterLines) -> list[LogEvent]:
    """The lines, made."""
    return [LogEvent(lines.unix_ms, message) for message in lines.messages() if message is not None]


class LogDelivery:
    """The queue between environments and the log store."""

    def __init__(self, *, appender: LogAppender, clock: Clock) -> None:
        self._appender = appender
        self._clock = clock
        self._written_to: set[LogOutlet] = set()
        self.waiting_events = 0
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
        work = 0
        for outlet in list(self._written_to):
            if group and work + outlet.work > _EVENTS_AT_ONCE:
                yield group
                group, work = [], 0
            group.append(outlet)
            work += outlet.work
        if group:
            yield group

    async def _empty(self, outlets: list[LogOutlet]) -> None:
        """Together they cost the store, and the way to it, a third of what they cost alone."""
        taken = [(outlet, *outlet.take()) for outlet in outlets]
        self._written_to.difference_update(outlets)
        if len(taken) > 1:
            await self._deliver([(outlet, events) for outlet, events, _ in taken if events])
        else:
            outlet, events, _ = taken[0]
            for start in range(0, len(events), _EVENTS_AT_ONCE):
                await self._deliver([(outlet, events[start : start + _EVENTS_AT_ONCE])])
        for outlet, _, dropped_count in taken:
            if dropped_count:
                await self._say_dropped(outlet, dropped_count)

    async def _deliver(self, portions: list[tuple[LogOutlet, list[LogEvent]]]) -> None:
        chains = [outlet.chain for outlet, _ in portions]
        are_kept = [False] * len(portions)
        try:
            are_kept = await self._append([(outlet.name, events) for outlet, events in portions])
            if self._listener is not None:
                for (outlet, events), chain, is_kept in zip(portions, chains, are_kept, strict=True):
                    if is_kept:
                        self._listener(outlet.name, events, chain)
        finally:
            for (outlet, events), is_kept in zip(portions, are_kept, strict=True):
                outlet.note_done(len(events), is_kept=is_kept)
                self.waiting_events -= len(events)
                self.waiting_characters -= sum([len(event.message) for event in events])

    async def _say_dropped(self, outlet: LogOutlet, count: int) -> None:
        if self._drop_listener is not None:
            self._drop_listener(outlet.name, count)
        message = f"[alonzo] {count} lines were dropped: they came faster than they can be kept\n"
        await self._append([(outlet.name, [LogEvent(self._clock.unix_ms(), message)])])

    async def _append(self, batches: Sequence[LogBatch]) -> list[bool]:
        """Which of them were kept."""
        results = await self._appender.append(batches) if batches else ()
        for (name, events), error in zip(batches, results, strict=True):
            if error is not None:
                _log.error("%d log events of %s are lost", len(events), name.group, exc_info=error)
        return [error is None for error in results]
