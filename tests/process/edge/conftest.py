"""A real server in a thread, with a handful of operations that know nothing of Lambda."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
import uvloop
from botocore.config import Config

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.requests import Headers
from alonzo.aws.service_model import ServiceModels
from alonzo.clock import SystemClock
from alonzo.edge.app import Application, OwnRoutes
from alonzo.edge.asgi import Answer
from alonzo.edge.aws_api import AwsApi
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.health import health_routes
from alonzo.edge.operations import CallContext
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.server import HttpServer, open_listening_socket
from alonzo.errors import AlonzoError
from alonzo.ids import new_uuid


class OutOfPaper(AlonzoError):
    """A fact of the domain, for the tests."""


@dataclass
class RunningEdge:
    """The server under test. Requests for the function `slow` set `entered` and finish after `release`."""

    server: HttpServer
    loop: asyncio.AbstractEventLoop
    host: str
    port: int
    release: asyncio.Event
    entered: asyncio.Event
    calls: list[tuple[CallContext, dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def run(self, coroutine: Any, timeout_seconds: float = 10.0) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_seconds)

    def client(self, service: str, *, account_id: str = "123456789012", region: str = "eu-west-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account_id,
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 0}, parameter_validation=False, read_timeout=10),
        )

    def send(self, data: bytes, *, half_close: bool = False) -> bytes:
        """Bytes in, bytes out until the server closes. TimeoutError when it does not."""
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            received = bytearray()
            # Reset, at any step: the server closes while garbage is still coming in. What it has answered is there to be read.
            with suppress(ConnectionError):
                connection.sendall(data)
                if half_close:
                    with suppress(OSError):  # not connected any more
                        connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while part := connection.recv(65_536):
                    received += part
            return bytes(received)


class EchoInvoke:
    async def answer(self, function_name: str, headers: Headers, query_string: bytes, body: bytes | None) -> Answer:
        del headers, query_string
        assert body is not None
        return Answer(200, [(b"x-function-name", function_name.encode())], body)


def operations_of(edge: "RunningEdge") -> dict[str, Any]:
    async def list_functions(context: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        edge.calls.append((context, parameters))
        return {"Functions": [{"FunctionName": "a"}], "NextMarker": None}

    async def get_function(context: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        match parameters["FunctionName"]:
            case "slow":
                edge.entered.set()
                await edge.release.wait()
                return {"Tags": {"waited": "yes"}}
            case "paperless":
                raise OutOfPaper("no paper")
            case "broken":
                raise RuntimeError("a bug")
            case name:
                raise ApiError(code="ResourceNotFoundException", message=f"Function not found: {name}")

    async def create_function(context: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        return {"FunctionName": parameters["FunctionName"], "CodeSize": len(parameters["Code"]["ZipFile"])}

    return {**refusals(), "ListFunctions": list_functions, "GetFunction": get_function, "CreateFunction": create_function}


def refusals() -> dict[str, Any]:
    """Operations of a server on which nothing exists, and nothing ever will."""

    async def refuse(context: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        raise ApiError(code="ResourceNotFoundException", message="There is nothing here.")

    names = ("ListFunctions", "GetFunction", "CreateFunction", "UpdateFunctionConfiguration", "CreateAlias", "TagResource")
    return dict.fromkeys((*names, "CreateEventSourceMapping"), refuse)


def translate(error: AlonzoError) -> ApiError:
    return ApiError(code="ServiceQuotaExceededException", message=str(error))


@contextmanager
def running_edge(timeouts: HttpTimeouts, *, is_empty: bool = False) -> Iterator[RunningEdge]:
    ready = threading.Event()
    edges: list[RunningEdge] = []
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        operations: dict[str, dict[str, Any]] = {"lambda": {}, "logs": {}}
        api = AwsApi(
            audit=lambda _: None,
            models=ServiceModels(),
            operations=operations,
            callers=CallerDirectory(),
            translate_error=translate,
            new_request_id=new_uuid,
        )
        routes = OwnRoutes(exact=health_routes(version="9.9", services=["lambda", "logs"], clock=SystemClock()), prefixes={})
        application = Application(invoke=EchoInvoke(), front_doors=FrontDoors(by_label={}, by_path={}), own_routes=routes, aws_api=api)
        server = HttpServer(application=application, timeouts=timeouts, tls=None)
        served = await server.serve_socket(open_listening_socket(host="127.0.0.1", port=0))
        host, port = served.address[0], served.address[1]  # type: ignore[index]
        edge = RunningEdge(
            server=server, loop=asyncio.get_running_loop(), host=host, port=port, release=asyncio.Event(), entered=asyncio.Event()
        )
        operations["lambda"].update(refusals() if is_empty else operations_of(edge))
        running = asyncio.ensure_future(server.run())
        stop.append(lambda: edge.loop.call_soon_threadsafe(running.cancel))
        edges.append(edge)
        ready.set()
        await asyncio.wait([running])

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield edges[0]
    finally:
        stop[0]()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def edge() -> Iterator[RunningEdge]:
    with running_edge(HttpTimeouts()) as running:
        yield running


@pytest.fixture(scope="module")
def empty_edge() -> Iterator[RunningEdge]:
    """A server that refuses every well-formed request too."""
    with running_edge(HttpTimeouts(), is_empty=True) as running:
        yield running


@pytest.fixture
def own_edge() -> Iterator[RunningEdge]:
    """A server for one test, that it may stop."""
    with running_edge(HttpTimeouts()) as running:
        yield running


@pytest.fixture
def impatient_edge() -> Iterator[RunningEdge]:
    """A server that does not wait for stalled clients."""
    with running_edge(HttpTimeouts(headers_seconds=0.2, body_seconds=0.2)) as running:
        yield running
