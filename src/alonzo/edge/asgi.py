"""The server's interface (ASGI 3), as types, and the two calls that answer a request with a whole message.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import msgspec

from alonzo.aws.requests import Headers

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Endpoint = Callable[[AsgiScope, Receive, Send], Awaitable[None]]
"""What answers a request: an ASGI application for HTTP."""


CUT_OFF = "alonzo.cut_off"
"""What our server puts into a scope: a function to call, without arguments, when an answer that has begun cannot be brought to its end."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole message; its length is not among its headers, and none of them holds a line end (`header_value`)."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class InvokeEndpoint(Protocol):
    """The hot path: an endpoint that is handed what it needs and nothing else."""

    async def answer(self, function_name: str, headers: Headers, query_string: bytes, body: bytes | None) -> Answer:
        """`function_name`: of the path, percent-decoded; `body`: None if it was too large to be read. Errors are answers."""
        ...


JSON_HEADER = (b"content-type", b"application/json")


async def send_response(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Answer with a whole message; `headers` is not changed and the length is added to it."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, body: bytes) -> None:
    """Answer with JSON that is already encoded."""
    await send_response(send, status, [JSON_HEADER], body)


async def refuse_web_socket(receive: Receive, send: Send, answer: Answer) -> None:
    """Answer a WebSocket's request with a message of HTTP instead of opening it (ASGI's extension `websocket.http.response`)."""
    await receive()
    await send(
        {
            "type": "websocket.http.response.start",
            "status": answer.status,
            "headers": [*answer.headers, (b"content-length", b"%d" % len(answer.body))],
        }
    )
    await send({"type": "websocket.http.response.body", "body": answer.body})
