"""Joins the two ends of function logs: environments' delivery above, the log store below."""

from collections.abc import Sequence

from alonzo.model.log_event import LogEvent
from alonzo.observe.log_delivery import LogStreamName
from alonzo.store.log_stream import LogStore


class StoredLogs:
    """A `LogAppender` over the log store."""

    def __init__(self, *, logs: LogStore) -> None:
        self._logs = logs

    async def append(self, name: LogStreamName, events: Sequence[LogEvent]) -> None:
        """Keep the events. Raises StoreError."""
        await self._logs.append(scope=name.scope, group=name.group, stream=name.stream, events=events)
