"""Joins the two ends of function logs: environments' delivery above, the log store below."""

from collections.abc import Sequence

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.observe.log_delivery import LogBatch
from alonzo.store.errors import StoreError
from alonzo.store.log_page import LogPortion
from alonzo.store.log_stream import LATENESS_MS, LogStore
from alonzo.triggers.log_groups import LogGroups


class StoredLogs:
    """A `LogAppender` over the log store."""

    def __init__(self, *, logs: LogStore, groups: LogGroups, clock: Clock) -> None:
        self._logs = logs
        self._groups = groups
        self._clock = clock

    async def append(self, batches: Sequence[LogBatch]) -> Sequence[AlonzoError | None]:
        """Keep them; what has become of each batch."""
        portions = [LogPortion(name.scope, name.group, name.stream, entries) for name, entries in batches]
        try:
            results: list[StoreError | None] = await self._logs.append_all(portions)
        except StoreError as error:
            return [error] * len(portions)
        for number, portion in enumerate(portions):
            try:
                if results[number] is None:
                    await self._note_lateness(portion)
            except StoreError as error:
                results[number] = error
        return results

    async def _note_lateness(self, portion: LogPortion) -> None:
        lateness_ms = self._clock.unix_ms() - portion.entries[0].unix_ms
        if lateness_ms > LATENESS_MS:  # the store was not there, or is slow: who reads must know
            await self._groups.note_lateness(portion.scope, portion.group, lateness_ms)
