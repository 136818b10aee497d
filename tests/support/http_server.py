"""HTTP servers that tests run themselves, for what is tested to call."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLSocket
from threading import Thread
from typing import Self


class LocalHttpServer(ThreadingHTTPServer):
    """Started and ended by `with`; callers may connect from the beginning, and wait until it is started."""

    request_queue_size = 256

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """Where it is reached."""
        scheme = "https" if isinstance(self.socket, SSLSocket) else "http"
        return f"{scheme}://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class LocalHttpHandler(BaseHTTPRequestHandler):
    """Answers requests, and logs none."""

    def body(self) -> bytes:
        """All that was sent."""
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, body: bytes = b"", *, status: int = 200) -> None:
        """Send it with its length."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
