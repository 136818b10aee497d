"""Functions that get batches from event sources, under the hand of the test: each tells what it got, and does with it what it is told."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.http_server import LocalHttpHandler, LocalHttpServer
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


class BatchSink(LocalHttpServer):
    """Started and ended by `with`. `events`: in the order in which functions began with them.

    `decide`: what the function returns for an event; if it raises, the function fails. It may wait: the function waits with it.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.events: list[dict[str, Any]] = []
        self.decide: Callable[[dict[str, Any]], Any] = lambda event: None

    def deploy(self, server: Server, name: str, **configuration: Any) -> str:
        """Create a function that reports here; its name."""
        return server.deploy(name, _HANDLER, Environment={"Variables": {"SINK": self.url}}, **configuration)

    def take(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function that has got this event is told."""
        self.events.append(event)
        try:
            return {"return": self.decide(event)}
        except Exception as error:
            return {"raise": str(error)}


class _Handler(LocalHttpHandler):
    server: BatchSink

    def do_POST(self) -> None:
        self.answer(json.dumps(self.server.take(json.loads(self.body()))).encode())
