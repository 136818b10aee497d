"""Failed invocations that have been reported, until the runtime comes for another one.

Until then the error may still be written into the log: AWS's client for Java reports first and logs then. On AWS an invocation is over when
its runtime asks for the next one (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-invoke).
"""

import asyncio
from collections.abc import Callable

_HOLD_SECONDS = 0.5
"""A runtime that neither comes nor exits keeps its caller waiting no longer."""


class HeldEnds:
    """One environment's. Whoever ends the environment releases."""

    __slots__ = ("_ends", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._ends)

    def hold(self, end: Callable[[], None]) -> None:
        """Call `end` when `release` is called, or a moment from now."""
        self._ends.append(end)
        if self._timer is None:
            self._timer = self._loop.call_later(_HOLD_SECONDS, self.release)

    def release(self) -> None:
        """Nothing more comes. May be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ends, self._ends = self._ends, []
        for end in ends:
            end()
