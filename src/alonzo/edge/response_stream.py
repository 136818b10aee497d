"""What a function streams, on its way to a client that may be slower: bounded, with back-pressure on the function."""

import asyncio
from collections.abc import AsyncIterator, Callable

_WAITING_MAX_BYTES = 1_048_576
"""A function that is so far ahead of its client waits."""


class ResponseStream:
    """A `ResponseSink`. One reader; `finish` ends it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._is_finished = False
        self._resume: Callable[[], None] | None = None
        self.content_type = ""
        """What the runtime says of the stream; known with the first part."""

    def note_type(self, content_type: str) -> None:
        """As the protocol says."""
        self.content_type = content_type

    def write(self, part: bytes) -> bool:
        """As the protocol says."""
        self._parts.append(part)
        self._waiting_bytes += len(part)
        self._changed.set()
        return self._waiting_bytes < _WAITING_MAX_BYTES

    def when_drained(self, resume: Callable[[], None]) -> None:
        """As the protocol says."""
        self._resume = resume

    def finish(self) -> None:
        """Nothing comes any more."""
        self._is_finished = True
        self._changed.set()

    async def parts(self) -> AsyncIterator[bytes]:
        """What has come since the last one, until `finish`."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            parts, self._parts = self._parts, []
            self._waiting_bytes = 0
            resume, self._resume = self._resume, None
            if resume is not None:
                resume()
            if parts:
                yield b"".join(parts)
            if self._is_finished and not self._parts:
                return
