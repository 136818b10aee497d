"""Where functions put the responses of CloudFormation's custom resources: HTTP and HTTPS at a loopback address of the node's own.

Of the URL that they are given some handlers take the host and the path and nothing else: those of the CDK in Node.js speak HTTPS with port
443. That port takes privileges, and is often somebody's. So the address says which port it is instead, 127.66.HIGH.LOW, and the client of
Node.js functions leads connections to port 443 of it there (`guest/nodejs/response_door.mjs`; docs/decisions/0011-custom-resources.md).

Nothing is answered there but the PUT of a response that is waited for, which its token proves.
"""

import asyncio
import contextlib
import hashlib
import logging
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs

import msgspec

from alonzo.edge.asgi import Answer, AsgiScope, Receive, Send, send_response
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.request_body import BodyTooLarge, ClientDisconnected, read_body
from alonzo.edge.server import BACKLOG, HttpServer
from alonzo.errors import AlonzoError

RESPONSE_MAX_BYTES = 4_096
"""Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html"""

_PATH = "/cloudformation-custom-resource-response/"
_TARGET = re.compile(re.escape(_PATH.encode()) + rb"([0-9a-f-]{36})")
_FIRST_PORT, _PORTS = 20_000, 10_000
"""Below those that systems give out themselves."""

_TRIES = 16

_log = logging.getLogger(__name__)

Deliver = Callable[[str, bytes], Awaitable[bool]]
"""Hands CloudFormation a response, by request id, as JSON: `{"token", "response"}`, null for a longer one. Whether it is waited for."""


class ResponseAddress(msgspec.Struct, frozen=True):
    """`url`: a request's id and `?Signature=TOKEN` are to be put behind it. `takes_https`: also at port 443, from Node.js."""

    url: str
    takes_https: bool


def address_of(port: int) -> str:
    """The loopback address that says a port."""
    return f"127.66.{port >> 8}.{port & 0xFF}"


def ports_of(directory: Path) -> Sequence[int]:
    """Where a node with this data directory listens: at the first of them that is free, and so at the same one when it is started again."""
    first = int.from_bytes(hashlib.sha256(bytes(directory)).digest()[:4], "big")
    return [_FIRST_PORT + (first + number) % _PORTS for number in range(_TRIES)]


class ResponseDoor:
    """Opened by the first custom resource; nothing listens before. `run` belongs in the parent's task group and ends everything.

    `open_tls` makes the context for an address; it may take its time, in a thread. `in_sandboxes`: the port at which each sandbox has a
    listener of its own; None: they share the machine's network.
    """

    def __init__(
        self,
        *,
        deliver: Deliver,
        open_tls: Callable[[str], ssl.SSLContext],
        ports: Sequence[int],
        in_sandboxes: int | None,
        timeouts: HttpTimeouts,
    ) -> None:
        self._application = _Responses(deliver)
        self._open_tls = open_tls
        self._ports = ports if in_sandboxes is None else [in_sandboxes]
        self._in_sandboxes = in_sandboxes
        self._timeouts = timeouts
        self._opening = asyncio.Lock()
        self._address: ResponseAddress | None = None
        self._host = address_of(self._ports[0])
        self._tls: ssl.SSLContext | None = None
        self._server: HttpServer | None = None
        self._has_begun = asyncio.Event()

    async def open(self) -> ResponseAddress:
        """Listen, and have functions trust the certificate, unless that is done. Raises OSError or SetupError."""
        async with self._opening:
            if self._address is None:
                self._address = await self._open()
            return self._address

    async def serve(self, listener: socket.socket) -> Callable[[], None]:
        """Take responses on a socket that listens in a sandbox's own network, too, until what it returns is called."""
        return (await self._begin().serve_socket(listener, is_public=True)).close

    async def run(self) -> None:
        """Component."""
        await self._has_begun.wait()
        assert self._server is not None
        await self._server.run()

    async def _open(self) -> ResponseAddress:
        listener = self._listen()
        if listener is None and self._in_sandboxes is not None:
            _log.info("responses of custom resources are taken in sandboxes only: port %d of %s is in use", self._in_sandboxes, self._host)
            await self._context()
            return _at(self._host, self._in_sandboxes)
        takes_https = listener is not None
        if listener is None:
            listener = _listen("127.0.0.1", 0)
            _log.warning("custom resources cannot answer at port 443 (those of the CDK in Node.js): this machine has no %s", self._host)
        self._host, port = listener.getsockname()
        try:
            await self._context()
        except BaseException:
            listener.close()
            raise
        await self._begin().serve_socket(listener, is_public=True)
        return _at(self._host, port, takes_https=takes_https)

    def _listen(self) -> socket.socket | None:
        for port in self._ports:
            with contextlib.suppress(OSError):
                return _listen(address_of(port), port)
        return None

    def _begin(self) -> HttpServer:
        if self._server is None:
            self._server = HttpServer(application=self._application, timeouts=self._timeouts, tls=self._context)
            self._has_begun.set()
        return self._server

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(self._open_tls, self._host)
        return self._tls


class _Responses:
    """What the server serves: an ASGI application, and nothing by its short ways."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self.invoke = _NoFunctions()
        self.front_doors = FrontDoors(by_label={}, by_path={})

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        target = _TARGET.fullmatch(scope["raw_path"])
        token = parse_qs(scope["query_string"]).get(b"Signature", [b""])[0].decode("latin-1")
        response: str | None
        try:
            response = (await read_body(scope, receive, limit_bytes=RESPONSE_MAX_BYTES)).decode("utf-8", "replace")
        except ClientDisconnected:
            return
        except BodyTooLarge:
            response = None
        if target is None or scope["method"] != "PUT":
            await send_response(send, 404, [], b"")
            return
        content = msgspec.json.encode({"token": token, "response": response})
        try:
            status = 200 if await self._deliver(target[1].decode(), content) else 403
        except AlonzoError as error:
            _log.error("the response of a custom resource is lost: %s", error)
            status = 503
        await send_response(send, status, [], b"")


class _NoFunctions:
    """An `InvokeEndpoint` where nothing can be invoked."""

    async def answer(self, *_: object) -> Answer:
        """As for any other path."""
        return Answer(404, [], b"")


def _at(host: str, port: int, *, takes_https: bool = True) -> ResponseAddress:
    return ResponseAddress(f"http://{host}:{port}{_PATH}", takes_https)


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
