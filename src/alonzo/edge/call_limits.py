"""How long a service waits for a function's answer, for all calls of a node with one timer that is seldom touched."""

import asyncio
from collections.abc import Callable

_PAUSE_SECONDS = 0.02
"""Between two looks at what is too late: at least so much, so that many limits that end one after the other cost little."""


class CallLimit:
    """Of one call that is being waited for."""

    __slots__ = ("expires_at", "on_late")

    def __init__(self, expires_at: float, on_late: Callable[[], None]) -> None:
        self.expires_at = expires_at
        self.on_late = on_late


class CallLimits:
    """Tells of calls that take longer than their limits.

    A timer of the event loop costs 5 µs to start and cancel (uvloop), and nearly every call is over long before its limit: the timer of an
    earlier limit is left alone and, when it fires, set for the first one that is in force by then.
    """

    def __init__(self) -> None:
        self._waiting: set[CallLimit] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0

    def begin(self, seconds: float, on_late: Callable[[], None]) -> CallLimit:
        """`on_late` is called once if `end` is not called in time."""
        loop = asyncio.get_running_loop()
        limit = CallLimit(loop.time() + seconds, on_late)
        self._waiting.add(limit)
        if self._timer is None or self._fires_at > limit.expires_at:
            self._arm(loop, limit.expires_at)
        return limit

    def end(self, limit: CallLimit) -> None:
        """The call is over, or nobody waits for it any more."""
        self._waiting.discard(limit)

    def close(self) -> None:
        """Tell of nothing more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop, fires_at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = fires_at
        self._timer = loop.call_at(fires_at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = sorted((limit for limit in self._waiting if limit.expires_at <= now), key=lambda limit: limit.expires_at)
        self._waiting.difference_update(late)
        for limit in late:
            limit.on_late()
        first = min((limit.expires_at for limit in self._waiting), default=None)
        if first is not None and (self._timer is None or self._fires_at > first):
            self._arm(loop, max(first, now + _PAUSE_SECONDS))
