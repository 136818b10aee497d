"""The ASGI application: every request comes in here and is handed on by its path alone.

Plain functions and no middleware: between the server and `Invoke` stand two comparisons and one slice.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from alonzo.edge.asgi import AsgiScope, Endpoint, InvokeEndpoint, Receive, Send

_NAME = slice(len(b"/2015-03-31/functions/"), -len(b"/invocations"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRoutes:
    """The endpoints that are no AWS operations. Paths are compared as they came, percent-encoded."""

    exact: Mapping[bytes, Endpoint]
    prefixes: Mapping[bytes, Endpoint]


class Application:
    """The node's whole HTTP interface."""

    def __init__(self, *, invoke: InvokeEndpoint, own_routes: OwnRoutes, aws_api: Endpoint) -> None:
        self._invoke = invoke
        self._exact = own_routes.exact
        self._prefixes = tuple(own_routes.prefixes.items())
        self._aws_api = aws_api

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        """Not a coroutine function itself: it returns the endpoint's, which saves a frame at every step of the hot path."""
        path: bytes = scope["raw_path"]
        if path.endswith(b"/invocations") and path.startswith(b"/2015-03-31/functions/") and scope["method"] == "POST":
            name = path[_NAME]
            if b"/" not in name:
                if b"%" in name:
                    name = unquote_to_bytes(name)
                return self._invoke(scope, receive, send, name.decode("utf-8", "replace"))
        return self._endpoint_of(path)(scope, receive, send)

    def _endpoint_of(self, path: bytes) -> Endpoint:
        endpoint = self._exact.get(path)
        if endpoint is not None:
            return endpoint
        for prefix, candidate in self._prefixes:
            if path.startswith(prefix):
                return candidate
        return self._aws_api
