"""Turns: of the changes that concern the same thing one at a time, on this node (among several workers: `shared_turns.py`).

Records are written with compare-and-set, which is enough for one record. What has to agree across several, a version that an alias names
say, is checked and written within a turn.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Remembers only what is being waited for. A turn is not reentrant."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, ...], _Turn] = {}

    @asynccontextmanager
    async def of(self, key: tuple[str, ...]) -> AsyncIterator[None]:
        """Enter when everybody who asked for this key before has left."""
        turn = self._turns.setdefault(key, _Turn())
        turn.holder_count += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.holder_count -= 1
            if turn.holder_count == 0:
                del self._turns[key]


class _Turn:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holder_count = 0
