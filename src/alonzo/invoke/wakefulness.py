"""Keeps the event loop awake for a moment when an answer or the next request is about to come.

A processor that has nothing to do halts, and waking it takes as long as all that the node does for an invocation: 30 to 60 µs on a virtual
machine, four times for each invocation of a single client. With one invocation in flight the loop therefore polls without sleeping for
`_AWAKE_SECONDS` after the request (most handlers answer sooner) and after the answer (a client that asks again does so sooner): for one
client p50 falls by a third. With more in flight there is always something to do, and the processor is left to the functions.
"""

import asyncio
import time

_AWAKE_SECONDS = 0.000_2
"""At most twice this much of processor time is spent on an invocation that comes alone."""


class Wakefulness:
    """One node's. Without a second processor it does nothing: the function could not run beside a loop that polls."""

    def __init__(self, *, processor_count: int) -> None:
        self._is_useful = processor_count > 1
        self._in_flight = 0
        self._until = 0.0
        self.is_polling = False
        """Whether the loop is kept from sleeping now."""

    def enter(self) -> None:
        """An invocation begins."""
        self._in_flight += 1
        self._stay_awake()

    def leave(self) -> None:
        """An invocation is over."""
        self._in_flight -= 1
        self._stay_awake()

    def _stay_awake(self) -> None:
        if self._in_flight > 1 or not self._is_useful:
            return
        self._until = time.monotonic() + _AWAKE_SECONDS  # not the loop's time, which uvloop counts in milliseconds
        if not self.is_polling:
            self.is_polling = True
            asyncio.get_running_loop().call_soon(self._poll)

    def _poll(self) -> None:
        if self._in_flight <= 1 and time.monotonic() < self._until:
            asyncio.get_running_loop().call_soon(self._poll)
        else:
            self.is_polling = False
