"""The WebSocket connections that are open at this node, by their ids."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alonzo.clock import Clock
from alonzo.edge.api_gateway.http_api.configuration import Stage, VersionTwoApi
from alonzo.edge.http_events.request import HttpRequest
from alonzo.ids import IdSource


@dataclass(slots=True, kw_only=True)
class Connection:
    """`request`: the one that opened it. `send` sends a message, `close` ends it with a code."""

    connection_id: str
    api: VersionTwoApi
    stage: Stage
    request: HttpRequest
    connected_ms: int
    active_ms: int
    send: Callable[[bytes], Awaitable[None]]
    close: Callable[[int, str], Awaitable[None]]
    authorizer: dict[str, object] | None = None


class Connections:
    """Those that are open."""

    def __init__(self, *, ids: IdSource, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock
        self._open: dict[str, Connection] = {}

    def new_id(self) -> str:
        """As AWS writes them: 16 characters, the last of them an equals sign."""
        return base64.urlsafe_b64encode(bytes.fromhex(self._ids.new_hex_id(11))).decode()

    def add(self, connection: Connection) -> None:
        """It can be found from now on."""
        self._open[connection.connection_id] = connection

    def remove(self, connection: Connection) -> None:
        """It is gone."""
        self._open.pop(connection.connection_id, None)

    def find(self, connection_id: str) -> Connection | None:
        """None: there is none, or no more."""
        return self._open.get(connection_id)

    def note_activity(self, connection: Connection) -> None:
        """A message, either way."""
        connection.active_ms = self._clock.unix_ms()
