"""What a function has answered, as an HTTP response: payload formats 1.0 and 2.0.

Functions are hostile: what cannot be a header, a status or a body makes the whole answer malformed, and no part of it goes out.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterable
from typing import Any

import msgspec

from alonzo.edge.asgi import Answer

_JSON = "application/json"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_NOT_IN_A_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS_MIN, _STATUS_MAX = 200, 599
"""No 1xx: they are not final (RFC 9110, 15.2), and a client would wait for another answer."""

_DROPPED = frozenset(
    {b"connection", b"content-length", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""They are about the connection and the message, which are the server's."""

HEADERS_MAX_BYTES = 65_536
"""Ours; AWS's front ends take less."""


class MalformedAnswer(ValueError):
    """The function's answer is none that HTTP could carry. The message is for the function's author, not for the client."""


def read_answer_v2(payload: bytes, *, remapped: frozenset[bytes] = frozenset()) -> Answer:
    """An answer in format 2.0. Without a `statusCode` all of it is the body, and JSON. `MalformedAnswer`.

    `remapped`: headers that the door does not let functions set; they go out as `x-amzn-remapped-NAME`, as AWS does it.
    """
    content = _decoded(payload)
    if not isinstance(content, dict) or "statusCode" not in content:
        return Answer(200, [(b"content-type", _JSON.encode())], _inferred_body(content, payload))
    headers = read_headers(content.get("headers"), None, remapped=remapped)
    for cookie in _texts(content.get("cookies"), "cookies"):
        headers.append((b"set-cookie", header_value(cookie)))
    return _answer(content, headers, default_type=_JSON)


def read_answer_v1(
    payload: bytes,
    *,
    default_type: str | None = _JSON,
    remapped: frozenset[bytes] = frozenset(),
    decodes_base64: bool = True,
    ignored: str | None = None,
) -> Answer:
    """An answer in format 1.0, which must have a `statusCode`. `MalformedAnswer`.

    `decodes_base64`: REST APIs leave a body in base64 as it is, unless the client asks for one of the API's binary media types.
    `ignored`: a member that does not count, `headers` or `multiValueHeaders`: load balancers take one of them.
    """
    content = _decoded(payload)
    if not isinstance(content, dict) or "statusCode" not in content:
        raise MalformedAnswer("the answer is no object with a statusCode")
    single, multi = (None if ignored == member else content.get(member) for member in ("headers", "multiValueHeaders"))
    headers = read_headers(single, multi, remapped=remapped)
    if not decodes_base64:
        content["isBase64Encoded"] = False
    return _answer(content, headers, default_type=default_type)


def read_headers(single: Any, multi: Any, *, remapped: frozenset[bytes] = frozenset()) -> list[tuple[bytes, bytes]]:
    """`headers` and `multiValueHeaders` of an answer: where both have a name, the values of the latter count. `MalformedAnswer`."""
    headers: list[tuple[bytes, bytes]] = []
    if single is None and multi is None:
        return headers
    several: dict[str, list[Any]] = {}
    for name, values in _object(multi, "multiValueHeaders").items():
        if not isinstance(values, list):
            raise MalformedAnswer(f"multiValueHeaders: the value of {name[:64]!r} is no list")
        several[name] = values
    known = {name.lower() for name in several}
    pairs: list[tuple[str, Any]] = [pair for pair in _object(single, "headers").items() if pair[0].lower() not in known]
    pairs += [(name, value) for name, values in several.items() for value in values]
    for name, value in pairs:
        if value is None:
            continue
        lowered = header_name(name)
        if lowered in _DROPPED:
            continue
        headers.append((b"x-amzn-remapped-" + lowered if lowered in remapped else lowered, header_value(value)))
    if sum(len(name) + len(value) + 4 for name, value in headers) > HEADERS_MAX_BYTES:
        raise MalformedAnswer(f"the headers are longer than {HEADERS_MAX_BYTES} bytes")
    return headers


def header_name(name: str) -> bytes:
    """In lower case. `MalformedAnswer`."""
    if _NAME.fullmatch(name) is None:
        raise MalformedAnswer(f"{name[:64]!r} cannot be the name of a header")
    return name.lower().encode()


def header_value(value: Any) -> bytes:
    """A text, number or truth value as the value of a header, what is beyond ISO 8859-1 in UTF-8. `MalformedAnswer`."""
    if isinstance(value, bool) or (not isinstance(value, str) and isinstance(value, int | float)):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise MalformedAnswer(f"a {type(value).__name__} cannot be the value of a header")
    try:
        encoded = value.encode("latin-1")
    except UnicodeEncodeError:
        encoded = value.encode("utf-8", "replace")
    if _NOT_IN_A_VALUE.search(encoded) is not None:
        raise MalformedAnswer("a line end or control character cannot be part of a header")
    return encoded


def read_status(value: Any) -> int:
    """A number, or its digits in a text (recorded). `MalformedAnswer`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{3}", value.strip()) is not None:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not _STATUS_MIN <= value <= _STATUS_MAX:
        raise MalformedAnswer(f"the statusCode is {str(value)[:64]!r}")
    return value


def _answer(content: dict[str, Any], headers: list[tuple[bytes, bytes]], *, default_type: str | None) -> Answer:
    status = content["statusCode"]
    if type(status) is not int or not _STATUS_MIN <= status <= _STATUS_MAX:
        status = read_status(status)
    body = _body(content.get("body"), is_base64=content.get("isBase64Encoded"))
    if default_type is not None and not (headers and any(name == b"content-type" for name, _ in headers)):
        headers.append((b"content-type", default_type.encode()))
    return Answer(status, headers, body)


def _inferred_body(content: Any, payload: bytes) -> bytes:
    """A text without its quotation marks, other JSON without white space: both recorded."""
    if isinstance(content, str):
        return content.encode("utf-8", "replace")
    try:
        return msgspec.json.format(payload, indent=-1)
    except (msgspec.DecodeError, RecursionError):  # stricter than `_decoded`
        return payload


def _body(body: Any, *, is_base64: Any) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        return msgspec.json.encode(body)  # recorded: an object becomes its JSON
    if is_base64 is True:
        try:
            return b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedAnswer(f"the body is not base64: {error}") from error
    return body.encode("utf-8", "replace")


def _decoded(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(payload.decode("utf-8", "replace"))  # lone surrogates in escapes, which msgspec refuses
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"the answer is no JSON: {error}") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} is no object")
    return value


def _texts(value: Any, what: str) -> Iterable[str]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise MalformedAnswer(f"{what} is no list")
    return value
