"""Turns among all workers: whoever has one has a record that says so, and everybody else waits until it is gone.

Before a turn ends all workers know what was written within it. The turns of a worker that died are ended by whoever started it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from alonzo.functions.turns import Turns
from alonzo.store.errors import RecordExists, StoreError
from alonzo.store.records import RecordTable

_LOOK_AGAIN_SECONDS = 1.0
_RETRY_SECONDS = 0.5

_log = logging.getLogger(__name__)


class TurnHolder(msgspec.Struct, frozen=True):
    """Whose turn it is: the name of a worker, and a number that it gives no other turn."""

    name: str
    number: int = 0


class SharedTurns(Turns):
    """`agree` returns when all workers know what is known here. `run` belongs to the components. Errors of turns: the store's, too."""

    def __init__(self, *, table: RecordTable[TurnHolder], cluster: str, own_name: str, agree: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._table = table
        self._cluster = cluster
        self._own_name = own_name
        self._turn_count = 0
        self._agree = agree
        self._freed: dict[tuple[str, ...], asyncio.Event] = {}
        self._left: dict[TurnHolder, tuple[str, ...]] = {}
        self._wake = asyncio.Event()
        table.subscribe(self._on_change)

    @asynccontextmanager
    async def of(self, key: tuple[str, ...]) -> AsyncIterator[None]:
        """As `Turns.of`, among all workers."""
        async with super().of(key):
            shared_key = (self._cluster, *key)
            self._turn_count += 1
            holder = TurnHolder(self._own_name, self._turn_count)
            revision = await self._take(shared_key, holder)
            try:
                yield
            finally:
                await self._leave(shared_key, holder, revision)

    async def run(self) -> None:
        """Component: ends turns that could not be ended at once, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            for holder, key in list(self._left.items()):
                try:
                    await self._end(key, holder)
                    del self._left[holder]
                except StoreError as error:
                    _log.warning("the turn of %s waits for the store: %s", "/".join(key[1:]), error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._wake.set()

    async def _end(self, key: tuple[str, ...], holder: TurnHolder) -> None:
        await self._table.refresh(key)
        record = self._table.get_versioned(key)
        if record is not None and record.value == holder:
            await self._table.delete(key, revision=record.revision)

    async def _take(self, key: tuple[str, ...], holder: TurnHolder) -> int:
        while True:
            try:
                return await self._table.create(key, holder)
            except RecordExists:
                await self._wait_for_end(key)
            except BaseException:  # it may have been written all the same
                self._end_later(key, holder)
                raise

    async def _wait_for_end(self, key: tuple[str, ...]) -> None:
        freed = self._freed.setdefault(key, asyncio.Event())  # one waits: others of this worker wait for that one
        try:
            if self._table.find(key) is not None:
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await freed.wait()
        except TimeoutError:
            await self._table.refresh(key)
        finally:
            self._freed.pop(key, None)

    async def _leave(self, key: tuple[str, ...], holder: TurnHolder, revision: int) -> None:
        try:
            await self._agree()
            await self._table.delete(key, revision=revision)
        except BaseException:
            self._end_later(key, holder)
            raise

    def _end_later(self, key: tuple[str, ...], holder: TurnHolder) -> None:
        self._left[holder] = key
        self._wake.set()

    def _on_change(self, key: tuple[str, ...], holder: TurnHolder | None) -> None:
        freed = self._freed.get(key)
        if holder is None and freed is not None:
            freed.set()
