"""A front door that is made with the first request for it: most servers never have one, and start without what it is made of."""

import asyncio
from collections.abc import Awaitable, Callable

from alonzo.edge.asgi import AsgiScope, Receive, Send
from alonzo.edge.front_doors import FrontDoor, QuickWay


class LateDoor:
    """A `FrontDoor`, and the one that `open_door` makes from then on."""

    def __init__(self, open_door: Callable[[], Awaitable[FrontDoor]], *, takes_web_sockets: bool) -> None:
        self.takes_web_sockets = takes_web_sockets
        self._open_door = open_door
        self._opening = asyncio.Lock()
        self._door: FrontDoor | None = None

    def find_quick_way(self, host: bytes, path: bytes) -> QuickWay | None:
        """As the protocol says."""
        return None if self._door is None else self._door.find_quick_way(host, path)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        door = self._door or await self._open()
        await door(scope, receive, send)

    async def _open(self) -> FrontDoor:
        async with self._opening:
            if self._door is None:
                self._door = await self._open_door()
            return self._door
