"""Joins the two ends of function logs: environments' delivery above, the log store below."""

from collections.abc import Sequence

from alonzo.observe.framing import LogLine
from alonzo.observe.log_delivery import LogStreamName
from alonzo.store.log_page import LogEvent
from alonzo.store.log_stream import LogStore


class StoredLogs:
    """A `LogAppender` over the log store."""

    def __init__(self, *, logs: LogStore) -> None:
        self._logs = logs

    async def append_lines(self, name: LogStreamName, lines: Sequence[LogLine]) -> None:
        """Keep the events. Raises StoreError."""
        events = [LogEvent(line.unix_ms, line.message) for line in lines]
        await self._logs.append(scope=name.scope, group=name.group, stream=name.stream, events=events)
