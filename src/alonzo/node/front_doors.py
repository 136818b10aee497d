"""Functions' own addresses, wired: which host names and paths lead to what."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from alonzo.aws.client.clients import AwsClients
from alonzo.clock import Clock
from alonzo.edge.api_gateway.apis import Apis
from alonzo.edge.api_gateway.authorizer_results import AuthorizerResults
from alonzo.edge.api_gateway.door import ApiDoor
from alonzo.edge.api_gateway.http_api.authorizers import HttpApiAuthorizers
from alonzo.edge.api_gateway.http_api.front import HttpApiFront
from alonzo.edge.api_gateway.jwt import TokenVerifier
from alonzo.edge.api_gateway.outgoing import Outgoing
from alonzo.edge.api_gateway.places import HOST_LABEL as API_LABEL
from alonzo.edge.api_gateway.places import PATH_PREFIX as API_PREFIX
from alonzo.edge.api_gateway.places import USER_REQUEST_PREFIX
from alonzo.edge.api_gateway.rest_api.authorizers import RestAuthorizers
from alonzo.edge.api_gateway.rest_api.front import RestApiFront
from alonzo.edge.api_gateway.rest_api.integrations import RestIntegrations
from alonzo.edge.api_gateway.rest_api.usage import Usage
from alonzo.edge.api_gateway.signers import Signers
from alonzo.edge.api_gateway.throttling import RateLimits
from alonzo.edge.api_gateway.web_sockets.authorizers import WebSocketAuthorizers
from alonzo.edge.api_gateway.web_sockets.connections import Connections
from alonzo.edge.api_gateway.web_sockets.front import WebSocketFront
from alonzo.edge.api_gateway.web_sockets.management import MANAGEMENT_PREFIX, ConnectionManagement
from alonzo.edge.asgi import Endpoint
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.function_urls.access import UrlAccess, known_secrets
from alonzo.edge.function_urls.door import HOST_LABEL, PATH_PREFIX, FunctionUrlDoor
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.edge.load_balancer.door import HOST_LABEL as BALANCER_LABEL
from alonzo.edge.load_balancer.door import PATH_PREFIX as BALANCER_PREFIX
from alonzo.edge.load_balancer.door import LoadBalancerDoor
from alonzo.edge.load_balancer.reading import LoadBalancers
from alonzo.edge.service_calls import ServiceCalls
from alonzo.ids import IdSource
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.node.control_plane import ControlPlane

_WITH_LOAD_BALANCERS = frozenset({"elasticloadbalancing", "cloudformation"})
_WITH_APIS = frozenset({"apigateway", "cloudformation"})


class GatewayWrites:
    """Tells those who keep what services hold that it has been written to; made before them."""

    def __init__(self) -> None:
        self.apis: Apis | None = None
        self.load_balancers: LoadBalancers | None = None

    def note(self, service: str) -> None:
        """`service`: its signing name."""
        if self.apis is not None and service in _WITH_APIS:
            self.apis.drop()
        if self.load_balancers is not None and service in _WITH_LOAD_BALANCERS:
            self.load_balancers.drop()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoorParts:
    """What front doors are made of."""

    control: ControlPlane
    calls: FunctionCalls
    acceptance: EventAcceptance
    services: AwsClients
    writes: GatewayWrites
    aws_api: Endpoint
    clock: Clock


def wire_front_doors(parts: FrontDoorParts, resources: AsyncExitStack) -> FrontDoors:
    """All of them. What they hold is closed with `resources`."""
    control, clock = parts.control, parts.clock
    access = UrlAccess(policies=control.function_policies, find_secrets=known_secrets, clock=clock)
    urls = FunctionUrlDoor(urls=control.urls, access=access, calls=parts.calls, clock=clock)
    calls = ServiceCalls(calls=parts.calls, acceptance=parts.acceptance, policies=control.function_policies)
    resources.push_async_callback(calls.aclose)
    apis = _wire_apis(parts, calls, resources)
    load_balancers = parts.writes.load_balancers = LoadBalancers(services=parts.services, clock=clock)
    resources.push_async_callback(load_balancers.aclose)
    balancers = LoadBalancerDoor(load_balancers=load_balancers, calls=calls, ids=IdSource())
    return FrontDoors(
        by_label={HOST_LABEL: urls, API_LABEL: apis, BALANCER_LABEL: balancers},
        by_path={PATH_PREFIX: urls, API_PREFIX: apis, USER_REQUEST_PREFIX: apis, MANAGEMENT_PREFIX: apis, BALANCER_PREFIX: balancers},
    )


def _wire_apis(parts: FrontDoorParts, calls: ServiceCalls, resources: AsyncExitStack) -> ApiDoor:
    clock, ids = parts.clock, IdSource()
    apis = parts.writes.apis = Apis(services=parts.services, clock=clock)
    resources.push_async_callback(apis.aclose)
    outgoing = Outgoing(services=parts.services)
    resources.push_async_callback(outgoing.aclose)
    verifier, results = TokenVerifier(outgoing=outgoing, clock=clock), AuthorizerResults(clock=clock)
    signers, limits = Signers(find_secrets=known_secrets, clock=clock), RateLimits(clock=clock)
    http_apis = HttpApiFront(
        calls=calls,
        services=parts.services,
        authorizers=HttpApiAuthorizers(calls=calls, verifier=verifier, results=results, signers=signers),
        limits=limits,
        outgoing=outgoing,
        ids=ids,
        clock=clock,
    )
    rest_apis = RestApiFront(
        integrations=RestIntegrations(calls=calls, outgoing=outgoing),
        authorizers=RestAuthorizers(calls=calls, verifier=verifier, results=results, signers=signers),
        usage=Usage(limits=limits, clock=clock),
        limits=limits,
        ids=ids,
        clock=clock,
    )
    connections = Connections(ids=ids, clock=clock)
    web_sockets = WebSocketFront(
        calls=calls,
        authorizers=WebSocketAuthorizers(calls=calls, results=results, signers=signers),
        connections=connections,
        ids=ids,
        clock=clock,
    )
    return ApiDoor(
        apis=apis,
        http_apis=http_apis,
        rest_apis=rest_apis,
        web_sockets=web_sockets,
        management=ConnectionManagement(connections),
        otherwise=parts.aws_api,
    )
