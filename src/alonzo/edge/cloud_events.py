"""CloudEvents in HTTP requests: structured, batched and binary, all of them made into the structured form, a JSON object.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and, of the object,
`cloudevents/formats/json-format.md`.
"""

import base64
import re
from typing import Any
from urllib.parse import unquote

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.aws.requests import Headers

STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
_PREFIX = b"ce-"
_VERSION = b"ce-specversion"
_REQUIRED = ("specversion", "id", "source", "type")
_VERSIONS = ("1.0", "0.3")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")
_JSON_TYPE = re.compile(r"application/(?:json|[a-z0-9.!#$&^_-]+\+json)|text/json")
_EVENTS_MAX = 1_000

CloudEvent = dict[str, Any]


def is_binary(headers: Headers) -> bool:
    """Whether a request's headers hold an event's attributes."""
    return any(name == _VERSION for name, _ in headers)


def read_binary(headers: Headers, content_type: str | None, body: bytes) -> CloudEvent:
    """An event whose attributes are headers and whose data is the body. ApiError."""
    event: CloudEvent = {}
    for name, value in headers:
        attribute = name.removeprefix(_PREFIX).decode("latin-1") if name.startswith(_PREFIX) else ""
        if _ATTRIBUTE.fullmatch(attribute):
            event[attribute] = unquote(value.decode("utf-8", "replace"))
    if content_type is not None:
        event["datacontenttype"] = content_type
    if body:
        _set_data(event, media_type_of(content_type), body)
    return _checked(event)


def read_structured(content: Any) -> list[CloudEvent]:
    """The events of a JSON object, or of an array of them. ApiError."""
    if isinstance(content, list):
        if len(content) > _EVENTS_MAX:
            raise bad_request(f"A batch has at most {_EVENTS_MAX} events.")
        return [_checked(event) for event in content]
    return [_checked(content)]


def looks_like_one(content: Any) -> bool:
    """Whether JSON that does not say what it is can be nothing else."""
    return isinstance(content, dict) and all(name in content for name in _REQUIRED)


def media_type_of(content_type: str | None) -> str:
    """Without its parameters, in lower case; empty if there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(code="InvalidRequestContentException", message=message, http_status=400)


def _set_data(event: CloudEvent, media_type: str, body: bytes) -> None:
    if _JSON_TYPE.fullmatch(media_type):
        try:
            event["data"] = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise bad_request(f"The event's data is no JSON: {error}") from error
        return
    if media_type.startswith("text/"):
        try:
            event["data"] = body.decode()
        except UnicodeDecodeError:
            pass
        else:
            return
    event["data_base64"] = base64.b64encode(body).decode()


def _checked(event: Any) -> CloudEvent:
    if not isinstance(event, dict):
        raise bad_request("A CloudEvent is a JSON object.")
    for name in _REQUIRED:
        if not (isinstance(event.get(name), str) and event[name]):
            raise bad_request(f"A CloudEvent has the attribute {name}, a text.")
    if event["specversion"] not in _VERSIONS:
        raise bad_request("CloudEvents of version 1.0 are understood.")
    return event
