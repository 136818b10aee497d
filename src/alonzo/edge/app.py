"""The ASGI application: every request comes in here and is handed on by its host name, if that is a function's own, else by its path alone.

Plain functions and no middleware.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from alonzo.edge.asgi import Answer, AsgiScope, Endpoint, InvokeEndpoint, Receive, Send, refuse_web_socket, send_response
from alonzo.edge.front_doors import FrontDoors, host_of
from alonzo.edge.invoke_path import invoked_function
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES

_INVOKE_BODY_MAX_BYTES = 4 * PAYLOAD_SYNC_MAX_BYTES
"""Read this far, so that the error can say how large the payload was; beyond it the request is refused as any other would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRoutes:
    """The endpoints that are no AWS operations. Paths are compared as they came, percent-encoded."""

    exact: Mapping[bytes, Endpoint]
    prefixes: Mapping[bytes, Endpoint]


class Application:
    """The node's whole HTTP interface."""

    def __init__(self, *, invoke: InvokeEndpoint, front_doors: FrontDoors, own_routes: OwnRoutes, aws_api: Endpoint) -> None:
        self.invoke = invoke
        """What answers `Invoke`, for a server that has the body already."""
        self.front_doors = front_doors
        """Functions' own addresses, which come before everything else."""
        self._exact = own_routes.exact
        self._prefixes = tuple(own_routes.prefixes.items())
        self._aws_api = aws_api

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        path: bytes = scope["raw_path"]
        if scope["type"] == "websocket":
            return self._answer_web_socket(scope, receive, send)
        door = self.front_doors.find(host_of(scope["headers"]), path)
        if door is not None:
            return door(scope, receive, send)
        function_name = invoked_function(path) if scope["method"] == "POST" else None
        if function_name is not None:
            return self._answer_invoke(function_name, scope, receive, send)
        return self._endpoint_of(path)(scope, receive, send)

    async def _answer_web_socket(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        door = self.front_doors.find(host_of(scope["headers"]), scope["raw_path"])
        if door is None or not door.takes_web_sockets:
            await refuse_web_socket(receive, send, Answer(404, [], b""))
            return
        await door(scope, receive, send)

    async def _answer_invoke(self, function_name: str, scope: AsgiScope, receive: Receive, send: Send) -> None:
        body: bytes | None
        try:
            body = await read_body(scope, receive, limit_bytes=_INVOKE_BODY_MAX_BYTES)
        except ClientDisconnected:
            return
        except BodyTooLarge:
            body = None
        answer = await self.invoke.answer(function_name, scope["headers"], scope["query_string"], body)
        await send_response(send, answer.status, answer.headers, answer.body)

    def _endpoint_of(self, path: bytes) -> Endpoint:
        endpoint = self._exact.get(path)
        if endpoint is not None:
            return endpoint
        for prefix, candidate in self._prefixes:
            if path.startswith(prefix):
                return candidate
        return self._aws_api
