"""The HTTP server: uvicorn's protocol on listening sockets of ours, inside the node's event loop.

uvicorn's own `Server` is not used: it takes the process's signals and its sockets once and for all, while the node adds sockets as it
runs (the AWS endpoint inside an isolated network namespace is one) and decides itself when to drain.
"""

import asyncio
import contextlib
import importlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import partial
from typing import Any, Protocol, cast

from uvicorn.config import Config

from alonzo.edge.asgi import AsgiScope, InvokeEndpoint, Receive, Send
from alonzo.edge.front_doors import FrontDoors, host_of
from alonzo.edge.http_protocol import Connections, EdgeHttpProtocol
from alonzo.edge.invoke_path import invoked_function
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.tls.arrivals import Arrivals
from alonzo.edge.turns import Turns, whom
from alonzo.errors import SetupError

WEB_SOCKET_MESSAGE_MAX_BYTES = 131_072
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""

BACKLOG = 2_048
TICK_SECONDS = 1.0
_TLS_SHUTDOWN_SECONDS = 5.0
"""For the client's goodbye; most send none."""

TlsSource = Callable[[], Awaitable[ssl.SSLContext]]
"""What clients that speak TLS are shown, made when the first of them comes or before."""


class ServedApplication(Protocol):
    """An ASGI application, and the two short ways past ASGI (`http_protocol.py`)."""

    @property
    def invoke(self) -> InvokeEndpoint: ...

    @property
    def front_doors(self) -> FrontDoors: ...

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]: ...


class ServedSocket:
    """A listening socket while it is served. `close` stops accepting, at once; connections that are there live on."""

    def __init__(self, *, stop: Callable[[], None], address: object, on_close: Callable[["ServedSocket"], None]) -> None:
        self._stop = stop
        self._on_close = on_close
        self.address = address
        """What `getsockname` says: a host and port for internet sockets."""

    def close(self) -> None:
        self._stop()
        self._on_close(self)


class HttpServer:
    """Serves one application on any number of listening sockets.

    Resource handling: `run` belongs in the parent's task group and closes everything when it is cancelled; `drain` before that lets
    requests finish. A socket handed to `serve_socket` belongs to the server. With `tls` clients of public sockets may speak HTTPS, too.
    """

    def __init__(self, *, application: ServedApplication, timeouts: HttpTimeouts, tls: TlsSource | None) -> None:
        self._application = application
        self._tls = tls
        self._arrivals = None if tls is None else Arrivals(self._serve_arrived)
        self._timeouts = timeouts
        self._config = Config(
            app=cast("Any", self._answer),
            http=EdgeHttpProtocol,
            ws=cast("type[asyncio.Protocol]", _web_socket_protocol),
            ws_max_size=WEB_SOCKET_MESSAGE_MAX_BYTES,
            ws_ping_interval=None,  # API Gateway sends none
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=cast("int", timeouts.keep_alive_seconds),  # handed to call_later as it is
        )
        self._config.load()
        self._state = Connections()
        self._turns = Turns()
        self._served: set[ServedSocket] = set()
        self._set_date()

    async def serve_socket(self, listening_socket: socket.socket, *, is_public: bool = False) -> ServedSocket:
        """Accept on a socket that already listens. It may come from another network namespace."""
        listening_socket.setblocking(False)
        address = listening_socket.getsockname()
        arrivals = self._arrivals if is_public else None
        stop: Callable[[], None]
        if arrivals is not None:
            arrivals.listen(listening_socket)
            stop = partial(arrivals.stop_listening, listening_socket)
        else:
            loop = asyncio.get_running_loop()
            stop = (await loop.create_server(self._new_connection, sock=listening_socket, backlog=BACKLOG)).close
        served = ServedSocket(stop=stop, address=address, on_close=self._served.discard)
        self._served.add(served)
        return served

    async def serve_connection(self, connection: socket.socket) -> None:
        """Answer on a connection of a public socket that somebody else has accepted."""
        if self._arrivals is not None:
            self._arrivals.add(connection)
            return
        connection.setblocking(False)
        if connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().connect_accepted_socket(self._new_connection, connection)

    async def _serve_arrived(self, connection: socket.socket, is_tls: bool) -> None:
        loop = asyncio.get_running_loop()
        if not is_tls:
            await loop.connect_accepted_socket(self._new_connection, connection)
            return
        assert self._tls is not None
        await loop.connect_accepted_socket(
            self._new_connection,
            connection,
            ssl=await self._tls(),
            ssl_handshake_timeout=self._timeouts.headers_seconds,
            ssl_shutdown_timeout=_TLS_SHUTDOWN_SECONDS,
        )

    async def run(self) -> None:
        """Keep the `Date` header right and cut off stalled clients, until cancelled."""
        try:
            while True:
                self._set_date()
                for connection in self._connections():
                    connection.close_if_stalled(self._timeouts, tick_seconds=TICK_SECONDS)
                if self._arrivals is not None:
                    self._arrivals.end_silent(after_seconds=self._timeouts.headers_seconds)
                await asyncio.sleep(TICK_SECONDS)
        finally:
            self.close()

    async def drain(self, *, timeout_seconds: float) -> bool:
        """Stop accepting, let requests in flight finish, then close; True when all of them finished in time."""
        self._stop_accepting()
        for connection in self._connections():
            connection.shutdown()
        is_complete = True
        try:
            async with asyncio.timeout(timeout_seconds):
                if self._state.tasks:
                    await asyncio.wait(set(self._state.tasks))
                await self._state.all_gone.wait()  # an answer may still wait for its client to read it
        except TimeoutError:
            is_complete = False
        self._close_connections()  # what runs on after its answer is disturbed no earlier than it must be
        return is_complete

    def close(self) -> None:
        """Close every socket and connection now; the requests in flight are cancelled, and what still runs of others."""
        self._close_connections()
        for task in list(self._state.running_on):
            task.cancel()

    async def _answer(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """What comes through ASGI begins in turn, too."""
        if scope["type"] == "http":
            host, path = host_of(scope["headers"]), scope["raw_path"]
            is_own_host = self._application.front_doors.find_by_host(host) is not None
            turn = self._turns.enter((None if is_own_host else invoked_function(path)) or whom(host, path, is_own_host=is_own_host))
            if turn is not None:
                await turn
        await self._application(scope, receive, send)

    def _close_connections(self) -> None:
        self._stop_accepting()
        if self._arrivals is not None:
            self._arrivals.close()
        for connection in self._connections():
            connection.abort()
        for task in list(self._state.tasks):
            task.cancel()

    def _connections(self) -> list[EdgeHttpProtocol]:
        return cast("list[EdgeHttpProtocol]", list(self._state.connections))

    def _stop_accepting(self) -> None:
        for served in list(self._served):
            served.close()

    def _new_connection(self) -> EdgeHttpProtocol:
        return EdgeHttpProtocol(
            self._config,
            self._state,
            {},
            invoke=self._application.invoke,
            front_doors=self._application.front_doors,
            turns=self._turns,
        )

    def _set_date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]


def _web_socket_protocol(**collaborators: Any) -> asyncio.Protocol:
    """Imported with the first WebSocket: it takes 20 ms, which nodes without any do not pay."""
    module: Any = importlib.import_module("alonzo.edge.web_socket_protocol")
    protocol: asyncio.Protocol = module.EdgeWebSocketProtocol(**collaborators)
    return protocol


def open_listening_socket(*, host: str, port: int) -> socket.socket:
    """A TCP socket that listens; port 0 means any free one. SetupError says who should do what when that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise SetupError(f"the host {host!r} is no address of this machine: {error}") from error
    listening_socket = socket.socket(family, kind, protocol)
    try:
        listening_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening_socket.bind(address)
        listening_socket.listen(BACKLOG)
    except OSError as error:
        with contextlib.suppress(OSError):
            listening_socket.close()
        raise SetupError(
            f"cannot listen on {host} port {port}: {error.strerror}; stop what uses it or choose another with --port"
        ) from error
    return listening_socket
