"""`@connections`: what backends do with connections that are open.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html

    POST, GET, DELETE  STAGE/@connections/ID     below an API's address, as `apigatewaymanagementapi` has it
    POST, GET, DELETE  /@connections/ID          at this server's own: connection ids are unique here
"""

import json
import re
import urllib.parse
from datetime import UTC, datetime

from alonzo.edge.api_gateway.answers import message_answer
from alonzo.edge.api_gateway.http_api.configuration import VersionTwoApi
from alonzo.edge.api_gateway.web_sockets.connections import Connection, Connections
from alonzo.edge.asgi import JSON_HEADER, Answer
from alonzo.edge.http_events.request import HttpRequest

MANAGEMENT_PREFIX = b"/@connections/"
_PATH = re.compile(rb"(?:/(?P<stage>[^/]+))?/(?:@|%40)connections/(?P<id>[^/]+)")
_MESSAGE_MAX_BYTES = 131_072


class ConnectionManagement:
    """Answers requests of `apigatewaymanagementapi`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def answer(self, api: VersionTwoApi | None, request: HttpRequest, path: bytes) -> Answer:
        """`api` None: whichever one the connection is of."""
        match = _PATH.fullmatch(path)
        if match is None:
            return message_answer(403, "Missing Authentication Token")
        if request.find_header(b"authorization") is None and b"X-Amz-Signature=" not in request.query:
            return message_answer(403, "Missing Authentication Token", headers=[_error_type("ForbiddenException")])
        connection = self._connections.find(urllib.parse.unquote(match["id"].decode("latin-1")))
        if connection is None or not _is_of(connection, api, match["stage"]):
            return _gone()
        try:
            return await self._perform(connection, request)
        except (OSError, RuntimeError):  # it is being closed
            return _gone()

    async def _perform(self, connection: Connection, request: HttpRequest) -> Answer:
        match request.method:
            case "POST":
                return await self._post(connection, request.body)
            case "GET":
                return _description(connection)
            case "DELETE":
                await connection.close(1000, "")
                return Answer(204, [], b"")
            case _:
                return message_answer(403, "Missing Authentication Token")

    async def _post(self, connection: Connection, content: bytes) -> Answer:
        if len(content) > _MESSAGE_MAX_BYTES:
            return message_answer(413, "Payload too large", headers=[_error_type("PayloadTooLargeException")])
        self._connections.note_activity(connection)
        await connection.send(content)
        return Answer(200, [JSON_HEADER], b"")


def _gone() -> Answer:
    return Answer(410, [JSON_HEADER, _error_type("GoneException")], b"")


def _is_of(connection: Connection, api: VersionTwoApi | None, stage: bytes | None) -> bool:
    if api is not None and connection.api.api_id != api.api_id:
        return False
    return stage is None or connection.stage.name.encode() == stage


def _description(connection: Connection) -> Answer:
    content = {
        "connectedAt": _time(connection.connected_ms),
        "identity": {"sourceIp": connection.request.source_ip, "userAgent": connection.request.find_header(b"user-agent") or ""},
        "lastActiveAt": _time(connection.active_ms),
    }
    return Answer(200, [JSON_HEADER], json.dumps(content).encode())


def _time(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error_type(name: str) -> tuple[bytes, bytes]:
    return b"x-amzn-errortype", name.encode()
