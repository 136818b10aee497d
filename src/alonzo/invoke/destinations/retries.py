"""Trying again for about a minute, as long as there is room for what waits meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from alonzo.errors import AlonzoError

PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Between tries, each shortened by up to a half at random: what failed together shall not come back together."""

WAITING_MAX_BYTES = 64 << 20
"""Of payloads that wait for another try. AWS retries for some time as well, and then drops the record; it does not say for how long."""


class RetriesStopped(AlonzoError):
    """The node stops, and what waits for another try is not tried any more."""


class Retries:
    """`run` is for any number of tasks at once; cancelling one leaves nothing behind. `random`: numbers from 0 to below 1."""

    def __init__(self, *, pauses_seconds: Sequence[float], waiting_max_bytes: int, random: Callable[[], float]) -> None:
        self._pauses_seconds = pauses_seconds
        self._random = random
        self._room_bytes = waiting_max_bytes
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """From here on nothing is tried again."""
        self._stopping.set()

    async def run(
        self, attempt: Callable[[], Awaitable[object]], *, is_worth_retrying: Callable[[AlonzoError], bool], size_bytes: int
    ) -> None:
        """Until it succeeds; the last error if it does not, or if there is no room for another one that waits. `RetriesStopped`."""
        for pause_seconds in self._pauses_seconds:
            try:
                await attempt()
            except AlonzoError as error:
                if not is_worth_retrying(error) or size_bytes > self._room_bytes:
                    raise
            else:
                return
            self._room_bytes -= size_bytes
            try:
                await self._pause(pause_seconds * (1 - self._random() / 2))
            finally:
                self._room_bytes += size_bytes
        await attempt()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise RetriesStopped("the node stops")
