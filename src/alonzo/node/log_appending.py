"""Joins the two ends of function logs: environments' delivery above, the log store below."""

from collections.abc import Sequence

from alonzo.clock import Clock
from alonzo.model.log_event import LogEvent
from alonzo.observe.log_delivery import LogStreamName
from alonzo.store.log_stream import LATENESS_MS, LogStore
from alonzo.triggers.log_groups import LogGroups


class StoredLogs:
    """A `LogAppender` over the log store."""

    def __init__(self, *, logs: LogStore, groups: LogGroups, clock: Clock) -> None:
        self._logs = logs
        self._groups = groups
        self._clock = clock

    async def append(self, name: LogStreamName, events: Sequence[LogEvent]) -> None:
        """Keep the events. Raises StoreError."""
        await self._logs.append(scope=name.scope, group=name.group, stream=name.stream, events=events)
        lateness_ms = self._clock.unix_ms() - events[0].unix_ms
        if lateness_ms > LATENESS_MS:  # the store was not there, or is slow: who reads must know
            await self._groups.note_lateness(name.scope, name.group, lateness_ms)
