"""WebSocket APIs, with a WebSocket client and boto3."""

import asyncio
import base64
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from tests.process.gateway.front import Front
from tests.support.waiting import eventually

CHAT = """
import base64, json, os
import boto3

seen = []

def handler(event, context):
    kind = event["requestContext"]["eventType"]
    if kind == "DISCONNECT" or (kind == "CONNECT" and "queryStringParameters" not in event):
        seen.append(event)
        return {"statusCode": 200}
    if kind == "CONNECT":
        seen.append(event)
        wanted = event["queryStringParameters"].get("answer")
        if wanted == "crash":
            raise ValueError("as asked")
        headers = {"Sec-WebSocket-Protocol": "chat"} if "protocol" in event["queryStringParameters"] else {}
        return {"statusCode": int(wanted or 200), "headers": headers}
    route = event["requestContext"]["routeKey"]
    if route == "post":
        client = boto3.client("apigatewaymanagementapi")
        content = json.loads(event["body"])
        client.post_to_connection(ConnectionId=content["to"], Data=content["text"].encode())
        return {"statusCode": 200}
    if route == "crash":
        raise ValueError("as asked")
    if route == "seen":
        return {"statusCode": 200, "body": json.dumps(seen)}
    return {"statusCode": 200, "body": json.dumps(event)}
"""


class Sockets:
    """A WebSocket API with the stage `dev`."""

    def __init__(self, front: Front) -> None:
        self.front = front
        made = front.v2.create_api(Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
        self.api_id = made["ApiId"]
        self.host = made["ApiEndpoint"].removeprefix("ws://")

    def add_route(self, key: str, function: str, **settings: Any) -> None:
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{self.front.arn(function)}/invocations"
        integration = self.front.v2.create_integration(
            ApiId=self.api_id, IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=uri
        )["IntegrationId"]
        self.front.v2.create_route(ApiId=self.api_id, RouteKey=key, Target=f"integrations/{integration}", **settings)

    def deploy(self) -> None:
        deployment = self.front.v2.create_deployment(ApiId=self.api_id)["DeploymentId"]
        self.front.v2.create_stage(ApiId=self.api_id, StageName="dev", DeploymentId=deployment, StageVariables={"color": "blue"})

    def run(self, story: Callable[[Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]], Awaitable[None]]) -> None:
        """`story` is given what opens connections. Those through TLS take a moment to end, which the client does not wait for."""
        ends: list[Any] = []

        async def told() -> None:
            async with aiohttp.ClientSession() as session:

                async def connect(path: str = "/dev", **settings: Any) -> aiohttp.ClientWebSocketResponse:
                    headers = {"Host": self.host} | settings.pop("headers", {})
                    scheme = "https" if "ssl" in settings else "http"
                    socket = await session.ws_connect(f"{scheme}://127.0.0.1:{self.front.port}{path}", headers=headers, **settings)
                    ends.append(socket.get_extra_info("socket"))
                    return socket

                async with asyncio.timeout(60):
                    await story(connect)
            await asyncio.to_thread(eventually, lambda: all(end.fileno() < 0 for end in ends), what="the end of every connection")

        asyncio.run(told())


@pytest.fixture(scope="module")
def chat(front: Front) -> Sockets:
    front.deploy("sockets", CHAT, Timeout=20)
    sockets = Sockets(front)
    for key in ("$connect", "$disconnect", "post", "crash"):
        sockets.add_route(key, "sockets")
    for key in ("$default", "seen"):
        sockets.add_route(key, "sockets", RouteResponseSelectionExpression="$default")
    sockets.deploy()
    return sockets


async def _ask(socket: aiohttp.ClientWebSocketResponse, **content: Any) -> Any:
    await socket.send_str(json.dumps(content))
    return json.loads(await socket.receive_str())


def test_messages_take_their_routes(chat: Sockets) -> None:
    async def story(connect: Any) -> None:
        async with await connect() as socket:
            event = await _ask(socket, action="unknown", n=1)
            context = event["requestContext"]
            assert (context["routeKey"], context["eventType"], context["stage"]) == ("$default", "MESSAGE", "dev")
            assert (context["apiId"], context["messageDirection"]) == (chat.api_id, "IN")
            assert len(context["connectionId"]) == 16
            assert event["body"] == '{"action": "unknown", "n": 1}'
            assert event["stageVariables"] == {"color": "blue"}
            await socket.send_str("no json")
            assert json.loads(await socket.receive_str())["body"] == "no json"
            await socket.send_bytes(b"\xff\x00")
            event = json.loads(await socket.receive_str())
            assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\x00", True)
            failed = await _ask(socket, action="crash")
            assert (failed["message"], failed["connectionId"]) == ("Internal server error", context["connectionId"])

    chat.run(story)


def test_they_go_through_tls(chat: Sockets, front: Front) -> None:
    context = ssl.create_default_context(cafile=str(front.server.data_directory / "tls" / "ca.pem"))

    async def story(connect: Any) -> None:
        async with await connect(ssl=context) as socket:
            assert (await _ask(socket, n=1))["requestContext"]["eventType"] == "MESSAGE"
            seen = (await _ask(socket, action="seen"))[-1]
            assert seen["headers"]["X-Forwarded-Proto"] == "https"

    chat.run(story)


def test_connecting_and_leaving_are_told(chat: Sockets) -> None:
    async def story(connect: Any) -> None:
        async with await connect("/dev?user=me&user=you", headers={"X-Name": "a"}) as socket:
            seen = (await _ask(socket, action="seen"))[-1]
            assert seen["requestContext"]["eventType"] == "CONNECT"
            assert seen["multiValueQueryStringParameters"] == {"user": ["me", "you"]}
            assert (seen["headers"]["x-name"], seen["headers"]["Host"]) == ("a", chat.host)
            connection_id = seen["requestContext"]["connectionId"]
            await socket.close(code=4001, message=b"bye")

        async def has_left() -> bool:
            async with await connect() as other:
                events = await _ask(other, action="seen")
            ends = [each["requestContext"] for each in events if each["requestContext"]["eventType"] == "DISCONNECT"]
            return any((each["connectionId"], each["disconnectStatusCode"]) == (connection_id, 4001) for each in ends)

        while not await has_left():
            pass

    chat.run(story)


def test_the_connect_route_decides(chat: Sockets) -> None:
    async def story(connect: Any) -> None:
        for answer, status in (("403", 403), ("401", 401), ("crash", 502)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await connect(f"/dev?answer={answer}")
            assert refused.value.status == status
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect("/nostage")
        assert refused.value.status == 403
        async with await connect("/dev?protocol=1", protocols=("other", "chat")) as socket:
            assert socket.protocol == "chat"

    chat.run(story)


def test_backends_post_to_connections(chat: Sockets, front: Front) -> None:
    address = f"{front.server.endpoint_url}/_aws/execute-api/{chat.api_id}/dev"
    import boto3

    management = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )

    async def story(connect: Any) -> None:
        async with await connect() as one, await connect() as two:
            one_id = (await _ask(one, n=1))["requestContext"]["connectionId"]
            await two.send_str(json.dumps({"action": "post", "to": one_id, "text": "from two"}))
            assert await one.receive_str() == "from two"
            await asyncio.to_thread(management.post_to_connection, ConnectionId=one_id, Data=b"from outside")
            assert await one.receive_str() == "from outside"
            told = await asyncio.to_thread(management.get_connection, ConnectionId=one_id)
            assert told["Identity"]["SourceIp"] == "127.0.0.1"
            assert told["LastActiveAt"] >= told["ConnectedAt"]
            await asyncio.to_thread(management.delete_connection, ConnectionId=one_id)
            assert (await one.receive()).type is aiohttp.WSMsgType.CLOSE
            await one.close()
            for call in (management.get_connection, management.delete_connection):
                with pytest.raises(management.exceptions.GoneException):
                    await asyncio.to_thread(call, ConnectionId=one_id)
            with pytest.raises(management.exceptions.GoneException):
                await asyncio.to_thread(management.post_to_connection, ConnectionId=one_id, Data=b"x")

    chat.run(story)
    assert front.send("POST", "/dev/@connections/x", host=chat.host).status == 403  # not signed


def test_messages_without_a_route_are_forbidden_and_large_ones_end_the_connection(front: Front) -> None:
    sockets = Sockets(front)
    sockets.add_route("known", "echo")
    sockets.deploy()

    async def story(connect: Any) -> None:
        async with await connect() as socket:
            assert (await _ask(socket, action="unknown"))["message"] == "Forbidden"
            await _send_in_frames(socket, "x" * 32_768, "x" * 32_768)
            assert (await _ask(socket, action="unknown"))["message"] == "Forbidden"
            assert (await socket.receive_json())["message"] == "Forbidden"
            await socket.send_str("x" * 32_769)
            assert await _end_of(socket) == (1009, "Frame exceeds the maximum size (32768 bytes)")
        async with await connect() as socket:
            await _send_in_frames(socket, *["x" * 32_768] * 5)
            assert await _end_of(socket) == (1009, "Message exceeds the maximum size (131072 bytes)")

    sockets.run(story)


async def _send_in_frames(socket: aiohttp.ClientWebSocketResponse, *parts: str) -> None:
    """One message; the client has no public way."""
    writer: Any = socket._writer
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        opcode = aiohttp.WSMsgType.CONTINUATION if number else aiohttp.WSMsgType.TEXT
        await _write_frame(writer, part.encode(), opcode, is_last=is_last)


async def _write_frame(writer: Any, content: bytes, opcode: int, *, is_last: bool) -> None:
    """Masked with zeros (RFC 6455, 5.2), which leave it as it is."""
    length = len(content).to_bytes(2) if len(content) < 1 << 16 else b""
    writer.transport.write(bytes([opcode | (0x80 if is_last else 0), 0x80 | 126]) + length + bytes(4) + content)


async def _end_of(socket: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    message = await socket.receive()
    assert message.type == aiohttp.WSMsgType.CLOSE
    return message.data, message.extra or ""


def test_functions_authorize_connections(front: Front) -> None:
    source = """
def handler(event, context):
    effect = "Allow" if event["queryStringParameters"]["token"] == "good" else "Deny"
    policy = {"Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}]}
    return {"principalId": "me", "policyDocument": policy, "context": {"color": "red"}}
"""
    arn = front.deploy("socket-authorizer", source)
    sockets = Sockets(front)
    authorizer_id = front.v2.create_authorizer(
        ApiId=sockets.api_id,
        AuthorizerType="REQUEST",
        Name="a",
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        IdentitySource=["route.request.querystring.token"],
    )["AuthorizerId"]
    sockets.add_route("$connect", "echo", AuthorizationType="CUSTOM", AuthorizerId=authorizer_id)
    sockets.add_route("$default", "echo", RouteResponseSelectionExpression="$default")
    sockets.deploy()

    async def story(connect: Any) -> None:
        for query, status in (("", 401), ("?token=bad", 403)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await connect(f"/dev{query}")
            assert refused.value.status == status
        async with await connect("/dev?token=good") as socket:
            authorizer = (await _ask(socket, n=1))["requestContext"]["authorizer"]
            assert (authorizer["principalId"], authorizer["color"]) == ("me", "red")

    sockets.run(story)


def test_only_web_socket_apis_take_web_sockets(front: Front) -> None:
    api = front.http_api({"$default": "echo"})

    async def refused(host: str) -> int:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                await session.ws_connect(f"http://127.0.0.1:{front.port}/", headers={"Host": host})
            return error.value.status

    assert asyncio.run(refused(api.host)) == 404
    assert asyncio.run(refused(f"127.0.0.1:{front.port}")) != 101
