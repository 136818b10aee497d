"""Where invocations of one function wait while there is no concurrency for them.

Concurrency is the function's, or the account's: when one event is refused, all the others of that function would be. So nobody tries
again but one at a time, the one that waits longest first: when an invocation of the function has ended, or after a pause that doubles
with every refusal. The backlog behind is left alone.
"""

import asyncio
from collections import deque

from alonzo.errors import AlonzoError
from alonzo.invoke.asynchronous.retry_policy import backoff_seconds


class GateShut(AlonzoError):
    """Nobody passes any more: the node ends."""


class ThrottleGate:
    """Open until `refuse`. One event loop's; nothing here waits but `enter`."""

    def __init__(self) -> None:
        self._is_shut = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._refusal_count = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_closed(self) -> bool:
        """Whether who comes has to wait."""
        return self._timer is not None

    @property
    def waiting_count(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def enter(self, *, is_first: bool) -> None:
        """Pass, or wait until it is one's turn. Who was refused before (`is_first` False) stands before all others. `GateShut`."""
        if self._is_shut:
            raise GateShut
        if not self.is_closed and not self._waiting:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._waiting.append if is_first else self._waiting.appendleft)(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._let_one_pass()
            raise

    def refuse(self) -> None:
        """Somebody who passed was refused: close for a while."""
        if self.is_closed or self._is_shut:
            return
        self._refusal_count += 1
        self._timer = asyncio.get_running_loop().call_later(backoff_seconds(self._refusal_count), self._open)

    def leave(self) -> None:
        """An invocation has run and ended: there is a place for one more."""
        self._refusal_count = 0
        self._open()

    def shut(self) -> None:
        """For good: who waits is told, and so is whoever comes."""
        self._is_shut = True
        if self._timer is not None:
            self._timer.cancel()
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(GateShut())
        self._waiting.clear()

    def _open(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._let_one_pass()

    def _let_one_pass(self) -> None:
        """And the next one right after it, unless it is refused, which happens before this is called again."""
        while self._waiting and not self.is_closed:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._let_one_pass)
                return
