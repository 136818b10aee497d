"""How far a unit has been processed: records are read in order and may be done in another one."""

from collections import deque
from dataclasses import dataclass, field

from alonzo.sources.stream_records import StreamRecord


@dataclass(slots=True)
class _Entry:
    position: str
    size_bytes: int
    is_done: bool


@dataclass(slots=True)
class StreamProgress:
    """Everything read and not checkpointed. Filtered records are done from the beginning."""

    _entries: deque[_Entry] = field(default_factory=deque)
    _open: dict[str, _Entry] = field(default_factory=dict)
    open_bytes: int = 0
    """Of records that are not done."""

    @property
    def kept_count(self) -> int:
        """Records that are not checkpointed: not done, or behind one that is not."""
        return len(self._entries)

    @property
    def open_count(self) -> int:
        """Records that are not done."""
        return len(self._open)

    def add(self, record: StreamRecord, *, is_done: bool) -> None:
        """A record was read."""
        entry = _Entry(record.position, len(record.content), is_done)
        self._entries.append(entry)
        if not is_done:
            self._open[record.identifier] = entry
            self.open_bytes += entry.size_bytes

    def finish(self, records: list[StreamRecord]) -> None:
        """Records were processed, or given up."""
        for record in records:
            entry = self._open.pop(record.identifier)
            entry.is_done = True
            self.open_bytes -= entry.size_bytes

    def advance(self) -> str | None:
        """The position up to which all is done, if it is another one than the last time."""
        position = None
        while self._entries and self._entries[0].is_done:
            position = self._entries.popleft().position
        return position
