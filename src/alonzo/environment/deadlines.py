"""The times by which an environment's invocations must be over."""

import asyncio
from collections.abc import Callable, Iterable

from alonzo.environment.running import RunningInvocation


class Deadlines:
    """Tells of running invocations that are late, with a timer that is seldom touched.

    A timer of the event loop costs 5 µs to start and cancel (uvloop), and nearly every invocation is over long before its deadline: the
    timer of an earlier deadline is left alone and, when it fires, set for the first one that is in force by then.
    """

    def __init__(self, *, running: Iterable[RunningInvocation], on_expiry: Callable[[RunningInvocation], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._running = running
        self._on_expiry = on_expiry
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0

    def watch(self, expires_at: float) -> None:
        """There is an invocation with this deadline, in the event loop's seconds."""
        if self._timer is None or self._fires_at > expires_at:
            self._arm(expires_at)

    def close(self) -> None:
        """Tell of nothing more. May be called again."""
        self._on_expiry = _tell_nobody  # it has the environment, which has this: neither shall wait for the garbage collector
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
        now = self._loop.time()
        for running in [running for running in self._running if running.expires_at <= now]:
            self._on_expiry(running)
        first = min((running.expires_at for running in self._running), default=None)
        if first is not None and self._timer is None:
            self._arm(first)


def _tell_nobody(_: RunningInvocation) -> None:
    """What a closed one does."""
