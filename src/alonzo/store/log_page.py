"""What the log store keeps and gives back, and how a page is put together from batches. Pure."""

import msgspec

from alonzo.model.log_event import LogEvent

_FOREVER = 2**63


class LogRecord(msgspec.Struct, frozen=True):
    """An event as it is read back: with its log stream, when it was stored, and an id that is its own."""

    event_id: str
    unix_ms: int
    message: str
    stream: str
    ingestion_ms: int


class LogPage(msgspec.Struct, frozen=True):
    """Some events in order. `position` is where the next page starts; `is_complete` says that there is nothing there at the moment."""

    events: tuple[LogRecord, ...]
    position: str
    is_complete: bool


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


class LogPageBuilder:
    """Takes batches in the order of their arrival, keeps the first `limit` events after a position.

    `earliest_ms` and `latest_ms` tell the reader which events it still looks for.
    """

    def __init__(self, *, start_ms: int | None, end_ms: int | None, limit: int, position: str | None) -> None:
        if limit < 1:
            raise ValueError("a page has at least one event")
        self._limit = limit
        self._after = _Place(start_ms or 0, 0, 0) if position is None else max(_parse(position), _Place(start_ms or 0, 0, 0))
        self._found: list[tuple[_Place, LogRecord]] = []
        self._is_cut = False
        self.earliest_ms = self._after.unix_ms
        self.latest_ms = _FOREVER if end_ms is None else end_ms

    def add(self, sequence: int, stream: str, arrived_ms: int, events: tuple[LogEvent, ...]) -> None:
        """A batch of a log stream; `sequence` is the number of its arrival, from 1."""
        for index, event in enumerate(events):
            place = _Place(event.unix_ms, sequence, index)
            if self._after < place and event.unix_ms <= self.latest_ms:
                self._found.append((place, LogRecord(f"{sequence}-{index}", event.unix_ms, event.message, stream, arrived_ms)))
        if len(self._found) > 2 * self._limit:
            self._cut()

    def build(self) -> LogPage:
        self._cut()
        position = self._found[-1][0] if self._found else self._after
        return LogPage(
            events=tuple(record for _, record in self._found),
            position=f"{position.unix_ms}-{position.sequence}-{position.index}",
            is_complete=not self._is_cut,
        )

    def _cut(self) -> None:
        """Keep the first `limit`; later ones than the last of them are then of no interest."""
        self._found.sort(key=lambda found: found[0])
        if len(self._found) > self._limit:
            del self._found[self._limit :]
            self._is_cut = True
            self.latest_ms = min(self.latest_ms, self._found[-1][0].unix_ms)


def _parse(position: str) -> _Place:
    try:
        unix_ms, sequence, index = map(int, position.split("-"))
    except ValueError as error:
        raise ValueError(f"not the position of a page: {position}") from error
    return _Place(unix_ms, sequence, index)
