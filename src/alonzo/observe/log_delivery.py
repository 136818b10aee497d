"""Carries log events from environments to the log store, beside the invoke path.

Environments hand over events by a plain call; a component writes what has come together, ten times a second, one batch a log stream. What
waits is bounded: a flood that the store cannot take is dropped, counted, and said in the log stream that it was meant for.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope
from alonzo.observe.framing import LogLine

_log = logging.getLogger(__name__)

_INTERVAL_SECONDS = 0.1
_QUEUE_MAX_CHARACTERS = 64_000_000
_BATCH_MAX_CHARACTERS = 512_000


@dataclass(frozen=True, slots=True)
class LogStreamName:
    """Where events belong: a log stream of a log group."""

    scope: Scope
    group: str
    stream: str


class LogAppender(Protocol):
    """The log store, as this file needs it."""

    async def append_lines(self, name: LogStreamName, lines: Sequence[LogLine]) -> None:
        """Keep the events; AlonzoError if the store does not take them now."""
        ...


@dataclass(slots=True)
class _Waiting:
    lines: list[LogLine] = field(default_factory=list)
    dropped_count: int = 0


class LogDelivery:
    """The queue between environments and the log store."""

    def __init__(self, *, appender: LogAppender, clock: Clock) -> None:
        self._appender = appender
        self._clock = clock
        self._waiting: dict[LogStreamName, _Waiting] = {}
        self._waiting_characters = 0
        self._arrived = asyncio.Event()

    def submit(self, name: LogStreamName, lines: Sequence[LogLine]) -> None:
        """Take events of one stream, in order."""
        waiting = self._waiting.get(name)
        if waiting is None:
            waiting = self._waiting[name] = _Waiting()
        size = sum(len(line.message) for line in lines)
        if self._waiting_characters + size > _QUEUE_MAX_CHARACTERS:
            waiting.dropped_count += len(lines)
        else:
            waiting.lines.extend(lines)
            self._waiting_characters += size
        self._arrived.set()

    async def run(self) -> None:
        """Deliver until cancelled, then what is left."""
        try:
            while True:
                await self._arrived.wait()
                await asyncio.sleep(_INTERVAL_SECONDS)
                self._arrived.clear()
                await self.flush()
        finally:
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Deliver everything that waits now."""
        taken, self._waiting = self._waiting, {}
        self._waiting_characters = 0
        for name, waiting in taken.items():
            if waiting.dropped_count:
                message = f"[alonzo] {waiting.dropped_count} log events dropped: written faster than they can be kept\n"
                waiting.lines.append(LogLine(self._clock.unix_ms(), message))
            await self._deliver(name, waiting.lines)

    async def _deliver(self, name: LogStreamName, lines: list[LogLine]) -> None:
        for batch in _batches(lines):
            try:
                await self._appender.append_lines(name, batch)
            except AlonzoError:
                _log.exception("%d log events of %s are lost", len(batch), name.group)


def _batches(lines: list[LogLine]) -> list[list[LogLine]]:
    batches: list[list[LogLine]] = [[]]
    size = 0
    for line in lines:
        if size + len(line.message) > _BATCH_MAX_CHARACTERS and batches[-1]:
            batches.append([])
            size = 0
        batches[-1].append(line)
        size += len(line.message)
    return batches
