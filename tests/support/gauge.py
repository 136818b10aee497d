"""How many invocations run at once, as the functions see it: each holds a connection to the gauge while it runs."""

import contextlib
import select
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self

from tests.support.waiting import eventually

HOLDS_THE_GAUGE = """
import os, socket

def handler(event, context):
    with socket.create_connection(("127.0.0.1", event["port"]), timeout=100) as held:
        held.sendall((event.get("name", "") + "\\n").encode())
        held.recv(1)
    return {"type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "log_stream": context.log_stream_name}
"""
"""The event: {"port": of the gauge, "name": what it is}. It runs until the gauge lets it go."""


class Gauge:
    """Used in `with`. Invocations are let go after so many seconds, and while `hold` is on not until `release`."""

    def __init__(self, *, hold_seconds: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._released.set()
        self._connections: set[socket.socket] = set()
        self.most = 0
        self.names: list[str] = []
        gauge = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                name = self.rfile.readline().decode().strip()
                gauge._enter(name, self.connection)
                try:
                    if hold_seconds:
                        select.select([self.connection], [], [], hold_seconds)  # it says nothing more: readable means that it has ended
                    gauge._released.wait(120)
                finally:
                    # What the function does after this it does not count as running: the gauge never shows too many.
                    gauge._leave(self.connection)
                with contextlib.suppress(OSError):  # it was killed meanwhile
                    self.wfile.write(b".")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 512

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hold(self) -> None:
        """Keep those that come from now on."""
        self._released.clear()

    def release(self) -> None:
        """Let all go, also those that come later."""
        self._released.set()

    def wait_for(self, count: int) -> None:
        """Until so many run."""
        eventually(lambda: self.running >= count, what=f"{count} invocations at once", within_seconds=60)

    def event(self, name: str = "") -> dict[str, object]:
        """What the function is to be invoked with."""
        return {"port": self.port, "name": name}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    @property
    def running(self) -> int:
        """How many run now."""
        with self._lock:
            return self._count()

    def _enter(self, name: str, connection: socket.socket) -> None:
        with self._lock:
            self.names.append(name)
            self._connections.add(connection)
            self.most = max(self.most, self._count())

    def _leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _count(self) -> int:
        return sum(not _has_ended(connection) for connection in self._connections)


def _has_ended(connection: socket.socket) -> bool:
    """Whether the function at the other side was killed, even if the thread that waits for it has not noticed yet."""
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
