"""The part of the CloudWatch Logs API that reads what functions have logged.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/.
"""

from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.scope import Scope
from alonzo.store.log_page import LogRecord
from alonzo.store.log_stream import LogStore

_FILTER_LIMIT = 10_000
_STREAMS_LIMIT = 50
Members = dict[str, Any]


class LogOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, logs: LogStore) -> None:
        self._logs = logs

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
        groups = await self._logs.list_groups(scope=scope, prefix=parameters.get("logGroupNamePrefix") or "")
        return {"logGroups": [{"logGroupName": group, "arn": f"{_group_arn(scope, group)}:*"} for group in groups]}

    async def describe_log_streams(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, _group(parameters)
        names = await self._streams(scope, group, parameters.get("logStreamNamePrefix") or "")
        start = _offset(parameters.get("nextToken"))
        limit = parameters.get("limit") or _STREAMS_LIMIT
        streams = []
        for name in sorted(names, reverse=bool(parameters.get("descending")))[start : start + limit]:
            stream: Members = {"logStreamName": name, "arn": f"{_group_arn(scope, group)}:log-stream:{name}", "storedBytes": 0}
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
        scope, group = call.caller.scope, _group(parameters)
        if parameters.get("filterPattern") or parameters.get("logStreamNames"):
            raise _invalid("FilterLogEvents with filterPattern or logStreamNames is not implemented by Alonzo yet")
        await self._streams(scope, group, "")
        page = await _read(
            self._logs,
            scope=scope,
            group=group,
            stream_prefix=parameters.get("logStreamNamePrefix") or "",
            start_ms=parameters.get("startTime"),
            end_ms=parameters.get("endTime"),
            limit=parameters.get("limit") or _FILTER_LIMIT,
            position=parameters.get("nextToken"),
        )
        events = [_event(record) | {"logStreamName": record.stream, "eventId": record.event_id} for record in page.events]
        return {"events": events, "nextToken": None if page.is_complete else page.position, "searchedLogStreams": []}

    async def get_log_events(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group = call.caller.scope, _group(parameters)
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

    async def _streams(self, scope: Scope, group: str, prefix: str) -> list[str]:
        streams = await self._logs.list_streams(scope=scope, group=group, prefix=prefix)
        if not streams and group not in await self._logs.list_groups(scope=scope, prefix=group):
            raise ApiError(code="ResourceNotFoundException", message="The specified log group does not exist.", http_status=400)
        return streams


async def _read(logs: LogStore, **arguments: Any) -> Any:
    try:
        return await logs.read(**arguments)
    except ValueError as error:
        raise _invalid("The specified nextToken is invalid.") from error


def _group(parameters: dict[str, Any]) -> str:
    """A group by name, or by ARN as `logGroupIdentifier`."""
    name = parameters.get("logGroupName") or parameters.get("logGroupIdentifier")
    if not name:
        raise _invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
    return str(name).rpartition(":log-group:")[2].removesuffix(":*")


def _group_arn(scope: Scope, group: str) -> str:
    return f"arn:{scope.partition}:logs:{scope.region}:{scope.account_id}:log-group:{group}"


def _event(record: LogRecord) -> Members:
    return {"timestamp": record.unix_ms, "message": record.message, "ingestionTime": record.ingestion_ms}


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit():
        raise _invalid("The specified nextToken is invalid.")
    return int(token)


def _invalid(message: str) -> ApiError:
    return ApiError(code="InvalidParameterException", message=message, http_status=400)
