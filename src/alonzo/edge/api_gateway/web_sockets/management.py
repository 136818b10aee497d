"""`@connections`: what backends do with connections that are open.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html

    POST, GET, DELETE  STAGE/@connections/ID     below an API's address, as `apigatewaymanagementapi` has it
    POST, GET, DELETE  /@connections/ID          at this server's own: connection ids are unique here
"""

import json
import re
import urllib.parse
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from alonzo.edge.api_gateway.answers import message_answer
from alonzo.edge.api_gateway.http_api.configuration import VersionTwoApi
from alonzo.edge.api_gateway.web_sockets.connections import Connection, Connections
from alonzo.edge.asgi import JSON_HEADER, Answer
from alonzo.edge.http_events.request import HttpRequest

_PATH = re.compile(rb"(?:/(?P<stage>[^/]+))?/(?:@|%40)connections/(?P<id>[^/]+)")
_MESSAGE_MAX_BYTES = 131_072


class _Question(msgspec.Struct, frozen=True):
    """A request that another worker has, for a connection that it does not hold."""

    connection_id: str
    api_id: str | None
    stage: str | None
    method: str
    content: bytes


class ConnectionManagement:
    """Answers requests of `apigatewaymanagementapi`. `ask_others`: what other workers answer, if there are any."""

    def __init__(self, connections: Connections, *, ask_others: Callable[[bytes], Awaitable[list[bytes]]] | None) -> None:
        self._connections = connections
        self._ask_others = ask_others

    async def answer(self, api: VersionTwoApi | None, request: HttpRequest, path: bytes) -> Answer:
        """`api` None: whichever one the connection is of."""
        match = _PATH.fullmatch(path)
        if match is None:
            return message_answer(403, "Missing Authentication Token")
        if request.find_header(b"authorization") is None and b"X-Amz-Signature=" not in request.query:
            return message_answer(403, "Missing Authentication Token", headers=[_error_type("ForbiddenException")])
        question = _Question(
            connection_id=urllib.parse.unquote(match["id"].decode("latin-1")),
            api_id=None if api is None else api.api_id,
            stage=None if match["stage"] is None else match["stage"].decode("latin-1"),
            method=request.method,
            content=request.body,
        )
        return await self._find_answer(question) or await self._answer_of_others(question) or _gone()

    async def answer_other(self, content: bytes) -> bytes:
        """To another worker: what is answered here; empty if the connection is not here."""
        answer = await self._find_answer(msgspec.msgpack.decode(content, type=_Question))
        return b"" if answer is None else msgspec.msgpack.encode(answer)

    async def _answer_of_others(self, question: _Question) -> Answer | None:
        if self._ask_others is None:
            return None
        answers = await self._ask_others(msgspec.msgpack.encode(question))
        return next((msgspec.msgpack.decode(answer, type=Answer) for answer in answers if answer), None)

    async def _find_answer(self, question: _Question) -> Answer | None:
        connection = self._connections.find(question.connection_id)
        if connection is None or not _is_of(connection, question):
            return None
        try:
            return await self._perform(connection, question)
        except (OSError, RuntimeError):  # it is being closed
            return _gone()

    async def _perform(self, connection: Connection, question: _Question) -> Answer:
        match question.method:
            case "POST":
                return await self._post(connection, question.content)
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


def _is_of(connection: Connection, question: _Question) -> bool:
    return question.api_id in {None, connection.api.api_id} and question.stage in {None, connection.stage.name}


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
