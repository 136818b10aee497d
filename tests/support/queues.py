"""What `/_alonzo/queues` says of a function's queue."""

import json
import urllib.request
from typing import Any

from tests.support.server import Server
from tests.support.waiting import eventually


def read_queue(server: Server, name: str) -> dict[str, Any]:
    """The figures of a function's queue; empty when nothing is known of it."""
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/queues", timeout=20) as response:
        queues = json.load(response)["queues"]
    return next((queue for queue in queues if queue["function_name"] == name), {})


def wait_for_queue(server: Server, name: str, *, within_seconds: float = 30.0, **figures: Any) -> dict[str, Any]:
    """The figures, once these are so."""

    def found() -> dict[str, Any] | None:
        queue = read_queue(server, name)
        return queue if queue.items() >= figures.items() else None

    return eventually(found, what=f"{figures} in the queue of {name}", within_seconds=within_seconds)
