"""API Gateway and load balancers, wired; imported with the first request for one."""

from contextlib import AsyncExitStack

from alonzo.edge.api_gateway.apis import Apis
from alonzo.edge.api_gateway.authorizer_results import AuthorizerResults
from alonzo.edge.api_gateway.door import ApiDoor
from alonzo.edge.api_gateway.http_api.authorizers import HttpApiAuthorizers
from alonzo.edge.api_gateway.http_api.front import HttpApiFront
from alonzo.edge.api_gateway.jwt import TokenVerifier
from alonzo.edge.api_gateway.outgoing import Outgoing
from alonzo.edge.api_gateway.rest_api.authorizers import RestAuthorizers
from alonzo.edge.api_gateway.rest_api.front import RestApiFront
from alonzo.edge.api_gateway.rest_api.integrations import RestIntegrations
from alonzo.edge.api_gateway.rest_api.usage import Usage
from alonzo.edge.api_gateway.signers import Signers
from alonzo.edge.api_gateway.throttling import RateLimits
from alonzo.edge.api_gateway.web_sockets.authorizers import WebSocketAuthorizers
from alonzo.edge.api_gateway.web_sockets.connections import Connections
from alonzo.edge.api_gateway.web_sockets.front import WebSocketFront
from alonzo.edge.api_gateway.web_sockets.management import ConnectionManagement
from alonzo.edge.function_urls.access import known_secrets
from alonzo.edge.load_balancer.door import LoadBalancerDoor
from alonzo.edge.load_balancer.reading import LoadBalancers
from alonzo.edge.service_calls import ServiceCalls
from alonzo.ids import IdSource
from alonzo.node.front_door_parts import CONNECTIONS, FrontDoorParts


def wire_apis(parts: FrontDoorParts, calls: ServiceCalls, resources: AsyncExitStack) -> ApiDoor:
    """APIs of all kinds."""
    clock, ids = parts.clock, IdSource()
    apis = Apis(services=parts.services, clock=clock)
    parts.writes.drop_apis = apis.drop
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
    cluster = parts.cluster
    management = ConnectionManagement(
        connections, ask_others=None if cluster is None else lambda question: cluster.collect(CONNECTIONS, question)
    )
    parts.writes.find_connection = management.answer_other
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
        management=management,
        otherwise=parts.aws_api,
    )


def wire_load_balancers(parts: FrontDoorParts, calls: ServiceCalls, resources: AsyncExitStack) -> LoadBalancerDoor:
    """Load balancers."""
    load_balancers = LoadBalancers(services=parts.services, clock=parts.clock)
    parts.writes.drop_load_balancers = load_balancers.drop
    resources.push_async_callback(load_balancers.aclose)
    return LoadBalancerDoor(load_balancers=load_balancers, calls=calls, ids=IdSource())
