"""uvicorn's HTTP protocol, with limits on what a client may withhold or pile up.

uvicorn bounds neither the time a client takes for its headers or body nor the size of the headers. Instead of a timer for each request
(a microsecond on the hot path), a connection notes when it last heard of its client, and the server looks through them once a second.

This class leans on attributes of `HttpToolsProtocol` (`cycle`, `flow`, `parser`), which is why the project pins uvicorn's minor version.
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from alonzo.edge.gathering_transport import GatheringTransport

HEADERS_MAX_BYTES = 65_536
"""AWS's load balancers take 64 KB of request line and headers in all."""

WHOLE_ANSWER = "alonzo.whole_answer"
"""The key of the scope under which a `WholeAnswer` is."""

_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)

_logger = logging.getLogger(__name__)
_SILENT_LOGGER = logging.Logger("aborted requests", level=logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTimeouts:
    """How long a connection may be silent, in seconds."""

    headers_seconds: float = 20.0
    body_seconds: float = 30.0
    keep_alive_seconds: float = 75.0
    """Longer than the pools of AWS's SDKs keep idle connections (60 s in most), so that the client closes first."""


class Connections(ServerState):
    """The connections of a server and the tasks that answer their requests; knows when the last connection is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.all_gone = asyncio.Event()
        self.all_gone.set()


class EdgeHttpProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._headers_began_at: float | None = self.loop.time()
        self._header_bytes = 0
        self._heard_at = self.loop.time()
        self._all_gone = server_state.all_gone

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        self.gathering = GatheringTransport(transport, self.loop)
        super().connection_made(self.gathering)
        self._all_gone.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.connections:
            self._all_gone.set()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if b"pgrade:" in data and not self._is_amid_body():
            data = without_upgrade(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]  # an offer that came in pieces: the parser took the request for one without a body
            if rest:
                self.data_received(rest)
        except httptools.HttpParserError as error:
            _logger.debug("refused a request that is not HTTP: %s", error)
            self._refuse(400, "Bad Request")
        self._watch_headers(len(data))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope[WHOLE_ANSWER] = WholeAnswer(self, cycle)  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """As in the base class, without a keep-alive timer for each answer: the server looks for idle connections once a second."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)

    def close_if_stalled(self, timeouts: HttpTimeouts) -> None:
        """Cut off a client that owes us bytes for too long. An answer that is being made is never disturbed."""
        now = self.loop.time()
        if self._headers_began_at is not None:
            if now - self._headers_began_at > timeouts.headers_seconds:
                self._refuse(408, "Request Timeout")
        elif self._is_amid_body():
            if not self.flow.read_paused and now - self._heard_at > timeouts.body_seconds:
                self._refuse(408, "Request Timeout")
        elif self._is_idle() and now - self._heard_at > timeouts.keep_alive_seconds:
            self.transport.close()

    def abort(self) -> None:
        """Drop the connection at once, whatever is being answered. uvicorn would log the cancelled request as a failure: not here."""
        if self.cycle is not None:
            self.cycle.logger = _SILENT_LOGGER
        self.transport.abort()

    def _watch_headers(self, received_bytes: int) -> None:
        """uvicorn makes a scope when a request begins and a cycle when its headers are complete: comparing them here costs a tenth of
        overriding the parser's callbacks."""
        if self.cycle is None or self.cycle.scope is not self.scope:
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

    def _refuse(self, status: int, phrase: str) -> None:
        """Answer, unless an answer has begun, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
        self.transport.close()


class WholeAnswer:
    """Answers one request with a complete message, in one call and one write: what ASGI's two `send`s do, without looking at every header.

    For the hot path: the caller vouches for the bytes of the head.
    """

    __slots__ = ("_cycle", "_protocol")

    def __init__(self, protocol: EdgeHttpProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle

    def send(self, head: bytes, body: bytes) -> bool:
        """`head`: status line and headers, each with its line end. False, and nothing is sent, if ASGI's way must be gone instead."""
        cycle = self._cycle
        if self._protocol.flow.write_paused or cycle.response_started:
            return False
        if cycle.disconnected:
            return True
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        closing = b"" if cycle.keep_alive else b"connection: close\r\n"
        default = b"".join(b"%b: %b\r\n" % header for header in cycle.default_headers)
        self._protocol.gathering.write_at_once(b"%b%b%bcontent-length: %d\r\n\r\n%b" % (head, default, closing, len(body), body))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


def without_upgrade(data: bytes) -> bytes:
    """The beginning of a request, its `Upgrade` header renamed (to a name as long).

    `Upgrade: h2c` and the like are offers, and HTTP/1.1 goes on when they are not taken (RFC 9110, 7.8): Java's HttpClient makes one with
    each first request. llhttp leaves the body unread when it sees one.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-offer:", head) + separator + rest
