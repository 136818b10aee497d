"""Subscriptions to telemetry, as extensions ask for them: parsed and checked.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html, …/runtimes-logs-api.html; `method` and `port` of
destinations as in AWS's samples.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeGuard
from urllib.parse import SplitResult, urlsplit

import msgspec

from alonzo.errors import AlonzoError
from alonzo.model.quotas import TELEMETRY_MAX_BYTES, TELEMETRY_MAX_ITEMS, TELEMETRY_TIMEOUT_MS
from alonzo.observe.telemetry_records import Category, Schema

_HOSTS = ("sandbox.localdomain", "sandbox")
_RESERVED_PORT = 9001
_PORT_MAX = 65_535
_URI_MAX_CHARACTERS = 2_048
_DEFAULT_TIMEOUT_MS = 1_000


class TelemetryApi(StrEnum):
    """Which of the two an extension has subscribed by."""

    TELEMETRY = "Telemetry"
    LOGS = "Logs"


class SubscriptionInvalid(AlonzoError):
    """A subscription that cannot be taken. `error_type` is AWS's."""

    def __init__(self, api: TelemetryApi, message: str) -> None:
        super().__init__(message)
        self.error_type = "ValidationError" if api is TelemetryApi.TELEMETRY else "Logs.ValidationError"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDestination:
    """`http://sandbox.localdomain:PORT/path` within the sandbox."""

    port: int
    host: str
    path: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpDestination:
    """A port within the sandbox, which takes a record a line."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What an extension wants to be sent, where to, and how much of it at once."""

    api: TelemetryApi
    schema: Schema
    categories: tuple[Category, ...]
    destination: HttpDestination | TcpDestination
    max_items: int
    max_bytes: int
    timeout_seconds: float


_SCHEMAS = {
    TelemetryApi.TELEMETRY: {schema.value: schema for schema in (Schema.V2022_07_01, Schema.V2022_12_13, Schema.V2025_01_29)},
    TelemetryApi.LOGS: {schema.value: schema for schema in (Schema.V2020_08_15, Schema.V2021_03_18)},
}
_DEFAULT_ITEMS = {TelemetryApi.TELEMETRY: TELEMETRY_MAX_ITEMS[0], TelemetryApi.LOGS: TELEMETRY_MAX_ITEMS[1]}


def parse_subscription(body: bytes, api: TelemetryApi) -> Subscription:
    """The subscription that a request asks for. Raises SubscriptionInvalid, which names everything that is wrong."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SubscriptionInvalid(api, f"failed to parse JSON: {error}") from error
    if not isinstance(request, dict):
        raise SubscriptionInvalid(api, "the request must be a JSON object")
    problems: list[str] = []
    destination = _destination(request.get("destination"), problems)
    categories = _categories(request.get("types"), problems)
    schema = _schema(request, api, problems)
    buffering = request.get("buffering")
    if buffering is not None and not isinstance(buffering, dict):
        problems.append("buffering must be an object")
    limits = buffering if isinstance(buffering, dict) else {}
    max_items = _limit(limits, "maxItems", TELEMETRY_MAX_ITEMS, _DEFAULT_ITEMS[api], problems)
    max_bytes = _limit(limits, "maxBytes", TELEMETRY_MAX_BYTES, TELEMETRY_MAX_BYTES[0], problems)
    timeout_ms = _limit(limits, "timeoutMs", TELEMETRY_TIMEOUT_MS, _DEFAULT_TIMEOUT_MS, problems)
    if problems or destination is None or schema is None:
        raise SubscriptionInvalid(api, "; ".join(problems))
    return Subscription(
        api=api,
        schema=schema,
        categories=categories,
        destination=destination,
        max_items=max_items,
        max_bytes=max_bytes,
        timeout_seconds=timeout_ms / 1_000,
    )


def _destination(destination: Any, problems: list[str]) -> HttpDestination | TcpDestination | None:
    if not isinstance(destination, dict):
        problems.append("destination is not provided")
        return None
    protocol = destination.get("protocol")
    if protocol == "HTTP":
        return _http_destination(destination, problems)
    if protocol == "TCP":
        return _tcp_destination(destination, problems)
    problems.append("destination protocol must be HTTP or TCP")
    return None


def _http_destination(destination: dict[str, Any], problems: list[str]) -> HttpDestination | None:
    uri = destination.get("URI")
    if not isinstance(uri, str) or not uri:
        problems.append("URI is not provided")
        return None
    parts, port = _split(uri)
    if parts is None or parts.scheme != "http" or parts.username is not None or not _is_plain(uri):
        problems.append("URI is not a valid http address")
        return None
    if parts.hostname not in _HOSTS:
        problems.append(f"URI host must be {_HOSTS[0]}")
        return None
    method = destination.get("method", "POST")
    if method not in ("POST", "PUT"):
        problems.append("destination method must be POST or PUT")
        return None
    if not _is_port(port, "URI port", problems):
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return HttpDestination(port=port, host=parts.hostname, path=path, method=method)


def _tcp_destination(destination: dict[str, Any], problems: list[str]) -> TcpDestination | None:
    port = destination.get("port")
    if port is None and isinstance(uri := destination.get("URI"), str):
        parts, port = _split(uri if "//" in uri else f"//{uri}")
        if parts is None or parts.hostname not in _HOSTS:
            problems.append(f"URI host must be {_HOSTS[0]}")
            return None
    return TcpDestination(port=port) if _is_port(port, "port", problems) else None


def _split(uri: str) -> tuple[SplitResult | None, Any]:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None, None
    return parts, port


def _is_plain(uri: str) -> bool:
    """Nothing in it may end the request line that it is written into."""
    return len(uri) <= _URI_MAX_CHARACTERS and all("!" <= character <= "~" for character in uri)


def _is_port(port: Any, what: str, problems: list[str]) -> TypeGuard[int]:
    if port is None:
        problems.append(f"{what} is not provided")
    elif not isinstance(port, int) or isinstance(port, bool) or not 0 < port <= _PORT_MAX:
        problems.append(f"{what} must be between 1 and {_PORT_MAX}")
    elif port == _RESERVED_PORT:
        problems.append(f"{what} {_RESERVED_PORT} is reserved")
    else:
        return True
    return False


def _categories(types: Any, problems: list[str]) -> tuple[Category, ...]:
    if not isinstance(types, list) or not types:
        problems.append("types should not be empty")
        return ()
    known = {category.value: category for category in Category}
    if any(not isinstance(each, str) or each not in known for each in types):
        problems.append("types must be platform, function or extension")
        return ()
    return tuple(dict.fromkeys(known[each] for each in types))


def _schema(request: dict[str, Any], api: TelemetryApi, problems: list[str]) -> Schema | None:
    default = Schema.V2020_08_15.value if api is TelemetryApi.LOGS else None
    version = request.get("schemaVersion", default)
    schema = _SCHEMAS[api].get(version) if isinstance(version, str) else None
    if version is None:
        problems.append("schemaVersion is not provided")
    elif schema is None:
        problems.append(f"schemaVersion must be one of {', '.join(_SCHEMAS[api])}")
    return schema


def _limit(limits: dict[str, Any], name: str, bounds: tuple[int, int], default: int, problems: list[str]) -> int:
    value = limits.get(name, default)
    lowest, highest = bounds
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        problems.append(f"{name} must be between {lowest} and {highest}")
        return default
    return value
