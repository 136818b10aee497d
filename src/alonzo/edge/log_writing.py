"""The part of the CloudWatch Logs API with which clients make log streams and write events.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.log_requests import group_of, invalid
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.invocation_lines import LogEntry
from alonzo.model.log_event import LogEvent
from alonzo.model.quotas import LOG_EVENT_MAX_BYTES
from alonzo.observe.log_delivery import LogStreamName
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups

_BATCH_MAX_BYTES = 1_048_576
_EVENT_OVERHEAD_BYTES = 26
_FUTURE_MAX_MS = 2 * 3_600 * 1_000
_PAST_MAX_MS = 14 * 86_400 * 1_000
Members = dict[str, Any]
Listener = Callable[[LogStreamName, Sequence[LogEntry], str | None], None]


class LogWritingOperations:
    """Each method is one operation: an `OperationHandler`. `tell` learns of every batch that was kept."""

    def __init__(self, *, groups: LogGroups, logs: LogStore, tell: Listener, clock: Clock) -> None:
        self._groups = groups
        self._logs = logs
        self._tell = tell
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "CreateLogStream": self.create_log_stream,
            "DeleteLogStream": self.delete_log_stream,
            "PutLogEvents": self.put_log_events,
        }

    async def create_log_stream(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.create_stream(call.caller.scope, group_of(parameters), parameters["logStreamName"])
        return {}

    async def delete_log_stream(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.delete_stream(call.caller.scope, group_of(parameters), parameters["logStreamName"])
        return {}

    async def put_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group, stream = call.caller.scope, group_of(parameters), parameters["logStreamName"]
        given = [LogEvent(each["timestamp"], each["message"]) for each in parameters["logEvents"]]
        _check(given)
        await self._groups.check_stream(scope, group, stream)
        now_ms = self._clock.unix_ms()
        earliest_ms = await self._groups.earliest_kept_ms(scope, group)
        expired_count = sum(event.unix_ms < earliest_ms for event in given)
        old_count = sum(event.unix_ms < now_ms - _PAST_MAX_MS for event in given)
        new_count = sum(event.unix_ms > now_ms + _FUTURE_MAX_MS for event in given)
        events = given[max(expired_count, old_count) : len(given) - new_count]
        if events:
            await self._groups.note_lateness(scope, group, max(abs(now_ms - each.unix_ms) for each in (events[0], events[-1])))
            await self._logs.append(scope=scope, group=group, stream=stream, entries=events)
            self._tell(LogStreamName(scope, group, stream), events, _decoded(call.trace_header))
        rejected: Members = {}
        if expired_count:
            rejected["expiredLogEventEndIndex"] = expired_count
        if old_count:
            rejected["tooOldLogEventEndIndex"] = old_count
        if new_count:
            rejected["tooNewLogEventStartIndex"] = len(given) - new_count
        return {"nextSequenceToken": f"{now_ms:056d}", "rejectedLogEventsInfo": rejected or None}


def _check(events: list[LogEvent]) -> None:
    sizes = [len(event.message.encode("utf-8", "replace")) for event in events]
    largest = max(sizes, default=0)
    if largest > LOG_EVENT_MAX_BYTES:
        raise invalid(f"Log event too large: {largest} bytes exceeds limit of {LOG_EVENT_MAX_BYTES}")
    size = sum(sizes) + _EVENT_OVERHEAD_BYTES * len(events)
    if size > _BATCH_MAX_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {_BATCH_MAX_BYTES}")
    if any(later.unix_ms < earlier.unix_ms for earlier, later in pairwise(events)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")


def _decoded(trace_header: bytes | None) -> str | None:
    return None if trace_header is None else trace_header.decode("latin-1")
