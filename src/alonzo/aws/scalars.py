"""Single values: from JSON or from the text of a header, label or query parameter to Python, and back.

What is not convertible is a `SerializationException`. The words of its messages are those of AWS's services, as clients of
DynamoDB, Kinesis and Lambda have met them: "NUMBER_VALUE can not be converted to a String".
"""

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from alonzo.aws.api_error import ApiError, serialization_error

INTEGER_BITS = MappingProxyType({"integer": 32, "long": 64})
_KINDS_WITH_ARTICLE = MappingProxyType(
    {
        "string": "a String",
        "integer": "an Integer",
        "long": "a Long",
        "double": "a Double",
        "float": "a Float",
        "boolean": "a Boolean",
        "blob": "a Blob",
        "timestamp": "a Timestamp",
    }
)


def scalar_from_json(kind: str, value: Any) -> Any:
    """The Python value of a decoded JSON value for a scalar shape of that type."""
    if isinstance(value, list):
        raise serialization_error("Start of list found where not expected")
    if isinstance(value, dict):
        raise serialization_error("Start of structure or map found where not expected.")
    return _FROM_JSON[kind](value)


def scalar_from_text(kind: str, text: str, *, timestamp_format: str) -> Any:
    """The Python value of a header, a label or a query parameter."""
    if kind == "timestamp":
        return _timestamp_from_text(text, timestamp_format)
    return _FROM_TEXT[kind](text)


def scalar_to_json(kind: str, value: Any) -> Any:
    """What the JSON of an answer holds for a Python value."""
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp":
        seconds = value.timestamp()
        return int(seconds) if seconds.is_integer() else round(seconds, 3)
    return value


def scalar_to_text(kind: str, value: Any) -> str:
    """What a header of an answer holds for a Python value."""
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return format_datetime(value.astimezone(UTC), usegmt=True)
    return str(value)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _not_convertible(value, "string")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _not_convertible(value, "boolean")


def _integer(kind: str) -> Callable[[Any], int]:
    limit = 1 << (INTEGER_BITS[kind] - 1)

    def convert(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit:
            return value
        raise _not_convertible(value, kind)

    return convert


def _double(kind: str) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                pass
        raise _not_convertible(value, kind)

    return convert


def _blob(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _not_convertible(value, "blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise serialization_error(f"A blob of the request is not valid Base64: {error}") from error


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str):
        return _timestamp_from_text(value, "iso8601")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _not_convertible(value, "timestamp")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _not_convertible(value, "timestamp") from error


def _timestamp_from_text(text: str, timestamp_format: str) -> datetime:
    try:
        if timestamp_format == "unixTimestamp":
            return datetime.fromtimestamp(float(text), UTC)
        moment = parsedate_to_datetime(text) if timestamp_format == "rfc822" else datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise _not_convertible(text, "timestamp") from error


def _number_from_text(kind: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            number = parse(text)
        except ValueError as error:
            raise _not_convertible(text, kind) from error
        if isinstance(number, float) and not math.isfinite(number):
            raise _not_convertible(text, kind)
        return _FROM_JSON[kind](number)

    return convert


def _boolean_from_text(text: str) -> bool:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    raise _not_convertible(text, "boolean")


def _not_convertible(value: Any, kind: str) -> ApiError:
    return serialization_error(f"{_token_of(value)} can not be converted to {_KINDS_WITH_ARTICLE[kind]}")


def _token_of(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, float):
        return "DECIMAL_VALUE"
    return "NUMBER_VALUE" if isinstance(value, int) else "STRING_VALUE"


_FROM_JSON: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "string": _string,
        "character": _string,
        "boolean": _boolean,
        "integer": _integer("integer"),
        "long": _integer("long"),
        "double": _double("double"),
        "float": _double("float"),
        "blob": _blob,
        "timestamp": _timestamp,
    }
)

_FROM_TEXT: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "string": str,
        "character": str,
        "boolean": _boolean_from_text,
        "integer": _number_from_text("integer", int),
        "long": _number_from_text("long", int),
        "double": _number_from_text("double", float),
        "float": _number_from_text("float", float),
        "blob": _blob,
    }
)
