"""What other services hold and requests need, kept in memory: read when first needed, again after a write, and now and then.

A write that passes this node's proxy is seen at once. What changes otherwise (a service elsewhere, another server before it) is seen
within seconds, and no request waits for that: it has the old one while the new one is read. While the service does not answer, the old one
stays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from alonzo.aws.client.errors import AwsCallFailed
from alonzo.clock import Clock

FRESH_SECONDS = 3.0
_KEPT_MAX = 1_000

_log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Content = TypeVar("Content")


@dataclass(slots=True)
class _Kept(Generic[Content]):
    content: Content
    read_at: float
    generation: int


class Configurations(Generic[Key, Content]):
    """`read` asks the service; None is something that is not there, which is not kept. Resource handling: `aclose` ends reading."""

    def __init__(self, read: Callable[[Key], Awaitable[Content | None]], *, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._kept: dict[Key, _Kept[Content]] = {}
        self._reading: dict[Key, asyncio.Task[Content | None]] = {}
        self._generation = 0

    def drop(self) -> None:
        """Something has been written: what is kept counts no more, unless the service cannot be asked."""
        self._generation += 1

    def find(self, key: Key) -> Content | None:
        """What is kept, if it is as good as what `get` would give now; it takes no task's turn. None says nothing."""
        kept = self._kept.get(key)
        if kept is None or kept.generation != self._generation or self._clock.monotonic() - kept.read_at > FRESH_SECONDS:
            return None
        return kept.content

    async def get(self, key: Key) -> Content | None:
        """None: there is no such thing. AwsCallFailed: the service cannot be asked, and it was never read before."""
        kept = self._kept.get(key)
        if kept is None:
            return await self._read_once(key)
        if kept.generation != self._generation:
            try:
                return await self._read_once(key)
            except AwsCallFailed as error:
                _log.warning("the configuration of %s is as it was before: %s", key, error)
                kept.generation, kept.read_at = self._generation, self._clock.monotonic()
                return kept.content
        if self._clock.monotonic() - kept.read_at > FRESH_SECONDS and key not in self._reading:
            kept.read_at = self._clock.monotonic()  # also if this fails: the next try is as much later
            self._begin(key)
        return kept.content

    async def aclose(self) -> None:
        """Cancel what is being read."""
        reading = list(self._reading.values())
        for task in reading:
            task.cancel()
        if reading:
            await asyncio.wait(reading)

    async def _read_once(self, key: Key) -> Content | None:
        """Requests that come at the same time share one reading, unless something was written since it began."""
        generation = self._generation
        while True:
            content = await asyncio.shield(self._reading.get(key) or self._begin(key))
            kept = self._kept.get(key)
            if kept is None or kept.generation >= generation:
                return content

    def _begin(self, key: Key) -> "asyncio.Task[Content | None]":
        task = asyncio.get_running_loop().create_task(self._read_and_keep(key))
        self._reading[key] = task
        task.add_done_callback(lambda done: self._end(key, done))
        return task

    async def _read_and_keep(self, key: Key) -> Content | None:
        generation = self._generation
        content = await self._read(key)
        if content is None:
            self._kept.pop(key, None)
        else:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[key] = _Kept(content, self._clock.monotonic(), generation)
        return content

    def _end(self, key: Key, task: "asyncio.Task[Content | None]") -> None:
        if self._reading.get(key) is task:
            del self._reading[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("%s cannot be read: %s", key, error)
