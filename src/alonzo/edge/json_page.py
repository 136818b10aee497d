"""Pages of JSON that are only read."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from alonzo.edge.asgi import AsgiScope, Endpoint, Receive, Send, send_json, send_response

_READ_METHODS = frozenset({"GET", "HEAD"})


def page(content: Callable[[], Mapping[str, Any]], *, status: Callable[[], int] = lambda: 200) -> Endpoint:
    """One of them; `content` and `status` are asked each time."""

    async def answer(scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["method"] in _READ_METHODS:
            await send_json(send, status(), msgspec.json.encode(content()))
        else:
            await send_response(send, 405, [(b"allow", b"GET, HEAD")], b"")

    return answer
