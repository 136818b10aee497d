"""How the entries of a log stream are written together, as one message of the store."""

from collections.abc import Iterator, Sequence

import msgspec

from alonzo.model.invocation_lines import LogEntry, events_of
from alonzo.model.log_event import LogEvent

_OVERHEAD_BYTES = 17
"""Of an event, beside its message."""


class LogForm:
    """Used in any thread."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(tuple[LogEntry, ...])
        self._older_decoder = msgspec.msgpack.Decoder(tuple[_OlderEvent, ...])

    def encode(self, entries: Sequence[LogEntry]) -> bytes:
        """One message."""
        return self._encoder.encode(entries)

    def decode(self, message: bytes) -> Sequence[LogEvent]:
        """What is read of it: events, in their order."""
        try:
            entries = self._decoder.decode(message)
        except msgspec.ValidationError:
            return [LogEvent(event.unix_ms, event.message) for event in self._older_decoder.decode(message)]
        return events_of(entries)

    def split(self, entries: Sequence[LogEntry], *, max_bytes: int) -> Iterator[list[LogEntry]]:
        """Batches that are no more than so many bytes each, unless one event alone is: it is never cut."""
        batch: list[LogEntry] = []
        size = 0
        for entry in entries:
            entry_bytes = _OVERHEAD_BYTES + self._byte_count(entry)
            if batch and size + entry_bytes > max_bytes:
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += entry_bytes
        if batch:
            yield batch

    def _byte_count(self, entry: LogEntry) -> int:
        if not isinstance(entry, LogEvent):
            return len(self._encoder.encode(entry))
        return len(entry.message) if entry.message.isascii() else len(entry.message.encode())


class _OlderEvent(msgspec.Struct, array_like=True, gc=False):
    """As events were written before lines of invocations were kept unworded."""

    unix_ms: int
    message: str
