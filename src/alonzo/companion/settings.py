"""What the companion is told on its standard input: one line of JSON. The input ends when the node has."""

import json
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`socket_descriptor`: a Unix socket that listens, inherited. `endpoint_url`: the node's own endpoint, where Lambda is. `token`: with
    which the node believes that it is the companion who speaks.

    `state_directory`: where state is kept over restarts; None if it is not.
    """

    socket_descriptor: int
    endpoint_url: str
    token: str
    state_directory: str | None


def read_settings(source: IO[str]) -> Settings:
    """Blocks until the node has written them."""
    return Settings(**json.loads(source.readline()))
