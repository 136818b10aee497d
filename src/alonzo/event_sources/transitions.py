"""Carries out what was accepted: mappings that are created, changed or deleted get to where they are on their way to.

A component beside the API. The records say what is left to do, so that nothing is lost with a node. A mapping that somebody still polls
waits where it is: what is shown as disabled or updated is so.
"""

import asyncio
import logging
from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.event_sources import states
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.store.errors import RecordConflict, StoreError
from alonzo.store.records import RecordTable

_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)

_Key = tuple[str, ...]


class MappingTransitions:
    """Does its work while `run` runs. Bounded by the number of mappings: one that moves is remembered once.

    `is_polled`: whether anybody still has records of the mapping in hand; `look` is called when that may have changed.
    """

    def __init__(self, *, records: RecordTable[EventSourceMapping], is_polled: Callable[[EventSourceMapping], bool], clock: Clock) -> None:
        self._records = records
        self._is_polled = is_polled
        self._clock = clock
        self._moving: dict[_Key, None] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Component: until cancelled. What moves then goes on at the next start."""
        unsubscribe = self._records.subscribe(self._note)
        try:
            for key, mapping in self._records.iter_prefix(()):
                self._note(key, mapping)
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._moving:
                    key, _ = self._moving.popitem()
                    await self._arrive(key)
        finally:
            unsubscribe()

    def look(self, key: _Key) -> None:
        """The mapping may not be polled any more."""
        self._note(key, self._records.find(key))

    def _note(self, key: _Key, mapping: EventSourceMapping | None) -> None:
        if mapping is not None and states.is_moving(mapping):
            self._moving[key] = None
            self._wake.set()

    async def _arrive(self, key: _Key) -> None:
        while (record := self._records.get_versioned(key)) is not None and states.is_moving(record.value):
            if self._is_polled(record.value):
                return
            arrived = states.arrived(record.value, now_unix_ms=self._clock.unix_ms())
            try:
                if arrived is None:
                    await self._records.delete(key, revision=record.revision)
                else:
                    await self._records.update(key, arrived, revision=record.revision)
            except RecordConflict:  # another node was first
                continue
            except StoreError as error:
                _log.warning("event source mapping %s waits for the store: %s", record.value.uuid, error)
                await asyncio.sleep(_RETRY_SECONDS)
