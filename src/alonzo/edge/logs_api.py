"""The part of the CloudWatch Logs API that reads what functions have logged.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/.
"""

from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.scope import Scope
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.pattern import FilterPattern, parse_filter_pattern
from alonzo.store.log_page import LogPage, LogRecord
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups

_FILTER_LIMIT = 10_000
_PAGES_MAX = 20
"""So many are looked through for events that are wanted, before the client is asked to come again."""

_STREAMS_LIMIT = 50
Members = dict[str, Any]


class LogOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, logs: LogStore, groups: LogGroups) -> None:
        self._logs = logs
        self._groups = groups

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "DescribeLogGroups": self.describe_log_groups,
            "DescribeLogStreams": self.describe_log_streams,
            "FilterLogEvents": self.filter_log_events,
            "GetLogEvents": self.get_log_events,
        }

    async def describe_log_groups(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope = call.caller.scope
        groups = await self._groups.list_groups(scope, parameters.get("logGroupNamePrefix") or "")
        return {"logGroups": [self._describe_group(scope, group) for group in groups]}

    async def describe_log_streams(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        names = await self._groups.list_streams(scope, group, parameters.get("logStreamNamePrefix") or "")
        start = _offset(parameters.get("nextToken"))
        limit = parameters.get("limit") or _STREAMS_LIMIT
        streams = []
        for name in sorted(names, reverse=bool(parameters.get("descending")))[start : start + limit]:
            stream: Members = {"logStreamName": name, "arn": f"{_group_arn(scope, group)}:log-stream:{name}", "storedBytes": 0}
            kept = self._groups.find(scope, group, name)
            if kept is not None:
                stream["creationTime"] = kept.created_unix_ms
            span = await self._logs.find_span(scope=scope, group=group, stream=name)
            if span is not None:
                stream |= {
                    "creationTime": span.first_event_ms,
                    "firstEventTimestamp": span.first_event_ms,
                    "lastEventTimestamp": span.last_event_ms,
                    "lastIngestionTime": span.last_ingestion_ms,
                }
            streams.append(stream)
        more = start + limit < len(names)
        return {"logStreams": streams, "nextToken": str(start + limit) if more else None}

    async def filter_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        pattern = checked_pattern(parameters.get("filterPattern") or "")
        await self._groups.list_streams(scope, group, "")
        streams, limit = parameters.get("logStreamNames"), parameters.get("limit") or _FILTER_LIMIT
        found: list[LogRecord] = []
        position = parameters.get("nextToken")
        for _ in range(_PAGES_MAX):
            page: LogPage = await _read(
                self._logs,
                scope=scope,
                group=group,
                stream_prefix=parameters.get("logStreamNamePrefix") or "",
                start_ms=parameters.get("startTime"),
                end_ms=parameters.get("endTime"),
                limit=limit - len(found),
                position=position,
            )
            found += [each for each in page.events if (not streams or each.stream in streams) and pattern.match(each.message) is not None]
            position = None if page.is_complete else page.position
            if position is None or len(found) >= limit:
                break
        events = [_event(record) | {"logStreamName": record.stream, "eventId": record.event_id} for record in found]
        return {"events": events, "nextToken": position, "searchedLogStreams": []}

    async def get_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, group_of(parameters)
        page = await _read(
            self._logs,
            scope=scope,
            group=group,
            stream=parameters["logStreamName"],
            start_ms=parameters.get("startTime"),
            end_ms=parameters.get("endTime"),
            limit=parameters.get("limit") or _FILTER_LIMIT,
            position=parameters.get("nextToken"),
        )
        return {
            "events": [_event(record) for record in page.events],
            "nextForwardToken": page.position,
            "nextBackwardToken": parameters.get("nextToken") or page.position,
        }

    def _describe_group(self, scope: Scope, group: str) -> Members:
        arn, kept = _group_arn(scope, group), self._groups.find(scope, group)
        described: Members = {"logGroupName": group, "arn": f"{arn}:*", "logGroupArn": arn}
        return described if kept is None else described | {"creationTime": kept.created_unix_ms}


def checked_pattern(text: str) -> FilterPattern:
    """A filter pattern; ApiError if it is none."""
    try:
        return parse_filter_pattern(text)
    except FilterPatternInvalid as error:
        raise invalid(f"Invalid filter pattern: {error}") from error


async def _read(logs: LogStore, **arguments: Any) -> Any:
    try:
        return await logs.read(**arguments)
    except ValueError as error:
        raise invalid("The specified nextToken is invalid.") from error


def group_of(parameters: dict[str, Any]) -> str:
    """A group by name, or by ARN as `logGroupIdentifier`."""
    name = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if not name:
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    return str(name).rpartition(":log-group:")[2].removesuffix(":*")


def _group_arn(scope: Scope, group: str) -> str:
    return f"arn:{scope.partition}:logs:{scope.region}:{scope.account_id}:log-group:{group}"


def _event(record: LogRecord) -> Members:
    return {"timestamp": record.unix_ms, "message": record.message, "ingestionTime": record.ingestion_ms}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit():
        raise invalid("The specified nextToken is invalid.")
    return int(token)


def invalid(message: str) -> ApiError:
    """What a request says that it may not."""
    return ApiError(code="InvalidParameterException", message=message, http_status=400)
