"""What subscribers of a log group get: the events that a filter pattern has chosen, as CloudWatch Logs packs them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample. Pure.
"""

import base64
import gzip
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alonzo.model.log_event import LogEvent
from alonzo.observe.log_delivery import LogStreamName

MESSAGE_MAX_BYTES = 512 * 1024
"""Before it is packed: so it fits an asynchronous invocation (1 MB), even if it cannot be made smaller. AWS has no documented figure."""

_ID_DIGITS = 56
_ENVELOPE_BYTES = 160
"""Around each event: its id, its time and the names of the members."""


class ChosenEvent(msgspec.Struct, frozen=True):
    """An event, and what the pattern found in it if it names columns."""

    event: LogEvent
    extracted: Mapping[str, str] | None


def event_id(unix_ms: int, number: int) -> str:
    """56 digits, in the order of time. `number`: unlike for all events of one time."""
    return f"3{unix_ms:015d}{number % 10**40:0{_ID_DIGITS - 16}d}"


def split_events(chosen: Sequence[ChosenEvent]) -> list[list[ChosenEvent]]:
    """Parts that fit one message each. An event that fits none is left out."""
    parts: list[list[ChosenEvent]] = []
    size = MESSAGE_MAX_BYTES
    for each in chosen:
        event_bytes = _ENVELOPE_BYTES + _json_bytes(each.event.message)
        event_bytes += sum(_json_bytes(name) + _json_bytes(value) + 8 for name, value in (each.extracted or {}).items())
        if event_bytes > MESSAGE_MAX_BYTES:
            continue
        if size + event_bytes > MESSAGE_MAX_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(each)
        size += event_bytes
    return parts


def payload_of(name: LogStreamName, filter_name: str, chosen: Sequence[ChosenEvent], *, first_number: int) -> bytes:
    """The event of a function. Takes milliseconds for a large one."""
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": name.scope.account_id,
        "logGroup": name.group,
        "logStream": name.stream,
        "subscriptionFilters": [filter_name],
        "logEvents": [_described(each, first_number + index) for index, each in enumerate(chosen)],
    }
    packed = gzip.compress(msgspec.json.encode(message), compresslevel=6)
    return msgspec.json.encode({"awslogs": {"data": base64.b64encode(packed).decode()}})


def _described(chosen: ChosenEvent, number: int) -> dict[str, Any]:
    event = chosen.event
    described: dict[str, Any] = {"id": event_id(event.unix_ms, number), "timestamp": event.unix_ms, "message": event.message}
    if chosen.extracted is not None:
        described["extractedFields"] = dict(chosen.extracted)
    return described


def _json_bytes(text: str) -> int:
    return len(msgspec.json.encode(text))
