"""Leases of units, with their checkpoints: one record a unit, which only its holder changes, by compare-and-set."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

import msgspec

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.errors import LeaseLost
from alonzo.sources.holders import Holders
from alonzo.store.errors import RecordConflict, RecordExists, StoreError
from alonzo.store.records import RecordTable

_RETRY_SECONDS = 0.5
_START = ""
"""In place of a unit: since when the mapping is polled."""

_Key = tuple[str, ...]

_log = logging.getLogger(__name__)


class UnitRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one unit of one mapping. `holder` None: nobody polls it."""

    holder: str | None = None
    checkpoint: str | None = None
    is_finished: bool = False


def mapping_key(mapping: EventSourceMapping) -> _Key:
    """Of the mapping's own record, and the beginning of its units' keys."""
    return mapping.scope.account_id, mapping.scope.region, mapping.uuid


class UnitLeases:
    """All that are known."""

    def __init__(self, *, table: RecordTable[UnitRecord], holders: Holders) -> None:
        self._table = table
        self._holders = holders
        self._held_here: set[_Key] = set()

    def is_polled(self, mapping: EventSourceMapping) -> bool:
        """Whether anybody who lives holds a unit of the mapping.

        Of this node's own it is known which it has given back, though that could perhaps not be written.
        """
        return any(key in self._held_here or self._is_anothers(record) for key, record in list(self._units(mapping)))

    def is_finished(self, mapping: EventSourceMapping, unit: str) -> bool:
        """Whether the unit has been read to its end."""
        record = self._table.find((*mapping_key(mapping), unit))
        return record is not None and record.is_finished

    def is_own(self, mapping: EventSourceMapping, unit: str) -> bool:
        """Whether the unit is to be polled by this node."""
        return self._holders.owner(f"{mapping.uuid}/{unit}") == self._holders.own_name

    async def acquire(self, mapping: EventSourceMapping, unit: str) -> "HeldUnit | None":
        """The unit, if nobody else who lives has it and it is not at its end. Errors: the store's."""
        key = (*mapping_key(mapping), unit)
        record = self._table.get_versioned(key)
        try:
            if record is None:
                value = UnitRecord(holder=self._holders.own_name)
                return self._held(key, value, await self._table.create(key, value))
            before = record.value
            if before.is_finished or self._is_anothers(before):
                return None
            value = msgspec.structs.replace(before, holder=self._holders.own_name)
            return self._held(key, value, await self._table.update(key, value, revision=record.revision))
        except (RecordExists, RecordConflict):
            return None  # another one was first

    def _held(self, key: _Key, value: UnitRecord, revision: int) -> "HeldUnit":
        self._held_here.add(key)
        return HeldUnit(self._table, key, value, revision, on_given_up=lambda: self._held_here.discard(key))

    async def started_unix_ms(self, mapping: EventSourceMapping) -> int:
        """When the mapping was enabled for the first time, as whoever polled it first has written down. Errors: the store's."""
        key = (*mapping_key(mapping), _START)
        while (record := self._table.find(key)) is None or record.checkpoint is None:
            with contextlib.suppress(RecordExists):
                # It became `Enabled` then; what was written since is not to be missed.
                await self._table.create(key, UnitRecord(checkpoint=str(mapping.last_modified_unix_ms)))
        return int(record.checkpoint)

    async def forget_but(self, mapping: EventSourceMapping, units: frozenset[str]) -> None:
        """Forget the checkpoints of all other units of a mapping: they are no longer there. Errors: the store's."""
        for key, record in list(self._units(mapping)):
            if key[-1] not in units and key[-1] != _START and record.holder is None:
                await self._table.delete(key)

    async def forget(self, key: _Key) -> None:
        """Forget all checkpoints of a mapping that is no more. Errors: the store's."""
        await self._table.delete_prefix(key)

    async def forget_orphans(self, mappings: RecordTable[EventSourceMapping]) -> None:
        """After a start: units whose mapping has gone while nobody was there to forget them. Errors: the store's."""
        for key, _ in list(self._table.iter_prefix(())):
            if mappings.find(key[:3]) is None:
                await self._table.delete(key)

    def _is_anothers(self, record: UnitRecord) -> bool:
        return record.holder is not None and record.holder != self._holders.own_name and self._holders.lives(record.holder)

    def _units(self, mapping: EventSourceMapping) -> Iterator[tuple[_Key, UnitRecord]]:
        return self._table.iter_prefix(mapping_key(mapping))


class HeldUnit:
    """A `PolledUnit`. Made by `UnitLeases.acquire`; `run` while it is polled; at the end `release`, or `abandon` what is another's."""

    def __init__(
        self, table: RecordTable[UnitRecord], key: _Key, value: UnitRecord, revision: int, *, on_given_up: Callable[[], None]
    ) -> None:
        self._table = table
        self._key = key
        self._written = self._wanted = value
        self._revision = revision
        self._on_given_up = on_given_up
        self._news = asyncio.Event()
        self.name = key[-1]
        self.stopping = asyncio.Event()

    @property
    def checkpoint(self) -> str | None:
        """As the protocol says."""
        return self._wanted.checkpoint

    @property
    def is_finished(self) -> bool:
        """Whether `finish` has been called."""
        return self._wanted.is_finished

    def save(self, checkpoint: str) -> None:
        """As the protocol says."""
        if checkpoint != self._wanted.checkpoint:
            self._wanted = msgspec.structs.replace(self._wanted, checkpoint=checkpoint)
            self._news.set()

    def finish(self) -> None:
        """As the protocol says."""
        self._wanted = msgspec.structs.replace(self._wanted, is_finished=True)
        self._news.set()

    async def run(self) -> None:
        """Writes checkpoints until cancelled. `LeaseLost`."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._write()

    async def release(self) -> None:
        """Write the last checkpoint, and that nobody holds the unit. What cannot be written now is left to whoever comes next."""
        self._wanted = msgspec.structs.replace(self._wanted, holder=None)
        try:
            await self._write_once()
        except RecordConflict:
            _log.info("unit %s of mapping %s is another node's already", self.name, self._key[2])
        except StoreError as error:
            _log.warning("unit %s of mapping %s could not be released: %s", self.name, self._key[2], error)
        finally:
            self._on_given_up()

    def abandon(self) -> None:
        """The lease is lost: nothing is written."""
        self._on_given_up()

    async def _write(self) -> None:
        while True:
            try:
                await self._write_once()
            except RecordConflict as error:
                raise LeaseLost(f"unit {self.name} of mapping {self._key[2]} is another node's") from error
            except StoreError as error:
                _log.warning("a checkpoint of mapping %s waits for the store: %s", self._key[2], error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _write_once(self) -> None:
        value = self._wanted
        if value == self._written:
            return
        try:
            self._revision = await self._table.update(self._key, value, revision=self._revision)
        except RecordConflict:
            # A write whose answer was lost may have happened after all: then the record is this holder's still.
            record = self._table.get_versioned(self._key)
            if record is None or self._written.holder is None or record.value.holder != self._written.holder:
                raise
            self._revision = await self._table.update(self._key, value, revision=record.revision)
        self._written = value
