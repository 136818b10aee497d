"""Time as a collaborator, so that tests do not wait for it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the node knows of time."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        ...

    def unix_ms(self) -> int:
        """The instant in milliseconds since the epoch, as AWS writes it in headers and log events."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back; deadlines are instants of it."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def unix_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start_seconds = start.timestamp()
        self._elapsed_seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Move time forward; it cannot go back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._elapsed_seconds += seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._start_seconds + self._elapsed_seconds, UTC)

    def unix_ms(self) -> int:
        return round((self._start_seconds + self._elapsed_seconds) * 1000)

    def monotonic(self) -> float:
        return self._elapsed_seconds
