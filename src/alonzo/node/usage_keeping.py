"""Keeps what functions have used, by month, so that `alonzo cost` can tell what AWS would have asked for it."""

import asyncio
import logging
from collections.abc import Iterator

from alonzo.clock import Clock
from alonzo.functions.settings.provisioned import Allocations
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.observe.usage import MonthlyUsage, Usage, UsageKey, UsageMeter, usage_key
from alonzo.store.errors import StoreError
from alonzo.store.record_archive import RecordArchive
from alonzo.store.record_index import Key
from alonzo.store.records import RecordTable

_WRITE_SECONDS = 30.0
_MONTHS_MAX = 14
"""How many months are kept: as many as AWS's Cost Explorer shows, https://docs.aws.amazon.com/cost-management/latest/userguide/ce-what-is.html."""

_log = logging.getLogger(__name__)


class UsageKeeper:
    """One a node. `owner`: what no other node that uses the same records is called, and this one is after each start.

    A node that is killed loses what it has counted since it wrote last, half a minute at most. An invocation counts for the month in
    which it is written.
    """

    def __init__(
        self,
        *,
        meter: UsageMeter,
        archive: RecordArchive[MonthlyUsage],
        versions: RecordTable[FunctionVersion],
        allocations: Allocations,
        owner: str,
        clock: Clock,
    ) -> None:
        self._meter = meter
        self._archive = archive
        self._versions = versions
        self._allocations = allocations
        self._owner = owner
        self._clock = clock
        self._unwritten: dict[UsageKey, Usage] = {}
        self._provisioned_until = clock.monotonic()
        self._writing = asyncio.Lock()
        self._tidied_in = ""

    async def run(self) -> None:
        """Component: write what has been counted now and then, and at the end."""
        try:
            while True:
                await asyncio.sleep(_WRITE_SECONDS)
                await self._try_to_write()
        finally:
            await self._try_to_write()

    async def read(self, scope: Scope, month: str) -> list[MonthlyUsage]:
        """All that was used in a month, up to now. StoreError."""
        await self.write()
        records = {key: record async for key, record in self._archive.iter_prefix((scope.account_id, scope.region, month))}
        return list(records.values())

    async def write(self) -> None:
        """Write what has been counted. StoreError: then it is written the next time."""
        async with self._writing:
            self._collect()
            month = self._clock.now().strftime("%Y-%m")
            for key in list(self._unwritten):
                usage = self._unwritten.pop(key)
                try:
                    await self._add(month, key, usage)
                except BaseException:
                    self._unwritten.setdefault(key, Usage()).add(usage)
                    raise

    async def _try_to_write(self) -> None:
        try:
            await self.write()
            await self._forget_old_months()
        except StoreError as error:
            _log.warning("what functions have used could not be written, and is written later: %s", error)

    def _collect(self) -> None:
        for key, usage in (*self._meter.take(), *self._provisioned()):
            self._unwritten.setdefault(key, Usage()).add(usage)

    def _provisioned(self) -> Iterator[tuple[UsageKey, Usage]]:
        now = self._clock.monotonic()
        elapsed_ms, self._provisioned_until = (now - self._provisioned_until) * 1_000, now
        for version_key, allocation in self._allocations.own():
            version = self._versions.find(version_key)
            if version is not None and allocation.available_count:
                yield usage_key(version, is_provisioned=True), Usage(provisioned_ms=allocation.available_count * elapsed_ms)

    async def _add(self, month: str, key: UsageKey, usage: Usage) -> None:
        function = self._versions.find((key.scope.account_id, key.scope.region, key.name, "$LATEST"))

        def added(stored: MonthlyUsage | None) -> MonthlyUsage:
            total = Usage()
            tags = {} if function is None else function.tags
            if stored is not None:
                total.add(stored.usage)
                tags = stored.tags if function is None else tags
            total.add(usage)
            return MonthlyUsage(month=month, key=key, usage=total, tags=tags)

        await self._archive.change(self._record_key(month, key), added)

    def _record_key(self, month: str, key: UsageKey) -> Key:
        kind = f"{key.architecture} {key.memory_mib} {key.storage_mib} {key.runtime} {key.is_provisioned}"
        return (key.scope.account_id, key.scope.region, month, key.name, key.version, kind, self._owner)

    async def _forget_old_months(self) -> None:
        now = self._clock.now()
        month = now.strftime("%Y-%m")
        if month == self._tidied_in:
            return
        number = now.year * 12 + now.month - 1 - _MONTHS_MAX
        newest_forgotten = f"{number // 12:04d}-{number % 12 + 1:02d}"
        async for key, record in self._archive.iter_prefix(()):
            if record.month <= newest_forgotten and key[-1] == self._owner:
                await self._archive.delete(key)
        self._tidied_in = month
