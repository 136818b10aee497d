"""Requests begin in turn by whom they are for, so that one function's flood does not hold up another function's requests.

An event loop that has two hundred requests before it answers a later one behind all of them, and an invocation passes through the loop
several times: it would wait behind the two hundred each time. So only a few requests begin between two looks at the sockets. The others
wait in lanes, one for each function, and the lanes take turns. As a client of a flood sends its next request when it has its answer, what
begins in small portions ends and comes in small portions, too.
"""

import asyncio
from collections import deque

_PORTION = 2
"""Requests that begin between two looks at the sockets: they take a third of a millisecond, and a look costs a twentieth of that."""

_SEGMENTS = 3
"""Of a path, with the nothing before its first slash."""

Whom = str | bytes | None
"""Whom a request is for: the name of a function as it is called, or what stands for it in a URL. Functions of one name in several accounts
share a lane: to tell them apart the signature would have to be read first."""


class Turns:
    """Of one server. A request whose function has not begun any in this round does not wait at all."""

    def __init__(self, *, portion: int = _PORTION) -> None:
        self._portion = portion
        self._count = 0
        self._begun: set[Whom] = set()
        self._lanes: dict[Whom, deque[asyncio.Future[None]]] = {}

    def enter(self, whom: Whom) -> asyncio.Future[None] | None:
        """What to wait for before a request begins; None: it begins at once. Nothing has to be given back."""
        lane = self._lanes.get(whom)
        if lane is None and (whom not in self._begun or (self._count < self._portion and not self._lanes)):
            if not self._count:
                asyncio.get_running_loop().call_soon(self._begin_round)
            self._count += 1
            self._begun.add(whom)
            return None
        if lane is None:
            lane = self._lanes[whom] = deque()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        return turn

    def _begin_round(self) -> None:
        """After a look at the sockets. Goes on with the lanes where the last round ended."""
        self._count = 0
        self._begun.clear()
        while self._lanes and self._count < self._portion:
            whom = next(iter(self._lanes))
            lane = self._lanes.pop(whom)
            turn = lane.popleft()
            if lane:
                self._lanes[whom] = lane  # behind all others
            if not turn.done():  # given up meanwhile
                turn.set_result(None)
                self._count += 1
                self._begun.add(whom)
        if self._count:
            asyncio.get_running_loop().call_soon(self._begin_round)


def whom(host: bytes, path: bytes, *, is_own_host: bool) -> bytes:
    """What stands for a function: the host name if it is a function's own, else the beginning of the path (`/_url/ID`)."""
    return host if is_own_host else b"/".join(path.split(b"/", _SEGMENTS)[:_SEGMENTS])
