"""What front doors are made of, and who tells them of changes; nothing of it takes long to be imported."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from alonzo.aws.client.clients import AwsClients
from alonzo.clock import Clock
from alonzo.edge.asgi import Endpoint
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.node.cluster import Cluster
from alonzo.node.control_plane import ControlPlane

WRITES, CONNECTIONS = "gateway-writes", "web-sockets"
"""What workers tell and ask each other."""

_WITH_APIS = frozenset({"apigateway", "cloudformation"})
_WITH_LOAD_BALANCERS = frozenset({"elasticloadbalancing", "cloudformation"})


class GatewayWrites:
    """Tells those who keep what services hold that it has been written to, in all workers; made before them.

    `find_connection` answers other workers about WebSockets, as soon as there can be any.
    """

    def __init__(self, cluster: Cluster | None) -> None:
        self.drop_apis: Callable[[], None] | None = None
        self.drop_load_balancers: Callable[[], None] | None = None
        self.find_connection: Callable[[bytes], Awaitable[bytes]] | None = None
        self._cluster = cluster
        if cluster is not None:
            cluster.peers.answer(WRITES, self._on_told)
            cluster.peers.answer(CONNECTIONS, self._on_asked)

    async def note(self, service: str) -> None:
        """`service`: its signing name."""
        if service in _WITH_APIS | _WITH_LOAD_BALANCERS:
            self._drop(service)
            if self._cluster is not None:
                await self._cluster.collect(WRITES, service.encode())

    async def _on_told(self, service: bytes) -> bytes:
        self._drop(service.decode())
        return b""

    async def _on_asked(self, question: bytes) -> bytes:
        return b"" if self.find_connection is None else await self.find_connection(question)

    def _drop(self, service: str) -> None:
        if self.drop_apis is not None and service in _WITH_APIS:
            self.drop_apis()
        if self.drop_load_balancers is not None and service in _WITH_LOAD_BALANCERS:
            self.drop_load_balancers()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoorParts:
    """What front doors are made of."""

    control: ControlPlane
    calls: FunctionCalls
    acceptance: EventAcceptance
    services: AwsClients
    writes: GatewayWrites
    aws_api: Endpoint
    cluster: Cluster | None
    clock: Clock
