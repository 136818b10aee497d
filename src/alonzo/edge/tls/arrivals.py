"""One port for HTTP and HTTPS: which of them a client speaks its first byte tells, looked at without being taken.

A TLS connection begins with a record of the type handshake (RFC 8446, 5.1), and no HTTP request with that byte.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable

_HANDSHAKE = b"\x16"
_ACCEPTED_AT_ONCE = 64
_PAUSE_SECONDS = 1.0
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_log = logging.getLogger(__name__)

Serve = Callable[[socket.socket, bool], Awaitable[None]]
"""Takes over a connection; the second argument says whether it is TLS."""


class Arrivals:
    """Connections of which nothing has come yet. In one event loop; `close` ends them and all that listens."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._since: dict[socket.socket, float] = {}
        self._listening: set[socket.socket] = set()
        self._handing: set[asyncio.Task[None]] = set()

    def listen(self, listening_socket: socket.socket) -> None:
        """Accept what comes; the socket is closed by `stop_listening` or `close`."""
        self._listening.add(listening_socket)
        self._loop.add_reader(listening_socket, self._accept, listening_socket)

    def stop_listening(self, listening_socket: socket.socket) -> None:
        """Accept no more; idempotent."""
        if listening_socket in self._listening:
            self._listening.discard(listening_socket)
            self._loop.remove_reader(listening_socket)
            listening_socket.close()

    def add(self, connection: socket.socket) -> None:
        """Wait for the first byte of a connection that somebody else has accepted."""
        connection.setblocking(False)
        if connection.family in {socket.AF_INET, socket.AF_INET6}:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._since[connection] = self._loop.time()
        self._loop.add_reader(connection, self._look, connection)

    def end_silent(self, *, after_seconds: float) -> None:
        """Close those that have said nothing for so long."""
        now = self._loop.time()
        for connection, since in list(self._since.items()):
            if now - since > after_seconds:
                self._forget(connection)
                connection.close()

    def close(self) -> None:
        """All of it, now."""
        for listening_socket in list(self._listening):
            self.stop_listening(listening_socket)
        for connection in list(self._since):
            self._forget(connection)
            connection.close()
        for task in self._handing:
            task.cancel()

    def _accept(self, listening_socket: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, _ = listening_socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    raise
                _log.error("no more connections can be taken: %s", error.strerror)
                self._loop.remove_reader(listening_socket)
                self._loop.call_later(_PAUSE_SECONDS, self._go_on, listening_socket)
                return
            self.add(connection)

    def _go_on(self, listening_socket: socket.socket) -> None:
        if listening_socket in self._listening:
            self._loop.add_reader(listening_socket, self._accept, listening_socket)

    def _look(self, connection: socket.socket) -> None:
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        self._forget(connection)
        if not first:
            connection.close()
            return
        task = self._loop.create_task(self._hand_over(connection, first == _HANDSHAKE))
        self._handing.add(task)
        task.add_done_callback(self._handing.discard)

    async def _hand_over(self, connection: socket.socket, is_tls: bool) -> None:
        try:
            await self._serve(connection, is_tls)
        except (OSError, asyncio.CancelledError) as error:  # a handshake that failed, or took too long, is the client's business
            connection.close()
            _log.debug("a connection has ended before its first request: %s", error)

    def _forget(self, connection: socket.socket) -> None:
        del self._since[connection]
        self._loop.remove_reader(connection)
