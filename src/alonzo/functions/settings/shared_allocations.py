"""Allocations of provisioned concurrency over several workers: what each of them has is a record, and what a version has is their sum."""

import asyncio
import logging

import msgspec

from alonzo.functions.settings.provisioned import Allocation, Allocations, VersionKey
from alonzo.store.errors import StoreError
from alonzo.store.records import RecordTable

_RETRY_SECONDS = 0.5
_log = logging.getLogger(__name__)


class WorkerAllocation(msgspec.Struct, frozen=True):
    """As `Allocation`, of one worker."""

    available_count: int
    failure: str | None = None


class SharedAllocations(Allocations):
    """One a worker; `run` belongs to the components. Keyed by cluster, version and worker."""

    def __init__(self, *, table: RecordTable[WorkerAllocation], cluster: str, own_name: str) -> None:
        super().__init__()
        self._table = table
        self._cluster = cluster
        self._own_name = own_name
        self._unwritten: dict[VersionKey, None] = {}
        self._wake = asyncio.Event()

    def find(self, key: VersionKey) -> Allocation:
        """What all workers have together, as far as they have written it down."""
        records = [record for _, record in self._table.iter_prefix((self._cluster, *key))]
        failures = [record.failure for record in records if record.failure is not None]
        return Allocation(available_count=sum(record.available_count for record in records), failure=failures[0] if failures else None)

    def report(self, key: VersionKey, allocation: Allocation | None) -> None:
        """As `Allocations.report`, of this worker."""
        if allocation is None or allocation != super().find(key) or self._table.find(self._key(key)) is None:
            super().report(key, allocation)
            self._unwritten[key] = None
            self._wake.set()

    async def run(self) -> None:
        """Component: writes down what was reported, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unwritten:
                key = next(iter(self._unwritten))
                del self._unwritten[key]
                try:
                    await self._write(key)
                except StoreError as error:
                    _log.warning("the provisioned concurrency of %s waits for the store: %s", key[2], error)
                    self._unwritten[key] = None
                    await asyncio.sleep(_RETRY_SECONDS)

    async def _write(self, key: VersionKey) -> None:
        allocation = super().find(key)
        record = WorkerAllocation(allocation.available_count, allocation.failure)
        known = self._table.find(self._key(key))
        if record == WorkerAllocation(0):
            if known is not None:
                await self._table.delete(self._key(key))
        elif record != known:
            await self._table.put(self._key(key), record)

    def _key(self, key: VersionKey) -> tuple[str, ...]:
        return self._cluster, *key, self._own_name
