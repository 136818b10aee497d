"""uvicorn's HTTP protocol, with limits on what a client may withhold or pile up, and a short way for `Invoke` and functions' addresses.

uvicorn bounds neither the time a client takes for its headers or body nor the size of the headers. Instead of a timer for each request
(a microsecond on the hot path), a connection notes when it last heard of its client, and the server looks through them once a second.

A request whose body is not large is answered past ASGI, if it is an `Invoke` or a front door offers it: no scope, no messages, one task,
one write, 13 of 20 µs less. It is an `Exchange`, which stands where uvicorn has the cycle of its other requests.

This class leans on attributes of `HttpToolsProtocol` (`cycle`, `flow`, `parser`), which is why the project pins uvicorn's minor version.
"""

import asyncio
import logging
import re
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from alonzo.edge.asgi import CUT_OFF, Answer, InvokeEndpoint
from alonzo.edge.exchange import Exchange, message
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.gathering_transport import GatheringTransport
from alonzo.edge.http_events.request import HttpRequest
from alonzo.edge.invoke_path import invoked_function
from alonzo.edge.patience import BodyPace, HttpTimeouts, UnreadAnswers
from alonzo.edge.turns import Turns, whom

HEADERS_MAX_BYTES = 65_536
"""AWS's load balancers take 64 KB of request line and headers in all."""

_TELLING = frozenset({b"expect", b"host", b"transfer-encoding"})
_VERSIONS = frozenset({"1.1", "1.0"})
_BAD_REQUEST = (400, "Bad Request")
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)
_WEB_SOCKET = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_HOST = re.compile(rb"\r\nhost:([^\r\n]*)", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)

_logger = logging.getLogger(__name__)
_SILENT_LOGGER = logging.Logger("aborted requests", level=logging.CRITICAL + 1)


class Connections(ServerState):
    """The connections of a server and the tasks that answer their requests; knows when the last connection is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.all_gone = asyncio.Event()
        self.all_gone.set()
        self.running_on: set[asyncio.Task[None]] = set()
        """Tasks whose requests have been answered early; nobody waits for them."""


class EdgeHttpProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        invoke: InvokeEndpoint,
        front_doors: FrontDoors,
        turns: Turns,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._invoke = invoke
        self._turns = turns
        self._front_doors = front_doors
        self._exchange: Exchange | None = None
        """The one whose body is coming in."""
        self._is_amid_headers = False
        self._headers_began_at: float | None = self.loop.time()
        self._header_bytes = 0
        self._heard_at = self.loop.time()
        self._pace = BodyPace()
        self._unread = UnreadAnswers()
        self._host: bytes | None = None
        self._known_host = b""
        self._door_of_host = front_doors.find_by_host(b"")
        """Where `_known_host` leads: clients send the same one with each request of a connection."""
        self._is_long = False
        """Whether the headers may be longer than they may be."""
        self._refusal = _BAD_REQUEST
        self._all_gone = server_state.all_gone
        self._running_on = server_state.running_on

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        self.gathering = GatheringTransport(transport, self.loop)
        super().connection_made(self.gathering)
        self._all_gone.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # They hold this protocol, and a body perhaps, which need not wait for the collector of garbage.
        self.cycle = None  # type: ignore[assignment]
        self.scope = None  # type: ignore[assignment]
        if not self.connections:
            self._all_gone.set()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._is_amid_body():
            self._pace.note_raw(len(data))
        elif b"pgrade:" in data and not self._begins_web_socket(data):
            data = without_upgrade(data)
        self._is_long = self._header_bytes + len(data) > HEADERS_MAX_BYTES
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._should_upgrade():
                self._become_web_socket(rest)
                return
            if rest:  # an offer that came in pieces: the parser took the request for one without a body
                self.data_received(rest)
        except httptools.HttpParserError as error:
            _logger.debug("refused a request that is not HTTP: %s", error)
            self._refuse(*self._refusal)
        self._watch_headers(len(data))
        if self._pace.is_mostly_framing:
            self._refuse(*_BAD_REQUEST)

    # What httptools calls while it parses.

    def on_message_begin(self) -> None:
        """uvicorn's begins to fill a scope, which `Invoke` does without: that is made up for where it turns out to be needed."""
        self._is_amid_headers = True
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._host = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are dropped: behind a body, where nobody has looked, stands nothing that counts (RFC 9110, 6.5.1)."""
        name = name.lower()
        if not self._is_amid_headers:
            return
        if name in _TELLING:
            self._note_header(name, value)
        self.headers.append((name, value))

    def _note_header(self, name: bytes, value: bytes) -> None:
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"host":
            if self._host is not None:
                raise self._refused(400, "Bad Request")  # RFC 9112, 3.2
            self._host = value
        elif value.lower() != b"chunked" or self.parser.get_http_version() == "1.0":
            raise self._refused(501, "Not Implemented")  # RFC 9112, 6.1: whoever reads another coding reads other requests

    def on_headers_complete(self) -> None:
        self._is_amid_headers = False
        self._pace.begin()
        if self.url[:1] != b"/":
            self.url = self._origin_form(self.url)
        if self._is_long and _length_of(self.url, self.headers) > HEADERS_MAX_BYTES:
            raise self._refused(431, "Request Header Fields Too Large")
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            raise self._refused(505, "HTTP Version Not Supported")
        if self.parser.should_upgrade() and self._should_upgrade():
            return  # the parser stops, and what follows is a WebSocket's
        is_first = self.cycle is None or self.cycle.response_complete  # and not sent behind another one, whose answer must come before
        if is_first and not self.expect_100_continue:
            path, _, query_string = self.url.partition(b"?")
            host = self._host or b""
            if host != self._known_host:
                self._known_host, self._door_of_host = host, self._front_doors.find_by_host(host)
            door, function_name = self._door_of_host, None
            if door is None:
                function_name = invoked_function(path) if self.parser.get_method() == b"POST" else None
                if function_name is None:
                    door = self._front_doors.find_by_path(path)
            quick_way = None if door is None else door.find_quick_way(host, path)
            if quick_way is not None or function_name is not None:
                keep_alive = version != "1.0" and self.parser.should_keep_alive()
                exchange = Exchange(function_name, self.headers, query_string, keep_alive=keep_alive, before=self.cycle)
                if quick_way is not None:
                    exchange.whom = whom(host, path, is_own_host=self._door_of_host is not None)
                    exchange.take(quick_way, method=self.parser.get_method().decode("ascii"), path=path, protocol=f"HTTP/{version}")
                self._exchange = exchange
                self.cycle = cast(RequestResponseCycle, exchange)
                return
        self._go_through_asgi()

    def on_body(self, body: bytes) -> None:
        self._pace.note_body(len(body))
        exchange = self._exchange
        if exchange is None:
            super().on_body(body)
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self._exchange = None
            self.cycle = cast(RequestResponseCycle, exchange.before)
            self._go_through_asgi()
            super().on_body(exchange.body)

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is None:
            super().on_message_complete()
            return
        self._exchange = None
        exchange.before = None  # else each would hold the one before it, as long as the connection lives
        exchange.more_body = False
        task = self.loop.create_task(self._answer(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        exchange.task = task

    def _begins_web_socket(self, data: bytes) -> bool:
        """Whether this is the beginning of a request that asks a door for a WebSocket that takes them."""
        head = data.partition(b"\r\n\r\n")[0]
        line, host = head.split(b" ", 2), _HOST.search(head)
        if _WEB_SOCKET.search(head + b"\r\n") is None or host is None or len(line) < 3:  # noqa: PLR2004 - method, target, and the rest
            return False
        return self._takes_web_sockets(host[1].strip(), line[1])

    def _takes_web_sockets(self, host: bytes, target: bytes) -> bool:
        door = self._front_doors.find(host, target.partition(b"?")[0])
        return door is not None and door.takes_web_sockets

    def _should_upgrade(self) -> bool:
        """As in the base class; elsewhere HTTP goes on, as with any other offer."""
        return super()._should_upgrade() and self._takes_web_sockets(self._host or b"", self.url)

    def _become_web_socket(self, rest: bytes) -> None:
        """Hand the connection over, its request with it, to the protocol that answers the upgrade (`web_socket_protocol.py`)."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._refuse(400, "Bad Request")  # sent behind a request that is still being answered
            return
        lines = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            lines += [name, b": ", value, b"\r\n"]
        self.connections.discard(self)
        create: Any = self.config.ws_protocol_class
        protocol = create(config=self.config, server_state=self.server_state, app_state=self.app_state)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(b"".join(lines) + b"\r\n" + rest)

    def _go_through_asgi(self) -> None:
        url, headers, expects_continue = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects_continue
        self.headers += headers  # the list that is in the scope by now
        self.scope[CUT_OFF] = self.cut_off  # type: ignore[literal-required]
        super().on_headers_complete()

    async def _answer(self, exchange: Exchange) -> None:
        turn = self._turns.enter(exchange.whom)
        if turn is not None:
            await turn
        if exchange.function_name is not None:
            answer = await self._invoke.answer(exchange.function_name, exchange.headers, exchange.query_string, exchange.body)
        else:
            answer = await exchange.quick_way(self._request_of(exchange))
        if self.flow.write_paused:
            await self.flow.drain()
        if not exchange.disconnected:
            self._send(exchange, answer)

    def _answer_early(self, exchange: Exchange, answer: Answer) -> None:
        """The task goes on; what it answers then is for nobody, nor does a drain wait for it."""
        if exchange.disconnected or exchange.response_complete:
            return
        self._send(exchange, answer)
        exchange.disconnected = True
        running_on = self._running_on
        self.tasks.discard(exchange.task)
        running_on.add(exchange.task)
        exchange.task.add_done_callback(running_on.discard)

    def _send(self, exchange: Exchange, answer: Answer) -> None:
        exchange.response_started = exchange.response_complete = True
        is_head = exchange.method == "HEAD"
        self.gathering.write_at_once(message(answer, self.server_state.default_headers, keep_alive=exchange.keep_alive, is_head=is_head))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _request_of(self, exchange: Exchange) -> HttpRequest:
        return HttpRequest(
            method=exchange.method,
            path=exchange.path,
            query=exchange.query_string,
            headers=exchange.headers,
            body=exchange.body,
            source_ip=self.client[0] if self.client else "127.0.0.1",
            scheme=self.scheme or "http",
            protocol=exchange.protocol,
            answer_early=partial(self._answer_early, exchange),
        )

    def on_response_complete(self) -> None:
        """As in the base class, without a keep-alive timer for each answer: the server looks for idle connections once a second."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def close_if_stalled(self, timeouts: HttpTimeouts, *, tick_seconds: float) -> None:
        """Cut off a client that owes us bytes, or does not take its answer, for too long. An answer that is being made is not disturbed."""
        now = self.loop.time()
        if self._unread.is_stuck(self.transport.get_write_buffer_size(), now, timeouts):
            self.abort()
        elif self._headers_began_at is not None:
            if now - self._headers_began_at > timeouts.headers_seconds:
                self._refuse(408, "Request Timeout")
        elif self._is_amid_body():
            if self.flow.read_paused:
                return
            if now - self._heard_at > timeouts.body_seconds or self._pace.is_too_slow(tick_seconds, timeouts):
                self._refuse(408, "Request Timeout")
        elif self._is_idle() and now - self._heard_at > timeouts.keep_alive_seconds:
            self.transport.close()

    def cut_off(self) -> None:
        """End an answer that goes on without its end, once what there is of it is sent. uvicorn would log a failure of ours."""
        if self.cycle is not None:
            self.cycle.logger = _SILENT_LOGGER
        self.transport.close()

    def abort(self) -> None:
        """Drop the connection at once, whatever is being answered. uvicorn would log the cancelled request as a failure: not here."""
        if self.cycle is not None:
            self.cycle.logger = _SILENT_LOGGER
        self.transport.abort()

    def _watch_headers(self, received_bytes: int) -> None:
        if self._is_amid_headers or self.cycle is None:
            self._header_bytes += received_bytes
            if self._headers_began_at is None:
                self._headers_began_at = self._heard_at
            if self._header_bytes > HEADERS_MAX_BYTES:
                self._refuse(431, "Request Header Fields Too Large")
        elif self._headers_began_at is not None:
            self._headers_began_at = None
            self._header_bytes = 0

    def _is_amid_body(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body

    def _is_idle(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def _origin_form(self, target: bytes) -> bytes:
        """Of a request in the form that is sent to proxies, if it is for this host: RFC 9112, 3.2.2. None is one here."""
        form = _ABSOLUTE_FORM.fullmatch(target)
        if form is None or form[1].lower() != (self._host or b"").lower():
            raise self._refused(400, "Bad Request")
        return b"/" + form[2].lstrip(b"/")

    def _refused(self, status: int, phrase: str) -> "_Refused":
        self._refusal = (status, phrase)
        return _Refused(phrase)

    def _refuse(self, status: int, phrase: str) -> None:
        """Answer, unless an answer has begun, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()


class _Refused(Exception):
    """A request is not to be read any further."""


def _length_of(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def without_upgrade(data: bytes) -> bytes:
    """The beginning of a request, its `Upgrade` header renamed (to a name as long).

    `Upgrade: h2c` and the like are offers, and HTTP/1.1 goes on when they are not taken (RFC 9110, 7.8): Java's HttpClient makes one with
    each first request. llhttp leaves the body unread when it sees one.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-offer:", head) + separator + rest
