"""Functions that get batches from event sources, under the hand of the test: each tells what it got, and does with it what it is told."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.server import Server

_HANDLER = """
import json, os, urllib.request

def handler(event, context):
    request = urllib.request.Request(os.environ["SINK"], data=json.dumps(event).encode())
    with urllib.request.urlopen(request) as answer:
        told = json.load(answer)
    if "raise" in told:
        raise ValueError(told["raise"])
    return told["return"]
"""


class BatchSink:
    """Started and ended by `with`. `events`: in the order in which functions began with them.

    `decide`: what the function returns for an event; if it raises, the function fails. It may wait: the function waits with it.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.decide: Callable[[dict[str, Any]], Any] = lambda event: None
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.sink = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def deploy(self, server: Server, name: str, **configuration: Any) -> str:
        """Create a function that reports here; its name."""
        variables = {"Variables": {"SINK": f"http://127.0.0.1:{self._http.server_address[1]}"}}
        return server.deploy(name, _HANDLER, Environment=variables, **configuration)

    def take(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function that has got this event is told."""
        self.events.append(event)
        try:
            return {"return": self.decide(event)}
        except Exception as error:
            return {"raise": str(error)}


class _Http(ThreadingHTTPServer):
    sink: BatchSink
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(self.server.sink.take(event)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
