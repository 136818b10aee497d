"""Tells pollers that somebody has written to a service through this node, so that they need not look for it all the time.

A hint, no more: what is written in another way (past this node, through another worker, by a service to another) is found when the poller
looks by itself.
"""

import asyncio
from collections.abc import Callable


class WriteNotices:
    """One a node."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Event, frozenset[str]] = {}

    def note(self, service: str) -> None:
        """A client's request to a service (its signing name) has been answered."""
        for event, services in self._waiting.items():
            if service in services:
                event.set()

    def note_call(self, service: str, operation: str) -> None:
        """This node has called a service itself, for a destination or a rule say. Pollers' own calls are no news."""
        if operation.startswith(("Send", "Put", "Publish")):
            self.note(service)

    def watch(self, *services: str) -> "WriteWatch":
        """For one poller, until it is closed."""
        event = asyncio.Event()
        self._waiting[event] = frozenset(services)
        return WriteWatch(event, lambda: self._waiting.pop(event, None))


class WriteWatch:
    """What one poller knows of writes."""

    def __init__(self, event: asyncio.Event, on_close: Callable[[], object]) -> None:
        self._event = event
        self._on_close = on_close

    def begin(self) -> None:
        """Before looking: what comes from here on may not be seen by that look."""
        self._event.clear()

    async def wait(self, seconds: float) -> None:
        """Return after as long, or as soon as there was a write after `begin`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        """Idempotent."""
        self._on_close()
