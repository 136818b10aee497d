"""CloudTrail's `LookupEvents`: what was asked of the AWS API here. Trails, event data stores and the like are the companion's.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.edge.audit_records import user_name
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.scope import Scope

_RESULTS_MAX = 50
_READ_MAX = 5_000
"""So many records are looked at for one page, before the client is asked to come again."""

Members = dict[str, Any]

_ATTRIBUTES: dict[str, Callable[[Members, str], bool]] = {
    "EventId": lambda record, value: record["eventID"] == value,
    "EventName": lambda record, value: record["eventName"] == value,
    "EventSource": lambda record, value: record["eventSource"] == value,
    "ReadOnly": lambda record, value: str(record["readOnly"]).lower() == value.lower(),
    "Username": lambda record, value: user_name(record) == value,
    "AccessKeyId": lambda record, value: record["userIdentity"].get("accessKeyId") == value,
    "ResourceName": lambda record, value: any(value in {each["ARN"], _short(each["ARN"])} for each in record.get("resources", ())),
    "ResourceType": lambda record, value: any(each["type"] == value for each in record.get("resources", ())),
}


class AuditReader(Protocol):
    """Where the records are; see `AuditStore`."""

    def iter_newest(self, scope: Scope, *, before: int | None) -> AsyncIterator[tuple[int, bytes]]: ...


class CloudTrailOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, store: AuditReader) -> None:
        self._store = store

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `cloudtrail` model."""
        return {"LookupEvents": self.lookup_events}

    async def lookup_events(self, call: CallContext, parameters: Members) -> Members:
        attributes = parameters.get("LookupAttributes") or []
        if len(attributes) > 1:
            raise _invalid("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
        if parameters.get("EventCategory"):
            return {"Events": []}  # Insights: there are none
        start, end = _seconds(parameters.get("StartTime")), _seconds(parameters.get("EndTime"))
        if start is not None and end is not None and start > end:
            raise _invalid("InvalidTimeRangeException", "The start time must be before the end time.")
        limit = parameters.get("MaxResults") or _RESULTS_MAX
        if not 1 <= limit <= _RESULTS_MAX:
            raise _invalid("InvalidMaxResultsException", f"MaxResults must be between 1 and {_RESULTS_MAX}.")
        return await self._look_up(call.caller.scope, parameters.get("NextToken"), attributes, (start, end), limit)

    async def _look_up(
        self, scope: Scope, token: str | None, attributes: list[Members], span: tuple[float | None, float | None], limit: int
    ) -> Members:
        start, end = span
        found: list[Members] = []
        read_count = 0
        async for position, encoded in self._store.iter_newest(scope, before=_position(token)):
            read_count += 1
            record = msgspec.json.decode(encoded)
            at = datetime.fromisoformat(record["eventTime"]).timestamp()
            if start is not None and at < int(start):
                break
            is_wanted = all(_ATTRIBUTES[each["AttributeKey"]](record, each["AttributeValue"]) for each in attributes)
            if is_wanted and (end is None or at <= end):
                found.append(_event(record, encoded))
            if len(found) == limit or read_count == _READ_MAX:
                return {"Events": found, "NextToken": str(position)}
        return {"Events": found}


def _event(record: Members, encoded: bytes) -> Members:
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(record["readOnly"]).lower(),
        "AccessKeyId": record["userIdentity"].get("accessKeyId"),
        "EventTime": datetime.fromisoformat(record["eventTime"]),
        "EventSource": record["eventSource"],
        "Username": user_name(record) or None,
        "Resources": [{"ResourceType": each["type"], "ResourceName": each["ARN"]} for each in record.get("resources", ())],
        "CloudTrailEvent": encoded.decode(),
    }


def _short(name: str) -> str:
    """The name in an ARN of a function."""
    return name.partition(":function:")[2].partition(":")[0] or name


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.astimezone(UTC).timestamp()


def _position(token: str | None) -> int | None:
    if token is None:
        return None
    if not (token.isascii() and token.isdigit() and len(token) < 20):  # noqa: PLR2004 - of 64 bits
        raise _invalid("InvalidNextTokenException", "The next token is invalid.")
    return int(token)


def _invalid(code: str, message: str) -> ApiError:
    return ApiError(code=code, message=message, http_status=400)
