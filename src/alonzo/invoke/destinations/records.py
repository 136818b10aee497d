"""What is told of an outcome: the invocation record of destinations, and the attributes of dead-letter messages.

Pure, but slow for large payloads: 6 MB take 20 ms. Source:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from alonzo.model.asynchronous import Condition, EventOutcome
from alonzo.model.function import LATEST
from alonzo.model.names import function_arn

_ERROR_MESSAGE_MAX_BYTES = 1_024
_REFUSED_CHARACTERS = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html, `MessageBody`."""

_RAN_STATUS, _THROTTLED_STATUS, _REFUSED_STATUS = 200, 429, 400


def is_success(outcome: EventOutcome) -> bool:
    """Whether the on-success destination gets the record."""
    return outcome.condition is Condition.SUCCESS


def qualified_arn(outcome: EventOutcome) -> str:
    """The function that was invoked, with the qualifier of the caller or `$LATEST`."""
    event = outcome.event
    return f"{function_arn(event.scope, event.function_name)}:{event.qualifier or LATEST}"


def invocation_record(outcome: EventOutcome) -> bytes:
    """The record, as JSON."""
    event = outcome.event
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _timestamp(outcome.ended_unix_ms),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": qualified_arn(outcome),
            "condition": outcome.condition.value,
            "approximateInvokeCount": outcome.invoke_count,
        },
        "requestPayload": _as_json(event.payload),
    }
    status = _status(outcome)
    if status is not None:
        record["responseContext"] = _response_context(outcome, status)
    if status == _RAN_STATUS and outcome.payload is not None:
        record["responsePayload"] = _as_json(outcome.payload)
    return msgspec.json.encode(record)


def dead_letter_attributes(outcome: EventOutcome) -> dict[str, dict[str, str]]:
    """The message attributes, as SQS and SNS both shape them."""
    attributes = {"RequestID": _attribute("String", outcome.event.request_id)}
    status = _status(outcome)
    if status is not None:
        attributes["ErrorCode"] = _attribute("Number", str(status))
    message = _error_message(outcome)
    if message:  # neither service takes an empty value
        attributes["ErrorMessage"] = _attribute("String", message)
    return attributes


def dead_letter_body(outcome: EventOutcome) -> str:
    """The event as it came. What neither SQS nor SNS takes in a message is replaced: bytes that are no UTF-8."""
    return outcome.event.payload.decode("utf-8", "replace")


def _response_context(outcome: EventOutcome, status: int) -> dict[str, Any]:
    if outcome.payload is None:
        return {"statusCode": status}
    context: dict[str, Any] = {"statusCode": status, "executedVersion": outcome.executed_version}
    if outcome.function_error is not None:
        context["functionError"] = outcome.function_error
    return context


def _status(outcome: EventOutcome) -> int | None:
    """What Invoke would have answered the last time; None if the event was not tried then."""
    if outcome.condition is Condition.ZERO_RESERVED_CONCURRENCY:
        return None
    if outcome.payload is not None:
        return _RAN_STATUS
    match outcome.condition:
        case Condition.RECURSIVE_INVOCATION:
            return _REFUSED_STATUS
        case _:
            return _THROTTLED_STATUS


def _error_message(outcome: EventOutcome) -> str:
    if outcome.condition is Condition.ZERO_RESERVED_CONCURRENCY:
        return "Function not invoked. Function isconfigured with zero reserved concurrent executions"  # AWS's spelling
    if outcome.payload is None:
        match outcome.condition:
            case Condition.RECURSIVE_INVOCATION:
                return "Recursive invocation detected"
            case _:
                return "Rate Exceeded."
    try:
        answer = _decode(outcome.payload)
        message = answer.get("errorMessage") if isinstance(answer, dict) else None
    except ValueError:  # not every runtime describes its errors
        message = outcome.payload[: 4 * _ERROR_MESSAGE_MAX_BYTES].decode("utf-8", "replace")
    return _cut(_printable(message[:_ERROR_MESSAGE_MAX_BYTES] if isinstance(message, str) else ""))


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:_ERROR_MESSAGE_MAX_BYTES].decode("utf-8", "ignore")


def _printable(text: str) -> str:
    """Without the characters that SQS and SNS refuse."""
    return _REFUSED_CHARACTERS.sub("\ufffd", text)


def _as_json(payload: bytes) -> Any:
    """As it is if it is JSON; else as a text, so that the record stays JSON."""
    try:
        _decode(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
    return msgspec.Raw(payload)


def _decode(payload: bytes) -> Any:
    """ValueError for what is no JSON. msgspec is quick, but refuses numbers beyond a float's and halves of surrogate pairs, which are."""
    try:
        return msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        try:
            return json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant, parse_int=len, parse_float=len)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _attribute(data_type: str, value: str) -> dict[str, str]:
    return {"DataType": data_type, "StringValue": value}


def _timestamp(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
