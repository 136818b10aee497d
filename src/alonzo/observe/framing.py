"""Takes apart what comes out of an environment's log pipe: plain lines, and frames of the runtime's log descriptor.

Standard output, standard error and the framed descriptor share one pipe, so that the order of a function's lines is the order in which
they were written. A frame is `a5 5a 00 xx`, length, timestamp (microseconds), message, all big-endian: the format that `awslambdaric`
writes (`FramedTelemetryLogSink`); its first byte cannot begin a character of UTF-8, so plain text is never taken for one.
"""

from alonzo.model.log_event import LogEvent
from alonzo.model.quotas import LOG_EVENT_MAX_BYTES

_FRAME_MAGIC = b"\xa5\x5a\x00"
_FRAME_HEADER_BYTES = 16


class LogPipeParser:
    """Bytes in, events out; keeps what is not complete yet, never more than one event's worth."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def is_amid_event(self) -> bool:
        """Whether something is kept."""
        return bool(self._rest)

    def feed(self, data: bytes, unix_ms: int) -> list[LogEvent]:
        """The events that `data` completes. Plain lines get the time `unix_ms`; frames carry their own, which is no later."""
        data = self._rest + data
        lines: list[LogEvent] = []
        position = 0
        while position < len(data):
            if data.startswith(_FRAME_MAGIC, position):
                end = _frame_end(data, position)
                if end is None:
                    break
                lines.append(_frame_event(data[position:end], unix_ms))
            else:
                end = _text_end(data, position)
                if end is None:
                    break
                lines.append(LogEvent(unix_ms, _decode(data[position:end])))
            position = end
        self._rest = data[position:]
        return lines

    def flush_line(self, unix_ms: int) -> list[LogEvent]:
        """A plain line that has not ended, as an event of its own; a frame that has not ended goes on waiting."""
        return [] if self._rest.startswith(_FRAME_MAGIC) else self.flush(unix_ms)

    def flush(self, unix_ms: int) -> list[LogEvent]:
        """What is left at the end of the pipe, as an event of its own."""
        rest, self._rest = self._rest, b""
        if not rest:
            return []
        if rest.startswith(_FRAME_MAGIC):
            rest = rest[_FRAME_HEADER_BYTES:]
        return [LogEvent(unix_ms, _decode(rest))]


def _frame_end(data: bytes, start: int) -> int | None:
    if len(data) - start < _FRAME_HEADER_BYTES:
        return None
    length = int.from_bytes(data[start + 4 : start + 8], "big")
    if length > LOG_EVENT_MAX_BYTES and len(data) - start > LOG_EVENT_MAX_BYTES:
        return start + LOG_EVENT_MAX_BYTES  # longer than an event may be, or no frame at all: cut, and go on with what follows
    end = start + _FRAME_HEADER_BYTES + length
    return end if end <= len(data) else None


def _frame_event(frame: bytes, latest_ms: int) -> LogEvent:
    unix_ms = int.from_bytes(frame[8:16], "big") // 1_000
    return LogEvent(min(unix_ms, latest_ms), _decode(frame[_FRAME_HEADER_BYTES:]))


def _text_end(data: bytes, start: int) -> int | None:
    end = data.find(b"\n", start)
    frame = data.find(_FRAME_MAGIC, start, len(data) if end < 0 else end)
    if frame >= 0:
        return frame
    if end >= 0 and end - start < LOG_EVENT_MAX_BYTES:
        return end + 1
    return start + LOG_EVENT_MAX_BYTES if len(data) - start >= LOG_EVENT_MAX_BYTES else None


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")
