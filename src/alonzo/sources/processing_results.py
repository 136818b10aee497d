"""`LastProcessingResult`: written into a mapping's record when it has changed, and not more often than it is worth."""

import asyncio
import logging

import msgspec

from alonzo.event_sources.source_kinds import kind_of
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.store.errors import RecordConflict, StoreError
from alonzo.store.records import RecordTable

_PAUSE_SECONDS = 1.0
_RESULT_MAX_LENGTH = 512
_Key = tuple[str, ...]
OK = "OK"
"""Of records that were processed. AWS shows nothing for queues then."""

_log = logging.getLogger(__name__)


class ProcessingResults:
    """Does its work while `run` runs; bounded by the number of mappings."""

    def __init__(self, mappings: RecordTable[EventSourceMapping]) -> None:
        self._mappings = mappings
        self._wanted: dict[_Key, str] = {}
        self._wake = asyncio.Event()

    def report(self, key: _Key, result: str) -> None:
        """What came of the last batch. Costs a look-up when it is the same as before."""
        mapping = self._mappings.find(key)
        if mapping is None or (key not in self._wanted and mapping.last_processing_result == _shown(mapping, result)):
            return
        self._wanted[key] = result
        self._wake.set()

    async def run(self) -> None:
        """Component: until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            wanted, self._wanted = self._wanted, {}
            for key, result in wanted.items():
                try:
                    await self._write(key, result)
                except StoreError as error:
                    _log.info("the processing result of mapping %s was not written: %s", key[-1], error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _write(self, key: _Key, result: str) -> None:
        while (record := self._mappings.get_versioned(key)) is not None:
            shown = _shown(record.value, result)
            if record.value.last_processing_result == shown:
                return
            changed = msgspec.structs.replace(record.value, last_processing_result=shown)
            try:
                await self._mappings.update(key, changed, revision=record.revision)
            except RecordConflict:
                continue


def _shown(mapping: EventSourceMapping, result: str) -> str | None:
    if result == OK and kind_of(mapping.source).processing_result is None:
        return None
    return result[:_RESULT_MAX_LENGTH]
