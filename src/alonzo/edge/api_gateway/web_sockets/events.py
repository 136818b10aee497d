"""What functions behind WebSocket APIs get.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html and events
recorded by many of its users.
"""

from base64 import b64encode
from typing import Any

from alonzo.edge.api_gateway.web_sockets.connections import Connection
from alonzo.edge.http_events.payload_v1 import single_and_multi
from alonzo.edge.http_events.payload_v2 import request_time

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"

_CAPITALIZED = {
    name.lower(): name
    for name in (
        *("Host", "User-Agent", "Origin", "Sec-WebSocket-Extensions", "Sec-WebSocket-Key", "Sec-WebSocket-Version"),
        *("Sec-WebSocket-Protocol", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "Cookie"),
    )
}
_OF_DISCONNECT = frozenset({"Host", "X-Forwarded-For", "x-api-key"})
_NOT_SHOWN = frozenset({b"connection", b"upgrade"})


def connect_event(connection: Connection, *, request_id: str, at_ms: int) -> dict[str, Any]:
    """`$connect`; also what its authorizer gets, with `type` and `methodArn` beside it. `TooManyParameters`."""
    event = _with_headers(connection, all_headers=True)
    parameters, multi_parameters = single_and_multi(connection.request.parameters())
    if parameters:
        event |= {"queryStringParameters": parameters, "multiValueQueryStringParameters": multi_parameters}
    event["requestContext"] = request_context(connection, CONNECT, "CONNECT", request_id=request_id, at_ms=at_ms)
    return _with_stage(event, connection) | {"isBase64Encoded": False}


def message_event(connection: Connection, message: str | bytes, *, route_key: str, request_id: str, at_ms: int) -> dict[str, Any]:
    """A message of the client; binary ones in base64."""
    context = request_context(connection, route_key, "MESSAGE", request_id=request_id, at_ms=at_ms)
    context["messageId"] = request_id
    is_text = isinstance(message, str)
    body = message if isinstance(message, str) else b64encode(message).decode()
    return _with_stage({"requestContext": context}, connection) | {"body": body, "isBase64Encoded": not is_text}


def disconnect_event(connection: Connection, *, code: int, reason: str, request_id: str, at_ms: int) -> dict[str, Any]:
    """`$disconnect`: why it has ended is in the context."""
    event = _with_headers(connection, all_headers=False)
    context = request_context(connection, DISCONNECT, "DISCONNECT", request_id=request_id, at_ms=at_ms)
    context |= {"disconnectStatusCode": code, "disconnectReason": reason}
    return _with_stage(event | {"requestContext": context}, connection) | {"isBase64Encoded": False}


def request_context(connection: Connection, route_key: str, kind: str, *, request_id: str, at_ms: int) -> dict[str, Any]:
    """`requestContext`."""
    request = connection.request
    context: dict[str, Any] = {"routeKey": route_key}
    if connection.authorizer is not None:
        context["authorizer"] = connection.authorizer
    return context | {
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": request_time(at_ms),
        "messageDirection": "IN",
        "stage": connection.stage.name,
        "connectedAt": connection.connected_ms,
        "requestTimeEpoch": at_ms,
        "identity": {"userAgent": request.find_header(b"user-agent"), "sourceIp": request.source_ip},
        "requestId": request_id,
        "domainName": request.host_name,
        "connectionId": connection.connection_id,
        "apiId": connection.api.api_id,
    }


def _with_headers(connection: Connection, *, all_headers: bool) -> dict[str, Any]:
    pairs = [(_CAPITALIZED.get(name, name), value) for name, value in connection.request.forwarded_headers(drop=_NOT_SHOWN)]
    if not all_headers:
        pairs = [pair for pair in pairs if pair[0] in _OF_DISCONNECT]
    headers, multi_headers = single_and_multi(pairs)
    return {"headers": headers, "multiValueHeaders": multi_headers}


def _with_stage(event: dict[str, Any], connection: Connection) -> dict[str, Any]:
    return event | {"stageVariables": dict(connection.stage.variables)} if connection.stage.variables else event
