"""The part of the CloudWatch Logs API that reads what functions have logged.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/.
"""

from collections.abc import Iterable
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.log_requests import checked_pattern, group_arn, group_of, invalid, offset_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.scope import Scope
from alonzo.observe.filter_patterns.pattern import FilterPattern
from alonzo.observe.insights.rows import discovered
from alonzo.observe.insights.values import text_of
from alonzo.store.log_page import Accept, LogPage, LogRecord
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups

_EVENTS_LIMIT = 10_000
_ANSWER_MAX_BYTES = 1_048_576
"""Of events in one answer. Source: API_GetLogEvents and API_FilterLogEvents."""

_SCANNED_MAX = 200_000
"""So many events are looked at for those that are wanted, before the client is asked to come again."""

_STREAMS_LIMIT = 50
_FORWARD, _BACKWARD = "f/", "b/"
Members = dict[str, Any]


class LogOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, logs: LogStore, groups: LogGroups) -> None:
        self._logs = logs
        self._groups = groups

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "DescribeLogStreams": self.describe_log_streams,
            "FilterLogEvents": self.filter_log_events,
            "GetLogEvents": self.get_log_events,
            "GetLogRecord": self.get_log_record,
        }

    async def describe_log_streams(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group, prefix = call.caller.scope, group_of(parameters), parameters.get("logStreamNamePrefix")
        by_time = parameters.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        names = await self._groups.list_streams(scope, group, prefix or "")
        start, limit = offset_of(parameters.get("nextToken")), parameters.get("limit") or _STREAMS_LIMIT
        descending = bool(parameters.get("descending"))
        if by_time:
            streams = [await self._describe_stream(scope, group, name) for name in names]
            streams.sort(key=lambda stream: stream.get("lastEventTimestamp", 0), reverse=descending)
            streams = streams[start : start + limit]
        else:
            chosen = sorted(names, reverse=descending)[start : start + limit]
            streams = [await self._describe_stream(scope, group, name) for name in chosen]
        more = start + limit < len(names)
        return {"logStreams": streams, "nextToken": str(start + limit) if more else None}

    async def filter_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        if parameters.get("logStreamNames") and parameters.get("logStreamNamePrefix"):
            raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        pattern = checked_pattern(parameters.get("filterPattern") or "")
        earliest_ms = await self._groups.earliest_kept_ms(scope, group)
        streams, limit = parameters.get("logStreamNames"), parameters.get("limit") or _EVENTS_LIMIT
        accept = None if not streams and not parameters.get("filterPattern") else _acceptance(pattern, streams)
        page: LogPage = await _checked(
            self._logs.read(
                scope=scope,
                group=group,
                stream_prefix=parameters.get("logStreamNamePrefix") or "",
                start_ms=max(earliest_ms, parameters.get("startTime") or 0),
                end_ms=parameters.get("endTime"),
                limit=limit,
                position=parameters.get("nextToken"),
                lateness_ms=self._groups.lateness_ms(scope, group),
                accept=accept,
                scan_max=_SCANNED_MAX,
            )
        )
        found = _fitting(page.events)
        position = None if page.is_complete else page.position
        if len(found) < len(page.events):
            position = _position_of(found[-1])
        events = [_event(record) | {"logStreamName": record.stream, "eventId": record.event_id} for record in found]
        return {"events": events, "nextToken": position, "searchedLogStreams": []}

    async def get_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        """Tokens: `f/` goes on behind an event, `b/` before one; a page with nothing has the token it was asked for with, as on AWS."""
        scope, group, stream, token = call.caller.scope, group_of(parameters), parameters["logStreamName"], parameters.get("nextToken")
        await self._groups.check_stream(scope, group, stream)
        earliest_ms, end_ms = await self._groups.earliest_kept_ms(scope, group), parameters.get("endTime")
        wanted: Members = {
            "scope": scope,
            "group": group,
            "stream": stream,
            "start_ms": max(earliest_ms, parameters.get("startTime") or 0),
            "end_ms": None if end_ms is None else end_ms - 1,  # of this operation alone the end is not included
            "limit": parameters.get("limit") or _EVENTS_LIMIT,
            "lateness_ms": self._groups.lateness_ms(scope, group),
        }
        if token is not None and not token.startswith((_FORWARD, _BACKWARD)):
            raise invalid("The specified nextToken is invalid.")
        is_forward = token.startswith(_FORWARD) if token is not None else bool(parameters.get("startFromHead"))
        read = self._logs.read if is_forward else self._logs.read_back
        page: LogPage = await _checked(read(**wanted, position=None if token is None else token[2:]))
        start, position = page.start, page.position
        events = _fitting(page.events) if is_forward else _fitting(page.events[::-1])[::-1]
        if len(events) < len(page.events):
            start, position = _position_of(events[0]), _position_of(events[-1])
        return {
            "events": [_event(record) for record in events],
            "nextForwardToken": f"{_FORWARD}{position}",
            "nextBackwardToken": f"{_BACKWARD}{start}",
        }

    async def get_log_record(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        """All fields of an event, by the `@ptr` that a query gave."""
        scope = call.caller.scope
        group, _, event_id = parameters["logRecordPointer"].rpartition("|")
        earliest_ms = await self._groups.earliest_kept_ms(scope, group)
        record = await self._logs.find_event(scope=scope, group=group, event_id=event_id)
        if record is None or record.unix_ms < earliest_ms:
            raise ApiError(code="ResourceNotFoundException", message="The specified log record does not exist.", http_status=400)
        own = {
            "@ingestionTime": str(record.ingestion_ms),
            "@log": f"{scope.account_id}:{group}",
            "@logStream": record.stream,
            "@message": record.message,
            "@timestamp": str(record.unix_ms),
        }
        found = discovered(record.message).items()
        return {"logRecord": {name: text_of(value) for name, value in found if value is not None} | own}

    async def _describe_stream(self, scope: Scope, group: str, name: str) -> Members:
        stream: Members = {"logStreamName": name, "arn": f"{group_arn(scope, group)}:log-stream:{name}", "storedBytes": 0}
        kept = self._groups.find(scope, group, name)
        span = await self._logs.find_span(scope=scope, group=group, stream=name)
        if span is not None:
            stream |= {
                "creationTime": span.first_event_ms,
                "firstEventTimestamp": span.first_event_ms,
                "lastEventTimestamp": span.last_event_ms,
                "lastIngestionTime": span.last_ingestion_ms,
            }
        if kept is not None:
            stream["creationTime"] = kept.created_unix_ms
        return stream


async def _checked(reading: Any) -> Any:
    try:
        return await reading
    except ValueError as error:
        raise invalid("The specified nextToken is invalid.") from error


def _acceptance(pattern: FilterPattern, streams: list[str] | None) -> Accept:
    def accept(stream: str, message: str) -> bool:
        return (not streams or stream in streams) and pattern.match(message) is not None

    return accept


def _fitting(records: Iterable[LogRecord]) -> list[LogRecord]:
    """The first ones that fit an answer; at least one."""
    fitting: list[LogRecord] = []
    size = 0
    for record in records:
        size += len(record.message.encode("utf-8", "replace"))
        if fitting and size > _ANSWER_MAX_BYTES:
            break
        fitting.append(record)
    return fitting


def _position_of(record: LogRecord) -> str:
    return f"{record.unix_ms}-{record.event_id}"


def _event(record: LogRecord) -> Members:
    return {"timestamp": record.unix_ms, "message": record.message, "ingestionTime": record.ingestion_ms}
