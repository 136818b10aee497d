"""What the log store keeps and gives back, and how a page is put together from batches. Pure."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from alonzo.model.invocation_lines import LogEntry
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope

_FOREVER = 2**63
_INDEX_MAX = 2**31


class LogPortion(msgspec.Struct, frozen=True, gc=False):
    """Entries to be kept, of one log stream, in their order of time."""

    scope: Scope
    group: str
    stream: str
    entries: Sequence[LogEntry]


class LogRecord(msgspec.Struct, frozen=True):
    """An event as it is read back: with its log stream, when it was stored, and an id that is its own."""

    event_id: str
    unix_ms: int
    message: str
    stream: str
    ingestion_ms: int


class LogPage(msgspec.Struct, frozen=True):
    """Some events in order. `position` is where the next page starts; `is_complete` says that there is nothing there at the moment.

    `start` is the position before which the page in front of this one ends.
    """

    events: tuple[LogRecord, ...]
    position: str
    start: str
    is_complete: bool


class LogBatch(msgspec.Struct, frozen=True):
    """Events of one log stream that were stored together, still packed (`LogStore.unpack`). `sequence`: the number of its arrival."""

    sequence: int
    stream: str
    arrived_ms: int
    content: bytes


class LogSpan(msgspec.Struct, frozen=True):
    """From when to when a log stream has events, and when the last one was stored."""

    first_event_ms: int
    last_event_ms: int
    last_ingestion_ms: int


class _Place(msgspec.Struct, frozen=True, order=True):
    """Where an event stands in the order: by time, then by arrival."""

    unix_ms: int
    sequence: int
    index: int

    def before(self) -> "_Place":
        """The last place in front of this one, as far as events go."""
        if self.index > 0:
            return _Place(self.unix_ms, self.sequence, self.index - 1)
        return _Place(self.unix_ms, max(0, self.sequence - 1), _INDEX_MAX)

    def behind(self) -> "_Place":
        """The next place."""
        return _Place(self.unix_ms, self.sequence, self.index + 1)

    def __str__(self) -> str:
        return f"{self.unix_ms}-{self.sequence}-{self.index}"


Accept = Callable[[str, str], bool]
"""Whether an event is wanted, by its log stream and its message."""


class PageBuilder(Protocol):
    """What a reader fills, and which events it still looks for."""

    @property
    def earliest_ms(self) -> int:
        """None before that."""

    @property
    def latest_ms(self) -> int:
        """None after that."""

    def add(self, sequence: int, stream: str, arrived_ms: int, events: Sequence[LogEvent]) -> None:
        """A batch of a log stream; `sequence` is the number of its arrival, from 1."""

    def is_done(self, complete_ms: int) -> bool:
        """Whether to end here, where no event up to `complete_ms` can come any more."""


class LogPageBuilder:
    """Takes batches in the order of their arrival, keeps the first `limit` events after a position, of those that are accepted.

    It ends early when `scan_max` events have been looked at.

    `earliest_ms` and `latest_ms` tell the reader which events it still looks for.
    """

    def __init__(
        self,
        *,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
        position: str | None,
        accept: Accept | None = None,
        scan_max: int | None = None,
    ) -> None:
        if limit < 1:
            raise ValueError("a page has at least one event")
        self._limit = limit
        self._accept = accept
        self._scan_left = scan_max
        self._ended_at: _Place | None = None
        self._after = _Place(start_ms or 0, 0, 0) if position is None else max(_parse(position), _Place(start_ms or 0, 0, 0))
        self._found: list[tuple[_Place, LogRecord]] = []
        self._is_cut = False
        self.earliest_ms = self._after.unix_ms
        self.latest_ms = _FOREVER if end_ms is None else end_ms

    def add(self, sequence: int, stream: str, arrived_ms: int, events: Sequence[LogEvent]) -> None:
        """A batch of a log stream; `sequence` is the number of its arrival, from 1."""
        for index, event in enumerate(events):
            place = _Place(event.unix_ms, sequence, index)
            if self._after < place and event.unix_ms <= self.latest_ms and (self._accept is None or self._accept(stream, event.message)):
                self._found.append((place, LogRecord(f"{sequence}-{index}", event.unix_ms, event.message, stream, arrived_ms)))
        if len(self._found) > 2 * self._limit:
            self._cut()
        if self._scan_left is not None:
            self._scan_left -= len(events)

    def is_done(self, complete_ms: int) -> bool:
        """As the protocol says."""
        if complete_ms > self.latest_ms:
            return True
        place = _Place(complete_ms + 1, 0, 0)
        if self._scan_left is None or self._scan_left > 0 or place <= self._after:
            return False
        self.latest_ms, self._ended_at = complete_ms, place
        return True

    def build(self) -> LogPage:
        """What was found."""
        self._found = [found for found in self._found if found[1].unix_ms <= self.latest_ms]
        self._cut()
        position = self._found[-1][0] if self._found else self._after
        if self._ended_at is not None and not self._is_cut:
            position, self._is_cut = self._ended_at, True
        return LogPage(
            events=tuple(record for _, record in self._found),
            position=str(position),
            start=str(self._found[0][0] if self._found else self._after.behind()),
            is_complete=not self._is_cut,
        )

    def _cut(self) -> None:
        """Keep the first `limit`; later ones than the last of them are then of no interest."""
        self._found.sort(key=lambda found: found[0])
        if len(self._found) > self._limit:
            del self._found[self._limit :]
            self._is_cut = True
            self.latest_ms = min(self.latest_ms, self._found[-1][0].unix_ms)


class LogTailBuilder:
    """Keeps the last `limit` events before a position, or up to `end_ms`. Filled a span of time after the other, the newest first."""

    def __init__(self, *, start_ms: int, end_ms: int | None, limit: int, position: str | None) -> None:
        if limit < 1:
            raise ValueError("a page has at least one event")
        self._limit = limit
        self._position = None if position is None else _parse(position)
        self._before = _Place((_FOREVER if end_ms is None else end_ms) + 1, 0, 0)
        if self._position is not None:
            self._before = min(self._before, self._position)
        self._start_ms = start_ms
        self._found: list[tuple[_Place, LogRecord]] = []
        self._is_cut = False
        self.latest_ms = self._before.unix_ms

    @property
    def is_full(self) -> bool:
        """Whether what is older is of no interest."""
        return len(self._found) >= self._limit

    def span(self, earliest_ms: int, latest_ms: int) -> "_Span":
        """What takes the events of a span of time, both ends included."""
        return _Span(self, earliest_ms, latest_ms)

    def take(self, place: _Place, record: LogRecord) -> None:
        """One event, if it is before the position."""
        if place < self._before and record.unix_ms >= self._start_ms:
            self._found.append((place, record))
            if len(self._found) > 2 * self._limit:
                self._cut()

    def build(self) -> LogPage:
        """The page; where nothing was found both its ends are where the search began."""
        self._cut()
        places = [place for place, _ in self._found]
        nothing = self._position or _Place(self._start_ms, 0, 1)
        return LogPage(
            events=tuple(record for _, record in self._found),
            position=str(places[-1] if places else nothing.before()),
            start=str(places[0] if places else nothing),
            is_complete=not self._is_cut,
        )

    def _cut(self) -> None:
        self._found.sort(key=lambda found: found[0])
        if len(self._found) > self._limit:
            del self._found[: -self._limit]
            self._is_cut = True


class _Span:
    def __init__(self, tail: LogTailBuilder, earliest_ms: int, latest_ms: int) -> None:
        self._tail = tail
        self.earliest_ms = earliest_ms
        self.latest_ms = latest_ms

    def is_done(self, complete_ms: int) -> bool:
        """As the protocol says."""
        return complete_ms > self.latest_ms

    def add(self, sequence: int, stream: str, arrived_ms: int, events: Sequence[LogEvent]) -> None:
        """As the protocol says."""
        for index, event in enumerate(events):
            if self.earliest_ms <= event.unix_ms <= self.latest_ms:
                record = LogRecord(f"{sequence}-{index}", event.unix_ms, event.message, stream, arrived_ms)
                self._tail.take(_Place(event.unix_ms, sequence, index), record)


def _parse(position: str) -> _Place:
    try:
        unix_ms, sequence, index = map(int, position.split("-"))
    except ValueError as error:
        raise ValueError(f"not the position of a page: {position}") from error
    return _Place(unix_ms, sequence, index)
