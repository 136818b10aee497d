"""Events from outside: webhooks of object stores (MinIO, Ceph) and CloudEvents, for a function or for an event bus. Alonzo's own.

POST /_alonzo/events/functions/NAME    202 {"requestIds": […]}: the events are in the function's queue, on the disk
POST /_alonzo/events/buses/NAME        202 {"eventIds": […]}: they are put on the bus, which may be anywhere (`--service events=…`)

NAME may be an ARN, or a function with its qualifier. Unsigned requests are for the default account and region, signed ones for their own.
A function gets the records of a request together, as from S3, and each CloudEvent by itself.
"""

import asyncio
import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.client.errors import AwsCallFailed, AwsRefused
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.requests import Headers
from alonzo.edge.asgi import AsgiScope, Receive, Send, send_response
from alonzo.edge.cloud_events import (
    BATCHED,
    STRUCTURED,
    bad_request,
    is_binary,
    looks_like_one,
    media_type_of,
    read_binary,
    read_structured,
)
from alonzo.edge.event_payload import checked_event_payload
from alonzo.edge.own_endpoint import OwnEndpoint
from alonzo.edge.request_body import read_body
from alonzo.edge.storage_events import is_of_storage, records_of, source_of
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.errors import AlonzoError
from alonzo.functions.resolution import Resolution
from alonzo.model.names import FunctionReference, refer_to_function
from alonzo.model.quotas import PAYLOAD_ASYNC_MAX_BYTES
from alonzo.model.scope import Scope

INGESTION_PATH = b"/_alonzo/events/"
_PATH = re.compile(re.escape(INGESTION_PATH) + rb"(functions|buses)/([^/]+)/?")
_BODY_MAX_BYTES = 8 << 20
"""Of a batch. A single event is as large as Lambda's events may be."""

_AT_ONCE = 32
_ENTRIES_AT_ONCE = 10
"""Source: botocore shape `PutEventsRequestEntryList`."""

_IDS = uuid.UUID("0f7a9c8e-52b5-5d0c-8f1c-0a3f5f1f9e55")
"""A CloudEvent's source and id make the request's id: one that is sent again within two minutes runs once."""

_ARN_ELEMENTS = 6
_OPEN_TYPES = frozenset({"", "application/json", STRUCTURED, BATCHED})
"""Web pages can send other types, and none, to servers that have not agreed to it."""


class Acceptance(Protocol):
    """The queue of events; see `EventAcceptance`."""

    async def accept(self, version: Any, target: FunctionReference, *, request_id: str, payload: bytes, trace_header: str) -> None: ...


class AwsServices(Protocol):
    """Other AWS services; see `AwsClients`."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]: ...


class Received(msgspec.Struct, frozen=True):
    """One event. `request_id`: None for one that nothing tells from others."""

    payload: dict[str, Any]
    source: str
    kind: str
    request_id: str | None = None


class IngestionEndpoint:
    """An `Endpoint` for all paths below `INGESTION_PATH`. `token`: what requests must say; None if anybody may send who gets here."""

    def __init__(
        self,
        *,
        token: str | None,
        resolution: Resolution,
        acceptance: Acceptance,
        services: AwsServices,
        callers: CallerDirectory,
        trace_headers: TraceHeaders,
        translate_error: Callable[[AlonzoError], ApiError],
        new_uuid: Callable[[], str],
    ) -> None:
        self._token = token
        self._resolution = resolution
        self._acceptance = acceptance
        self._services = services
        self._callers = callers
        self._trace_headers = trace_headers
        self._endpoint = OwnEndpoint(self._answer, translate_error=translate_error)
        self._new_uuid = new_uuid

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """As the module says."""
        if scope["method"] == "OPTIONS":
            await _agree_to_webhook(scope["headers"], send)
        else:
            await self._endpoint(scope, receive, send)

    async def _answer(self, scope: AsgiScope, receive: Receive) -> tuple[int, Any]:
        body = await read_body(scope, receive, limit_bytes=_BODY_MAX_BYTES)
        match = _PATH.fullmatch(scope["raw_path"])
        if match is None:
            return 404, {"message": "no such path"}
        if scope["method"] != "POST":
            return 405, {"message": f"{scope['method']} is not possible here"}
        headers: Headers = scope["headers"]
        if self._token is not None and not _says(headers, self._token):
            return 401, {"message": "the token is missing, or another one"}
        caller = self._callers.caller_of(headers, scope["query_string"])
        name = unquote_to_bytes(match[2]).decode("utf-8", "replace")
        place = _scope_of(name) or caller.scope
        if match[1] == b"buses":
            events = _read(headers, body, place, is_for_function=False)
            return 202, {"eventIds": await self._put(name, events, place)}
        reference = refer_to_function(name, None, place)
        events = _read(headers, body, place, is_for_function=True)
        return 202, {"requestIds": await self._invoke(reference, events)}

    async def _invoke(self, reference: FunctionReference, events: list[Received]) -> list[str]:
        """All are refused if one of them cannot be an event."""
        payloads = [checked_event_payload(msgspec.json.encode(event.payload)) for event in events]
        request_ids = [_request_id(reference, event.request_id) or self._new_uuid() for event in events]
        version = self._resolution.get_invoked(reference).runnable

        async def accept(request_id: str, payload: bytes) -> None:
            trace_header = self._trace_headers.of_invocation(version, None)
            await self._acceptance.accept(version, reference, request_id=request_id, payload=payload, trace_header=trace_header)

        await _all(accept(*each) for each in zip(request_ids, payloads, strict=True))
        return request_ids

    async def _put(self, bus: str, events: list[Received], scope: Scope) -> list[str]:
        entries = [
            {"EventBusName": bus, "Source": event.source, "DetailType": event.kind, "Detail": msgspec.json.encode(event.payload).decode()}
            for event in events
        ]
        for entry in entries:
            if len(entry["Detail"]) > PAYLOAD_ASYNC_MAX_BYTES:
                raise ApiError(code="RequestEntityTooLargeException", message="the event is too large", http_status=413)
        event_ids = []
        for start in range(0, len(entries), _ENTRIES_AT_ONCE):
            parameters = {"Entries": entries[start : start + _ENTRIES_AT_ONCE]}
            try:
                answer = await self._services.call("eventbridge", "PutEvents", parameters, scope=scope)
            except AwsCallFailed as error:
                status = error.http_status if isinstance(error, AwsRefused) else 503
                raise ApiError(code="ServiceException", message=str(error), http_status=status) from error
            for entry in answer.get("Entries", ()):
                if entry.get("ErrorCode"):
                    raise bad_request(f"{entry['ErrorCode']}: {entry.get('ErrorMessage', '')}")
                event_ids.append(str(entry.get("EventId")))
        return event_ids


def _read(headers: Headers, body: bytes, scope: Scope, *, is_for_function: bool) -> list[Received]:
    """ApiError for what is neither."""
    content_type = next((value.decode("latin-1") for name, value in headers if name == b"content-type"), None)
    media_type = media_type_of(content_type)
    if is_binary(headers):
        return [_of_cloud_event(read_binary(headers, content_type, body))]
    if media_type not in _OPEN_TYPES or (not media_type and any(name == b"origin" for name, _ in headers)):
        message = f"Events come as application/json, {STRUCTURED} or {BATCHED}, or with their attributes in ce- headers."
        raise ApiError(code="UnsupportedMediaTypeException", message=message, http_status=415)
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise bad_request(f"The body is no JSON: {error}") from error
    if media_type == BATCHED and not isinstance(content, list):
        raise bad_request("A batch of CloudEvents is an array.")
    if media_type in {STRUCTURED, BATCHED} or looks_like_one(content):
        return [_of_cloud_event(event) for event in read_structured(content)]
    if is_of_storage(content):
        return _of_storage(content, scope, is_for_function=is_for_function)
    raise bad_request("The body holds neither records of S3 events nor a CloudEvent.")


def _of_storage(content: dict[str, Any], scope: Scope, *, is_for_function: bool) -> list[Received]:
    records = records_of(content, region=scope.region)
    if is_for_function:
        return [Received(payload={"Records": records}, source="", kind="")]
    return [Received(payload=record, source=source_of(content, index), kind=record["eventName"]) for index, record in enumerate(records)]


def _of_cloud_event(event: dict[str, Any]) -> Received:
    return Received(payload=event, source=event["source"], kind=event["type"], request_id=f"{event['source']} {event['id']}")


def _request_id(reference: FunctionReference, event_id: str | None) -> str | None:
    return None if event_id is None else str(uuid.uuid5(_IDS, f"{reference.arn} {event_id}"))


def _scope_of(name: str) -> Scope | None:
    """That of an ARN."""
    elements = name.split(":", _ARN_ELEMENTS - 1)
    if len(elements) != _ARN_ELEMENTS or elements[0] != "arn":
        return None
    _, partition, _, region, account_id, _ = elements
    return Scope(account_id, region, partition)


def _says(headers: Headers, token: str) -> bool:
    """As a bearer, or as the password of whatever user: MinIO sends the one, Ceph the other."""
    given = next((value for name, value in headers if name == b"authorization"), b"")
    kind, _, content = given.partition(b" ")
    if kind.lower() == b"basic":
        try:
            content = base64.b64decode(content, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif kind.lower() != b"bearer":
        return False
    return hmac.compare_digest(content.strip(), token.encode())


async def _all(calls: Any) -> None:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Awaitable[None]) -> None:
        async with places:
            await call

    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(one(call))
    except* AlonzoError as failures:
        raise failures.exceptions[0] from failures


async def _agree_to_webhook(headers: Headers, send: Send) -> None:
    """CloudEvents' handshake. Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection"""
    origin = next((value for name, value in headers if name == b"webhook-request-origin"), None)
    agreed = [(b"allow", b"POST, OPTIONS")]
    if origin is not None:
        agreed.append((b"webhook-allowed-origin", origin))
    await send_response(send, 200, agreed, b"")
