"""The body of a request, read whole and within a limit that holds while it is read."""

from alonzo.edge.asgi import AsgiScope, Receive
from alonzo.errors import AlonzoError

DISCARDED_MAX_BYTES = 268_435_456
"""How much of a refused body is read on: whoever sends more may find the connection reset before the answer."""


class BodyTooLarge(AlonzoError):
    """The body is, or says that it is, larger than the limit. It has been read to its end, but not kept."""

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(f"the request is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes


class ClientDisconnected(AlonzoError):
    """The client went away, or was cut off, before it had sent its request; there is nobody to answer."""


async def read_body(scope: AsgiScope, receive: Receive, *, limit_bytes: int) -> bytes:
    """The whole body. A client that stalls is cut off by the server (`edge/http_protocol.py`), which ends the wait here."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientDisconnected
    part: bytes = message["body"]
    if not message["more_body"]:
        return _within(limit_bytes, part)
    if _announced_bytes(scope) > limit_bytes:
        await discard_body(receive)
        raise BodyTooLarge(limit_bytes=limit_bytes)
    parts = bytearray(part)
    while message["more_body"]:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        parts += message["body"]
        if len(parts) > limit_bytes:
            if message["more_body"]:
                await discard_body(receive)
            raise BodyTooLarge(limit_bytes=limit_bytes)
    return bytes(parts)


async def discard_body(receive: Receive) -> None:
    """Read what is left of a body before an error is answered.

    Clients read the answer when they have sent everything, and a connection closed with unread bytes is reset: they may miss the answer.
    """
    discarded_bytes = 0
    while discarded_bytes <= DISCARDED_MAX_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        if not message["more_body"]:
            return
        discarded_bytes += len(message["body"])


def _within(limit_bytes: int, body: bytes) -> bytes:
    if len(body) > limit_bytes:
        raise BodyTooLarge(limit_bytes=limit_bytes)
    return body


def _announced_bytes(scope: AsgiScope) -> int:
    """The `Content-Length`, 0 without one; the HTTP parser has already refused what is not a number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0
