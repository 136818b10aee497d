"""The life of a WebSocket connection: `$connect`, its messages, `$disconnect`.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html; of the
limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
"""

import asyncio
import json
import logging
from base64 import b64decode
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.edge.api_gateway.answers import extended_request_id, message_answer
from alonzo.edge.api_gateway.http_api.authorizers import API_GATEWAY, NotAuthorized
from alonzo.edge.api_gateway.http_api.configuration import Route, VersionTwoApi
from alonzo.edge.api_gateway.http_api.requests import api_arn
from alonzo.edge.api_gateway.uris import function_of, with_stage_variables
from alonzo.edge.api_gateway.web_sockets.authorizers import WebSocketAuthorizers
from alonzo.edge.api_gateway.web_sockets.connections import Connection, Connections
from alonzo.edge.api_gateway.web_sockets.events import CONNECT, DISCONNECT, connect_event, disconnect_event, message_event
from alonzo.edge.api_gateway.web_sockets.routing import route_of
from alonzo.edge.asgi import Answer, Receive, Send, refuse_web_socket
from alonzo.edge.http_events.answers import MalformedAnswer
from alonzo.edge.http_events.request import HttpRequest, TooManyParameters
from alonzo.edge.service_calls import CallRefusal, FunctionNotCalled, ServiceCalls
from alonzo.ids import IdSource

_IDLE_SECONDS = 600.0
_LIFE_SECONDS = 7_200.0
_INTEGRATION_SECONDS = 29.0
_AT_ONCE_MAX = 16
"""Messages of one connection that functions run for at once; ours. A client that is ahead of them waits."""

_GOING_AWAY, _NO_STATUS, _ABNORMAL = 1001, 1005, 1006

_log = logging.getLogger(__name__)


class WebSocketFront:
    """Serves the connections of any WebSocket API."""

    def __init__(
        self, *, calls: ServiceCalls, authorizers: WebSocketAuthorizers, connections: Connections, ids: IdSource, clock: Clock
    ) -> None:
        self._calls = calls
        self._authorizers = authorizers
        self._connections = connections
        self._ids = ids
        self._clock = clock

    async def serve(self, api: VersionTwoApi, path: bytes, request: HttpRequest, receive: Receive, send: Send) -> None:
        """One connection, from its request to its end. `path`: a stage, and nothing else."""
        stage = api.stages.get(path.decode("latin-1").strip("/"))
        if stage is None or api.is_disabled:
            await refuse_web_socket(receive, send, message_answer(403, "Forbidden"))
            return
        now = self._clock.unix_ms()

        async def send_message(content: bytes) -> None:
            try:
                message = {"type": "websocket.send", "text": content.decode()}
            except UnicodeDecodeError:
                message = {"type": "websocket.send", "bytes": content}  # type: ignore[dict-item]
            await send(message)

        async def close(code: int, reason: str) -> None:
            await send({"type": "websocket.close", "code": code, "reason": reason})

        connection = Connection(
            connection_id=self._connections.new_id(),
            api=api,
            stage=stage,
            request=request,
            connected_ms=now,
            active_ms=now,
            send=send_message,
            close=close,
        )
        try:
            subprotocol = await self._connect(connection)
        except NotAuthorized as refusal:
            await refuse_web_socket(receive, send, refusal.answer)
            return
        await receive()
        self._connections.add(connection)
        code, reason = _ABNORMAL, ""
        try:
            await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})
            code, reason = await self._converse(connection, receive)
        finally:
            self._connections.remove(connection)
        await self._disconnect(connection, code, reason)

    async def _connect(self, connection: Connection) -> str | None:
        """The subprotocol that the integration has chosen. `NotAuthorized`."""
        route = connection.api.routes.get(CONNECT)
        if route is None:
            return None
        request_id = extended_request_id(self._ids)
        try:
            event = connect_event(connection, request_id=request_id, at_ms=self._clock.unix_ms())
            connection.authorizer = await self._authorizers.authorize(connection, route, event)
            if connection.authorizer is not None:
                event["requestContext"]["authorizer"] = connection.authorizer
            answer = await self._integrate(connection, route, event)
        except TooManyParameters as error:
            raise NotAuthorized(message_answer(400, "Bad Request")) from error
        except (FunctionNotCalled, MalformedAnswer) as error:
            _log.warning("%s: %s", route.key, error)
            is_late = isinstance(error, FunctionNotCalled) and error.refusal is CallRefusal.TIMED_OUT
            refusal = message_answer(504, "Endpoint request timed out") if is_late else message_answer(502, "Internal server error")
            raise NotAuthorized(refusal) from error
        status = answer.get("statusCode", 200)
        if not isinstance(status, int) or not 200 <= status < 300:  # noqa: PLR2004
            told = status if isinstance(status, int) and 400 <= status < 600 else 502  # noqa: PLR2004
            raise NotAuthorized(Answer(told, [], _body(answer)))
        headers = answer.get("headers")
        chosen = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
        protocol = chosen.get("sec-websocket-protocol")
        return protocol if isinstance(protocol, str) and protocol.isprintable() else None

    async def _converse(self, connection: Connection, receive: Receive) -> tuple[int, str]:
        """Until either side ends it: with which code, and why."""
        places = asyncio.Semaphore(_AT_ONCE_MAX)
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async with asyncio.timeout(self._left_seconds(connection)):
                        message = await receive()
                except TimeoutError:
                    if self._left_seconds(connection) > 0:
                        continue
                    await connection.close(_GOING_AWAY, "Going away")
                    return _GOING_AWAY, "Going away"
                if message["type"] != "websocket.receive":
                    return message.get("code") or _NO_STATUS, message.get("reason") or ""
                self._connections.note_activity(connection)
                content = message.get("text")
                content = message.get("bytes") if content is None else content
                await places.acquire()
                task = group.create_task(self._take(connection, content if content is not None else ""))
                task.add_done_callback(lambda _: places.release())

    def _left_seconds(self, connection: Connection) -> float:
        """Until its end, unless there is a message before. Those to the client count, too."""
        now = self._clock.unix_ms()
        left_ms = min(connection.active_ms + _IDLE_SECONDS * 1_000, connection.connected_ms + _LIFE_SECONDS * 1_000) - now
        return max(0.0, left_ms / 1_000)

    async def _take(self, connection: Connection, message: str | bytes) -> None:
        request_id = extended_request_id(self._ids)
        route = route_of(connection.api, message)
        if route is None or route.integration is None:
            await self._tell(connection, "Forbidden", request_id)
            return
        event = message_event(connection, message, route_key=route.key, request_id=request_id, at_ms=self._clock.unix_ms())
        try:
            answer = await self._integrate(connection, route, event)
            if route.has_route_response:
                content = _body(answer)
                if content:
                    await self._send(connection, content)
        except (FunctionNotCalled, MalformedAnswer) as error:
            _log.warning("%s: %s", route.key, error, extra={"request_id": request_id})
            await self._tell(connection, "Internal server error", request_id)
        except Exception:  # a message ends here, and the connection lives on
            _log.exception("a message of the connection %s", connection.connection_id, extra={"request_id": request_id})

    async def _disconnect(self, connection: Connection, code: int, reason: str) -> None:
        route = connection.api.routes.get(DISCONNECT)
        if route is None or route.integration is None:
            return
        request_id, now = extended_request_id(self._ids), self._clock.unix_ms()
        event = disconnect_event(connection, code=code, reason=reason, request_id=request_id, at_ms=now)
        try:
            await self._integrate(connection, route, event)
        except (FunctionNotCalled, MalformedAnswer) as error:
            _log.warning("%s: %s", route.key, error)

    async def _integrate(self, connection: Connection, route: Route, event: dict[str, Any]) -> dict[str, Any]:
        """The function's answer. `FunctionNotCalled`, `MalformedAnswer`."""
        integration = route.integration
        if integration is None or integration.kind == "MOCK":
            return {"statusCode": 200}
        arn = function_of(with_stage_variables(integration.uri, connection.stage.variables))
        if arn is None:
            raise MalformedAnswer(f"the integration {integration.uri[:200]} is of a kind that is not here")
        result = await self._calls.call(
            arn,
            event,
            service=None if integration.has_role else API_GATEWAY,
            source_arn=f"{api_arn(connection.api)}/{connection.stage.name}/{route.key}",
            timeout_seconds=min(integration.timeout_seconds, _INTEGRATION_SECONDS),
        )
        if result.function_error is not None:
            raise MalformedAnswer(f"{arn} has failed ({result.function_error})")
        try:
            answer = msgspec.json.decode(result.payload)
        except msgspec.DecodeError as error:
            raise MalformedAnswer(f"{arn} answers with something else than JSON") from error
        if isinstance(answer, dict) and "statusCode" in answer:
            return answer
        return {"statusCode": 200, "body": "" if answer is None else answer}

    async def _tell(self, connection: Connection, message: str, request_id: str) -> None:
        content = {"message": message, "connectionId": connection.connection_id, "requestId": request_id}
        await self._send(connection, json.dumps(content).encode())

    async def _send(self, connection: Connection, content: bytes) -> None:
        if self._connections.find(connection.connection_id) is connection:
            self._connections.note_activity(connection)
            await connection.send(content)


def _body(answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if answer.get("isBase64Encoded") is True:
        try:
            return b64decode(body, validate=True)
        except ValueError as error:
            raise MalformedAnswer("the body is not base64") from error
    return body.encode("utf-8", "replace")
