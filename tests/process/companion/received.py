"""Functions that show what they got."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.invoking import read_log
from tests.support.server import Server
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
SHOWS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"


def arn_of(name: str, *, account: str = ACCOUNT) -> str:
    """Of a function of the tests' region."""
    return f"arn:aws:lambda:us-east-1:{account}:function:{name}"


def events_of(server: Server, name: str, *, count: int, wanted: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    """The first `count` events that a function got, of those that are wanted; in the order in which it got them."""

    def find() -> list[Any] | None:
        events = [json.loads(line.partition("GOT ")[2]) for line in read_log(server, name) if line.startswith("GOT ")]
        found = [event for event in events if wanted(event)]
        return found if len(found) >= count else None

    return eventually(find, what=f"{count} events of {name}")[:count]
