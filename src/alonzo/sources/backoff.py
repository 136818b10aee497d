"""Pauses that grow: between tries of what did not work."""

import asyncio
import random
from collections.abc import Callable


class Backoff:
    """The first pause, doubled with every one up to the longest, each shortened by up to a half at random."""

    def __init__(self, *, first_seconds: float, longest_seconds: float, chance: Callable[[], float] = random.random) -> None:
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._chance = chance
        self._next_seconds = first_seconds

    def reset(self) -> None:
        """It has worked: the next pause is the first one again."""
        self._next_seconds = self._first_seconds

    async def pause(self, interrupted: asyncio.Event, *, at_most_seconds: float | None = None) -> bool:
        """Wait; False when `interrupted` was set before the time was over."""
        seconds = self._next_seconds * (1 - self._chance() / 2)
        self._next_seconds = min(2 * self._next_seconds, self._longest_seconds)
        return await wait(interrupted, seconds if at_most_seconds is None else min(seconds, at_most_seconds))


async def wait(interrupted: asyncio.Event, seconds: float) -> bool:
    """So long, or until the event is set; False when it was."""
    if interrupted.is_set():
        return False
    try:
        async with asyncio.timeout(seconds):
            await interrupted.wait()
    except TimeoutError:
        return True
    return False
