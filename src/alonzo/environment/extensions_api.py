"""The Extensions, Telemetry and Logs APIs: requests of extensions, parsed, and what they are answered.

They come on the same connections as the Runtime API's (`runtime_api.py`). Whatever is sent, the answer is one of HTTP's, and a bad request
changes nothing. Sources: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, …/telemetry-api-reference.html,
…/runtimes-logs-api.html, and AWS's runtime interface emulator (`lambda/rapi`).
"""

from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import msgspec

from alonzo.environment.extension_states import Extension, ExtensionEvent, ExtensionState
from alonzo.environment.extensions import ExtensionRefused, Extensions
from alonzo.environment.runtime_api import OtherRequest, RuntimeApiConnection, accepted, refusal
from alonzo.environment.telemetry_requests import Subscription, SubscriptionInvalid, TelemetryApi, parse_subscription
from alonzo.model.function import FunctionVersion
from alonzo.model.quotas import RESPONSE_SYNC_MAX_BYTES

_NAME = b"lambda-extension-name"
_IDENTIFIER = b"lambda-extension-identifier"
_ACCEPT_FEATURE = b"lambda-extension-accept-feature"
_ERROR_TYPE = b"lambda-extension-function-error-type"
_INVALID_EVENT = "InvalidEventType"
_NAME_MAX_CHARACTERS = 255
"""What a file's name may have (Linux, NAME_MAX). Names and error types of extensions are written into logs."""

Answer = bytes | None
"""None: it is answered when there is an event."""


class _RegisterRequest(msgspec.Struct):
    events: list[str] | None = None
    configurationKeys: list[str] | None = None  # noqa: N815 – AWS's name


class Subscribing(Protocol):
    """Who takes subscriptions to telemetry."""

    def subscribe(self, extension: Extension, subscription: Subscription) -> None:
        """Begin to deliver. Raises ExtensionRefused, or SubscriptionInvalid."""
        ...


class ExtensionsApi:
    """Answers the extensions of one environment. `tells_of_invocations`: not where several run at once, as on AWS."""

    def __init__(
        self, *, version: FunctionVersion, extensions: Extensions, telemetry: Subscribing, tells_of_invocations: bool = True
    ) -> None:
        self._version = version
        self._extensions = extensions
        self._telemetry = telemetry
        self._internal_events = frozenset({ExtensionEvent.INVOKE} if tells_of_invocations else ())
        self._external_events = self._internal_events | {ExtensionEvent.SHUTDOWN}
        self._routes: dict[bytes, tuple[bytes, Callable[[OtherRequest, RuntimeApiConnection], Answer]]] = {
            b"/2020-01-01/extension/register": (b"POST", self._register),
            b"/2020-01-01/extension/event/next": (b"GET", self._next),
            b"/2020-01-01/extension/init/error": (b"POST", self._init_error),
            b"/2020-01-01/extension/exit/error": (b"POST", self._exit_error),
            b"/2022-07-01/telemetry": (b"PUT", self._subscribe_telemetry),
            b"/2020-08-15/logs": (b"PUT", self._subscribe_logs),
        }

    def answer(self, request: OtherRequest, connection: RuntimeApiConnection) -> Answer:
        """What a request is answered, now or later."""
        path = request.url.partition(b"?")[0].rstrip(b"/")
        if path not in self._routes:
            return refusal(404, "InvalidRequest", "no such path")
        method, handle = self._routes[path]
        if request.method != method:
            return refusal(405, "InvalidRequest", f"the method must be {method.decode()}")
        if request.content_length > RESPONSE_SYNC_MAX_BYTES:
            return refusal(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({RESPONSE_SYNC_MAX_BYTES} bytes).")
        try:
            return handle(request, connection)
        except ExtensionRefused as refused:
            return refusal(403, refused.error_type, str(refused))
        except SubscriptionInvalid as invalid:
            return refusal(400, invalid.error_type, str(invalid))

    def _register(self, request: OtherRequest, _: RuntimeApiConnection) -> Answer:
        name = request.header(_NAME)
        if not name:
            raise ExtensionRefused("Extension.InvalidExtensionName", "Empty extension name")
        if len(name) > _NAME_MAX_CHARACTERS:
            raise ExtensionRefused("Extension.InvalidExtensionName", "Extension name is too long")
        events = _parse_register(request.body)
        known = self._extensions.find_external(name)
        allowed = self._internal_events if known is None else self._external_events
        for event in events:
            if event not in allowed:
                raise ExtensionRefused("Extension.InvalidEventType", f"{event[:_NAME_MAX_CHARACTERS]}: {_INVALID_EVENT}")
        extension = self._extensions.register(name, tuple(dict.fromkeys(ExtensionEvent(event) for event in events)))
        version = self._version
        description = {"functionName": version.name, "functionVersion": version.version, "handler": version.handler or ""}
        features = {feature.strip() for feature in request.header(_ACCEPT_FEATURE).split(",")}
        if "accountId" in features:
            description = {"accountId": version.scope.account_id} | description
        return _json_answer(description, f"Lambda-Extension-Identifier: {extension.identifier}\r\n")

    def _next(self, request: OtherRequest, connection: RuntimeApiConnection) -> Answer:
        identifier = _parse_identifier(request)
        extension = self._find(identifier, f"Unknown extension {identifier}")
        self._extensions.next(extension, connection)
        return None

    def _init_error(self, request: OtherRequest, _: RuntimeApiConnection) -> Answer:
        return self._take_error(request, ExtensionState.INIT_ERROR)

    def _exit_error(self, request: OtherRequest, _: RuntimeApiConnection) -> Answer:
        return self._take_error(request, ExtensionState.EXIT_ERROR)

    def _take_error(self, request: OtherRequest, state: ExtensionState) -> Answer:
        identifier = _parse_identifier(request)
        error_type = request.header(_ERROR_TYPE)
        if not error_type:
            raise ExtensionRefused("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
        extension = self._find(identifier, "Unknown Lambda-Extension-Identifier")
        self._extensions.report_error(extension, state, error_type[:_NAME_MAX_CHARACTERS])
        return accepted()

    def _subscribe_telemetry(self, request: OtherRequest, _: RuntimeApiConnection) -> Answer:
        return self._subscribe(request, TelemetryApi.TELEMETRY)

    def _subscribe_logs(self, request: OtherRequest, _: RuntimeApiConnection) -> Answer:
        return self._subscribe(request, TelemetryApi.LOGS)

    def _subscribe(self, request: OtherRequest, api: TelemetryApi) -> Answer:
        identifier = _parse_identifier(request)
        extension = self._find(identifier, f"Unknown extension {identifier}")
        self._telemetry.subscribe(extension, parse_subscription(request.body, api))
        return _json_answer("OK")

    def _find(self, identifier: UUID, problem: str) -> Extension:
        extension = self._extensions.find(identifier)
        if extension is None:
            raise ExtensionRefused("Extension.UnknownExtensionIdentifier", problem)
        return extension


def event_answer(event: dict[str, Any], event_id: UUID) -> bytes:
    """An event, as the answer to a request for the next one."""
    return _json_answer(event, f"Lambda-Extension-Event-Identifier: {event_id}\r\n")


def _parse_register(body: bytes) -> list[str]:
    if not body:
        raise ExtensionRefused("InvalidRequestFormat", "unexpected end of JSON input")
    try:
        request = msgspec.json.decode(body, type=_RegisterRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ExtensionRefused("InvalidRequestFormat", str(error)) from error
    if request.configurationKeys:
        raise ExtensionRefused("InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")
    return request.events or []


def _parse_identifier(request: OtherRequest) -> UUID:
    text = request.header(_IDENTIFIER)
    if not text:
        raise ExtensionRefused("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    try:
        return UUID(text)
    except ValueError as error:
        raise ExtensionRefused("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier") from error


def _json_answer(content: Any, headers: str = "") -> bytes:
    body = msgspec.json.encode(content)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
