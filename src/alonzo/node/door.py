"""How clients come in: by a port of the node's own, or handed over by the process that has it."""

from typing import Protocol

from alonzo.edge.server import HttpServer, open_listening_socket
from alonzo.node.configuration import Configuration
from alonzo.node.seat import HandedConnections, Seat


class Door(Protocol):
    """`port`: where functions find the endpoint."""

    port: int

    async def open(self, server: HttpServer) -> None:
        """Let clients in."""
        ...

    async def close(self) -> None:
        """Let no more in, before the server drains."""
        ...

    def abandon(self) -> None:
        """Give up what is held of the operating system."""
        ...


class ListeningDoor:
    """A port of one's own. SetupError when it cannot be had."""

    def __init__(self, configuration: Configuration) -> None:
        self._listener = open_listening_socket(host=configuration.host, port=configuration.port)
        self.port: int = self._listener.getsockname()[1]

    async def open(self, server: HttpServer) -> None:
        """As the protocol says."""
        await server.serve_socket(self._listener, is_public=True)

    async def close(self) -> None:
        """The server closes what it listens on itself."""

    def abandon(self) -> None:
        """As the protocol says."""
        self._listener.close()


class HandedDoor:
    """The port is the parent's (`workers.py`)."""

    def __init__(self, seat: Seat) -> None:
        self._connections = HandedConnections(seat.channel)
        self.port = seat.port

    async def open(self, server: HttpServer) -> None:
        """As the protocol says."""
        self._connections.open(server.serve_connection)

    async def close(self) -> None:
        """What has been handed over is still let in."""
        await self._connections.close()

    def abandon(self) -> None:
        """As the protocol says."""
        self._connections.abandon()
