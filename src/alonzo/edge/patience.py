"""How long a client may take, looked at once a second for each connection: what it sends too slowly, or never, what it does not read.

Time that the server itself makes it wait does not count.
"""

from dataclasses import dataclass

FRAMING_MAX_BYTES = 65_536
FRAMING_MAX_FACTOR = 16
"""So much of a body in chunks may be sizes, extensions and trailers, beside as many times the body: chunks of one byte take five more."""

BODY_MIN_BYTES_PER_SECOND = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """How long a connection may be silent, in seconds."""

    headers_seconds: float = 20.0
    body_seconds: float = 30.0
    """A body as a whole has as long again for each of so many bytes (`BODY_MIN_BYTES_PER_SECOND`)."""
    keep_alive_seconds: float = 75.0
    """Longer than the pools of AWS's SDKs keep idle connections (60 s in most), so that the client closes first."""
    unread_seconds: float = 75.0
    """For what lies ready and a client does not read."""


class BodyPace:
    """A body as it comes in: how much of it is a body at all, and how slowly."""

    __slots__ = ("_body_bytes", "_raw_bytes", "_waited_seconds")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another one."""
        self._raw_bytes = self._body_bytes = 0
        self._waited_seconds = 0.0

    def note_raw(self, byte_count: int) -> None:
        """So much has come, sizes of chunks and all."""
        self._raw_bytes += byte_count

    def note_body(self, byte_count: int) -> None:
        """So much of it was body."""
        self._body_bytes += byte_count

    @property
    def is_mostly_framing(self) -> bool:
        """Whether somebody sends what is no body, without an end."""
        return self._raw_bytes - self._body_bytes > FRAMING_MAX_BYTES + FRAMING_MAX_FACTOR * self._body_bytes

    def is_too_slow(self, tick_seconds: float, timeouts: HttpTimeouts) -> bool:
        """Asked each tick in which it could have come."""
        self._waited_seconds += tick_seconds
        return self._waited_seconds > timeouts.body_seconds + self._body_bytes / BODY_MIN_BYTES_PER_SECOND


class UnreadAnswers:
    """What lies in a connection's buffer because the client does not read."""

    __slots__ = ("_bytes", "_since")

    def __init__(self) -> None:
        self._bytes = 0
        self._since: float | None = None

    def is_stuck(self, byte_count: int, now: float, timeouts: HttpTimeouts) -> bool:
        """Asked each tick: whether the buffer has not become smaller for too long."""
        if byte_count == 0 or byte_count < self._bytes or self._since is None:
            self._since = now if byte_count else None
            self._bytes = byte_count
            return False
        self._bytes = byte_count
        return now - self._since > timeouts.unread_seconds
