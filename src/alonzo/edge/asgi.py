"""The server's interface (ASGI 3), as types, and the two calls that answer a request with a whole message.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from alonzo.aws.requests import Headers

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Endpoint = Callable[[AsgiScope, Receive, Send], Awaitable[None]]
"""What answers a request: an ASGI application for HTTP."""

InvokeEndpoint = Callable[[AsgiScope, Receive, Send, str], Awaitable[None]]
"""The hot path: an endpoint that is also handed the percent-decoded `FunctionName` of the path.
It answers errors itself; one that it lets out becomes a bare 500 of the server."""

JSON_HEADER = (b"content-type", b"application/json")


async def send_response(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Answer with a whole message; `headers` is not changed and the length is added to it."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, body: bytes) -> None:
    """Answer with JSON that is already encoded."""
    await send_response(send, status, [JSON_HEADER], body)
