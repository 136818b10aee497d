"""The time by which an environment's invocation must be over."""

import asyncio
from collections.abc import Callable


class Deadline:
    """One deadline after the other, with a timer that is seldom touched.

    A timer of the event loop costs 5 µs to start and cancel (uvloop), and nearly every invocation is over long before its deadline: the
    timer of an earlier deadline is left alone and, when it fires, set for the one that is in force by then.
    """

    def __init__(self, *, on_expiry: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_expiry = on_expiry
        self._expires_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0

    def set(self, seconds: float) -> None:
        """From now on; a deadline that was set before is forgotten."""
        self._expires_at = expires_at = self._loop.time() + seconds
        if self._timer is None or self._fires_at > expires_at:
            self._arm(expires_at)

    def clear(self) -> None:
        """There is nothing to be late for."""
        self._expires_at = None

    def close(self) -> None:
        """Never expire."""
        self._expires_at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, fires_at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = fires_at
        self._timer = self._loop.call_at(fires_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._expires_at is None:
            return
        if self._expires_at > self._loop.time():
            self._arm(self._expires_at)
            return
        self._expires_at = None
        self._on_expiry()
