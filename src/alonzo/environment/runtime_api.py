"""The Runtime API that one environment serves: HTTP/1.1 over httptools, nothing in between.

It is on every invocation twice, so it is a protocol of its own: five requests, answers written as bytes. What they mean is decided by the
environment (`RuntimeEvents`). Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
What is not the Runtime API's goes on as it is (`OtherRequest`): see `extensions_api.py`.
"""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Protocol, cast

import httptools
import msgspec

from alonzo.environment.connection_owner import ConnectionCheck
from alonzo.model.quotas import RESPONSE_SYNC_MAX_BYTES

_PREFIX = b"/2018-06-01/runtime/"
_NEXT = _PREFIX + b"invocation/next"
_INVOCATION = _PREFIX + b"invocation/"
_INIT_ERROR = _PREFIX + b"init/error"
_RESTORE_NEXT = _PREFIX + b"restore/next"
_RESTORE_ERROR = _PREFIX + b"restore/error"
_CREDENTIALS = b"/2021-04-23/credentials"
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
_REASONS = {
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    410: b"Gone",
    413: b"Payload Too Large",
    500: b"Internal Server Error",
}
_ERROR_TYPE = b"lambda-runtime-function-error-type"
_ERROR_BODY = b"lambda-runtime-function-error-body"
_RESPONSE_MODE = b"lambda-runtime-function-response-mode"
_TRANSFER_ENCODING = b"transfer-encoding"
_AUTHORIZATION = b"authorization"
_EXTENSION_PREFIX = b"lambda-extension-"
_EXTENSION_HEADERS = (b"name", b"identifier", b"accept-feature", b"function-error-type")
_CONTENT_TYPE = b"content-type"
_CONTENT_TYPE_MAX_BYTES = 1_024
_HEADERS = (
    _ERROR_TYPE,
    _RESPONSE_MODE,
    _TRANSFER_ENCODING,
    _CONTENT_TYPE,
    _AUTHORIZATION,
    *(_EXTENSION_PREFIX + name for name in _EXTENSION_HEADERS),
)
_LENGTHS = frozenset(len(name) for name in _HEADERS)
"""Of the headers that mean something: others cost one look."""
_HEAD_MAX_BYTES = 1_200_000
"""`Lambda-Runtime-Function-XRay-Error-Cause` may be 1 MiB long."""

_FRAMING_PER_BODY_BYTE = 16
"""A chunk of one byte takes six on the wire. Beyond this it is no body but an endless head or trailer, which the parser keeps."""
_UNSENT_MAX_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """A request for something else than the Runtime API. Of its headers only `Lambda-Extension-…` are kept, by lower-case names.

    `body` is empty where `content_length` is more than a response may have.
    """

    method: bytes
    url: bytes
    headers: dict[bytes, bytes]
    body: bytes
    content_length: int

    def header(self, name: bytes) -> str:
        """The value of a header; empty if there is none."""
        return self.headers.get(name, b"").decode("utf-8", "replace")


class RuntimeEvents(Protocol):
    """What a runtime's requests mean to its environment. Methods that return an answer return `ACCEPTED` or `refusal(…)`."""

    def on_next(self, connection: "RuntimeApiConnection") -> None: ...

    def on_response(self, request_id: bytes, body: bytes, content_length: int) -> bytes: ...

    def on_error(self, request_id: bytes, body: bytes, error_type: str | None) -> bytes: ...

    def on_stream_part(self, connection: "RuntimeApiConnection", request_id: bytes, part: bytes, byte_count: int) -> bool:
        """A part of a streamed response, of which so many bytes have come by now. False: nobody takes it as it comes, collect it."""
        ...

    def on_stream_end(self, request_id: bytes, byte_count: int) -> bytes: ...

    def takes_stream(self, request_id: bytes) -> bool:
        """Whether the caller takes the response as it comes."""
        ...

    def on_init_error(self, body: bytes, error_type: str | None) -> bytes: ...

    def on_restore_next(self, connection: "RuntimeApiConnection") -> None: ...

    def on_restore_error(self, error_type: str | None) -> bytes: ...

    def on_credentials(self, authorization: bytes) -> bytes: ...

    def on_other_request(self, connection: "RuntimeApiConnection", request: OtherRequest) -> bytes | None:
        """The answer; None if it comes later."""
        ...

    def is_waiting(self, connection: "RuntimeApiConnection") -> bool: ...

    @property
    def counts_bodies(self) -> bool:
        """Whether it wants to know what its connections hold together: where they may be many."""
        ...

    def on_body_bytes(self, byte_count: int) -> bool:
        """A connection holds so many bytes of a body more, or fewer. False: that is too much."""
        ...

    def on_stranger(self) -> None: ...

    def on_connection_opened(self, connection: "RuntimeApiConnection") -> None: ...

    def on_connection_closed(self, connection: "RuntimeApiConnection") -> None: ...


def accepted() -> bytes:
    """The answer to a report that was taken."""
    return _ACCEPTED


def document(content: bytes) -> bytes:
    """An answer with a JSON document, or with nothing."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)


def refusal(status: int, error_type: str, message: str) -> bytes:
    """An error answer, as AWS's Runtime API words it."""
    body = msgspec.json.encode({"errorMessage": message, "errorType": error_type}) + b"\n"
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, _REASONS[status], len(body), body)


class RuntimeApiConnection(asyncio.Protocol):
    """One connection of a process in the environment."""

    def __init__(self, events: RuntimeEvents, check: ConnectionCheck) -> None:
        # For life.
        self._events = events
        self._check = check
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._is_parsing = False
        self._counts_bodies = events.counts_bodies
        # For one request.
        self._url = b""
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._counted_bytes = 0
        self._request_bytes = 0
        self._error_type: str | None = None
        self._error_body = b""
        self._authorization = b""
        self._streams = False
        self._content_type = b""
        self._is_chunked = False
        self._extension_headers: dict[bytes, bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        # Without a peer: the client has reset the connection before it was accepted.
        if client is None or not self._check.admits(client=client, server=server):
            if client is not None:
                self._events.on_stranger()
            self._transport.abort()
            self._transport = None
            return
        self._events.on_connection_opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        del self._parser  # it has what it calls, which is this: neither shall wait for the garbage collector
        self._count_bytes(-self._counted_bytes)
        self._events.on_connection_closed(self)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._is_parsing = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.write(refusal(400, "InvalidRequest", "malformed HTTP"))
            self.close()
        self._is_parsing = False
        self._request_bytes += len(data)
        if self._request_bytes - _FRAMING_PER_BODY_BYTE * self._body_bytes > _HEAD_MAX_BYTES:
            self.close()
        if self._unsent and not self._events.is_waiting(self):
            self.write(b"")

    def write(self, data: bytes) -> None:
        """Send bytes of an answer; nothing happens when the other side is gone.

        A runtime that sends its response and its request for the next invocation together waits for both answers, and gets them
        together: one system call and one wake-up less for each invocation.
        """
        self._unsent += data
        if self._transport is not None and (not self._is_parsing or len(self._unsent) > _UNSENT_MAX_BYTES):
            data, self._unsent = self._unsent, b""
            self._transport.write(data)

    def close(self) -> None:
        """Close after what is written has gone out."""
        if self._transport is not None:
            self._transport.write(self._unsent)
            self._transport.close()

    def pause_reading(self) -> None:
        """Whoever takes the response that is coming in can take no more now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """More can be taken."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The other side does not read its answers: it gets no more of its requests read."""
        self.pause_reading()

    def resume_writing(self) -> None:
        """It has read them."""
        self.resume_reading()

    # What httptools calls while it parses.

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = []
        self._body_bytes = self._request_bytes = 0
        self._error_type = None
        self._content_type = b""
        self._streams = self._is_chunked = False
        self._extension_headers = None

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) not in _LENGTHS:
            return
        name = name.lower()
        if name == _ERROR_TYPE:  # before the body, or after it as a trailer
            self._error_type = value.decode("latin-1")
        elif name == _ERROR_BODY:
            self._error_body = value
        elif name == _RESPONSE_MODE:
            self._streams = value.lower() == b"streaming"
        elif name == _TRANSFER_ENCODING:
            self._is_chunked = True
        elif name == _CONTENT_TYPE:
            self._content_type = value
        elif name == _AUTHORIZATION:
            self._authorization = value
        elif name.startswith(_EXTENSION_PREFIX):
            if self._extension_headers is None:
                self._extension_headers = {}
            self._extension_headers[name] = value

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        # What is sent in chunks to a caller that takes a stream is a stream, whether the runtime names the mode or not: Go's does not.
        if (self._streams or self._is_chunked) and self._events.on_stream_part(self, self._request_id(), body, self._body_bytes):
            return
        if self._body_bytes <= RESPONSE_SYNC_MAX_BYTES:
            self._body.append(body)
            if self._counts_bodies:
                self._count_bytes(len(body))
        else:
            self._body.clear()  # read to its end, so that the answer is seen, but not kept
            self._count_bytes(-self._counted_bytes)

    def on_message_complete(self) -> None:
        if self._counted_bytes:
            self._count_bytes(-self._counted_bytes)
        url = self._url
        if url == _NEXT:
            self._events.on_next(self)
        elif url.startswith(_INVOCATION):
            self.write(self._finish_invocation(url))
        elif url == _INIT_ERROR:
            self.write(self._events.on_init_error(b"".join(self._body), self._error_type))
        elif url == _RESTORE_NEXT:
            self._events.on_restore_next(self)
        elif url == _RESTORE_ERROR:
            self.write(self._events.on_restore_error(self._error_type))
        elif url == _CREDENTIALS:
            authorization, self._authorization = self._authorization, b""
            self.write(self._events.on_credentials(authorization))
        else:
            self._pass_on()

    def _pass_on(self) -> None:
        headers = self._extension_headers or {}
        request = OtherRequest(self._parser.get_method(), self._url, headers, b"".join(self._body), self._body_bytes)
        answer = self._events.on_other_request(self, request)
        if answer is not None:
            self.write(answer)

    def _count_bytes(self, byte_count: int) -> None:
        if self._counts_bodies:
            self._counted_bytes += byte_count
            if not self._events.on_body_bytes(byte_count):
                self.close()

    @property
    def content_type(self) -> str:
        """Of the request whose body is coming in."""
        return self._content_type[:_CONTENT_TYPE_MAX_BYTES].decode("latin-1")

    def _request_id(self) -> bytes:
        return self._url[len(_INVOCATION) :].partition(b"/")[0]

    def _finish_invocation(self, url: bytes) -> bytes:
        request_id, _, action = url[len(_INVOCATION) :].partition(b"/")
        if action == b"response" and (self._streams or (self._is_chunked and self._events.takes_stream(request_id))):
            return self._finish_stream(request_id)
        if action == b"response":
            return self._events.on_response(request_id, b"".join(self._body), self._body_bytes)
        if action == b"error":
            return self._events.on_error(request_id, b"".join(self._body), self._error_type)
        return refusal(404, "InvalidRequest", "no such path")

    def _finish_stream(self, request_id: bytes) -> bytes:
        """A streamed response is over; the trailers tell of an error on the way."""
        error_body, self._error_body = self._error_body, b""
        if self._error_type is not None:
            return self._events.on_error(request_id, _decoded(error_body), self._error_type)
        if self._body:
            return self._events.on_response(request_id, b"".join(self._body), self._body_bytes)
        return self._events.on_stream_end(request_id, self._body_bytes)


def _decoded(error_body: bytes) -> bytes:
    """A runtime sends the description of its error in base64; whatever else it sends is nobody's JSON."""
    try:
        return base64.b64decode(error_body, validate=True)
    except binascii.Error:
        return b"{}"
