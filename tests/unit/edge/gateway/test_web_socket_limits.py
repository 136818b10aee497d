"""How long a WebSocket may live, and how long be silent, in an event loop where nobody waits: its time goes on to what is due next."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from alonzo.edge.api_gateway.http_api.configuration import read_api
from alonzo.edge.api_gateway.web_sockets.authorizers import WebSocketAuthorizers
from alonzo.edge.api_gateway.web_sockets.connections import Connections
from alonzo.edge.api_gateway.web_sockets.front import WebSocketFront
from alonzo.edge.http_events.request import HttpRequest
from alonzo.ids import IdSource
from alonzo.model.scope import Scope

_REQUEST = HttpRequest(
    method="GET", path=b"/dev", query=b"", headers=[(b"host", b"x")], body=b"", source_ip="127.0.0.1", scheme="http", protocol="HTTP/1.1"
)
_GOING_AWAY = 1001


class _TravellingLoop(asyncio.SelectorEventLoop):
    """Also the clock of what runs in it."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def go_on(timeout: float | None) -> Any:
            self._seconds += timeout or 0.0
            return select(0)

        selector.select = go_on

    def time(self) -> float:
        return self._seconds

    def monotonic(self) -> float:
        return self._seconds

    def unix_ms(self) -> int:
        return round(self._seconds * 1_000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds, UTC)


class _Client:
    """`pauses`: the seconds before each of its messages; it is silent when it has sent all of them. `told_at`: when it gets messages."""

    def __init__(self, *pauses: float, told_at: tuple[float, ...] = ()) -> None:
        self._pauses: Iterator[float] = iter(pauses)
        self._told_at = told_at
        self.closed_at = 0.0
        self.code: int | None = None

    def talk(self) -> "_Client":
        with asyncio.Runner(loop_factory=_TravellingLoop) as runner:
            runner.run(self._talk())
        return self

    async def _talk(self) -> None:
        loop: Any = asyncio.get_running_loop()
        connections = Connections(ids=IdSource(), clock=loop)
        nothing: Any = None  # no route leads to a function
        front = WebSocketFront(
            calls=nothing,
            authorizers=WebSocketAuthorizers(calls=nothing, results=nothing, signers=nothing),
            connections=connections,
            ids=IdSource(),
            clock=loop,
        )
        api = read_api(
            Scope("000000000000", "us-east-1"),
            api={"ApiId": "abc", "RouteSelectionExpression": "$request.body.action"},
            routes=[],
            integrations=[],
            authorizers=[],
            stages=[{"StageName": "dev"}],
        )

        def tell() -> None:
            for connection in connections._open.values():
                connections.note_activity(connection)

        for at in self._told_at:
            loop.call_at(at, tell)
        async with asyncio.timeout(1_000_000):
            await front.serve(api, b"/dev", _REQUEST, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        pause = next(self._pauses, None)
        if pause is None:
            await asyncio.Future()
        await asyncio.sleep(pause or 0.0)
        return {"type": "websocket.receive", "text": "{}"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.closed_at, self.code = asyncio.get_running_loop().time(), message["code"]


def test_ten_minutes_of_silence_end_it() -> None:
    client = _Client(0, 599, 599).talk()
    assert (round(client.closed_at), client.code) == (599 + 599 + 600, _GOING_AWAY)


def test_what_the_client_is_told_is_no_silence() -> None:
    client = _Client(0, told_at=(500, 1_000)).talk()
    assert (round(client.closed_at), client.code) == (1_600, _GOING_AWAY)


def test_two_hours_end_it_whatever_is_said() -> None:
    client = _Client(0, *[500] * 20).talk()
    assert (round(client.closed_at), client.code) == (7_200, _GOING_AWAY)
