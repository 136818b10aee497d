"""APIs are the same at every worker: changes are seen by all of them, and so are WebSockets."""

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.process.gateway.conftest import ECHO
from tests.process.gateway.front import Front
from tests.support.server import Server

pytestmark = pytest.mark.thorough

REQUESTS = 12
"""So many connections reach every one of three workers, but for one time in a hundred; then a test shows less than it could."""


def test_all_workers_see_a_change_at_once(server: Server) -> None:
    front = Front(server)
    front.deploy("api-echo", ECHO)
    api = front.http_api({"GET /x": "api-echo"})
    assert {api.send("GET", "/x").status for _ in range(REQUESTS)} == {200}
    assert {api.send("GET", "/y").status for _ in range(REQUESTS)} == {404}
    route_id = api.add_route("GET /y", front.arn("api-echo"))
    assert {api.send("GET", "/y").status for _ in range(REQUESTS)} == {200}
    front.v2.delete_route(ApiId=api.api_id, RouteId=route_id)
    assert {api.send("GET", "/y").status for _ in range(REQUESTS)} == {404}


def test_connections_are_found_wherever_they_are(server: Server) -> None:
    front = Front(server)
    front.deploy("socket-echo", ECHO)
    made = front.v2.create_api(Name="sockets", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    integration = front.v2.create_integration(
        ApiId=made["ApiId"], IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=front.arn("socket-echo")
    )["IntegrationId"]
    front.v2.create_route(
        ApiId=made["ApiId"], RouteKey="$default", Target=f"integrations/{integration}", RouteResponseSelectionExpression="$default"
    )
    front.v2.create_stage(ApiId=made["ApiId"], StageName="dev", AutoDeploy=True)
    management = server.client("apigatewaymanagementapi")

    async def story() -> None:
        async with AsyncExitStack() as stack, asyncio.timeout(120):
            session = await stack.enter_async_context(aiohttp.ClientSession())
            url = f"{server.endpoint_url}/_aws/execute-api/{made['ApiId']}/dev"
            sockets = [await stack.enter_async_context(session.ws_connect(url)) for _ in range(REQUESTS)]
            ids = []
            for socket in sockets:
                await socket.send_str("who am I?")
                ids.append(json.loads(await socket.receive_str())["requestContext"]["connectionId"])
            for number, connection_id in enumerate(ids):
                await asyncio.to_thread(management.post_to_connection, ConnectionId=connection_id, Data=f"{number}".encode())
            assert [await socket.receive_str() for socket in sockets] == [f"{number}" for number in range(REQUESTS)]

    asyncio.run(story())
