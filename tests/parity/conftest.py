"""Replays: real boto3 clients talk to a real server over HTTP, and what it answers is compared with what AWS answered."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.support.images import digest_of_name
from tests.support.server import zip_of

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.endpoints import AwsEndpoints
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.requests import Headers
from alonzo.aws.serialization import serialize_error
from alonzo.aws.service_model import ServiceModels
from alonzo.clock import SystemClock
from alonzo.edge.app import Application, OwnRoutes
from alonzo.edge.asgi import Answer
from alonzo.edge.aws_api import AwsApi
from alonzo.edge.error_table import to_api_error
from alonzo.edge.front_doors import FrontDoors
from alonzo.edge.lambda_api.code_links import CODE_PATH_PREFIX, CodeDownloads, CodeLinks
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.server import HttpServer, open_listening_socket
from alonzo.errors import AlonzoError
from alonzo.event_sources.transitions import MappingTransitions
from alonzo.functions.activation import Activations
from alonzo.functions.resolution import Resolution
from alonzo.ids import new_uuid
from alonzo.model.function import FunctionVersion
from alonzo.model.names import refer_to_function
from alonzo.model.scope import Scope
from alonzo.node.control_plane import open_control_plane
from alonzo.store.connection import connect
from alonzo.store.server import EmbeddedServer

ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/lambda-role"

_PLACEHOLDER = re.compile(r"<[a-z0-9_:-]+(?:\([0-9]+\))?>")
_FIXED = {"<partition>": "aws", "<region>": REGION}
_NOT_COMPARED = frozenset({"RequestId", "RetryAttempts", "MaxAttemptsReached", "HTTPHeaders"})
_WRAPPED = "CreateFunctionResponse"  # LocalStack's fixture wraps the answer


class Conversation:
    """One recorded conversation: the answers of AWS by name, and what its placeholders stand for in this replay."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers
        self._unchecked = set(answers)
        self._values: dict[str, Any] = {}

    def bind(self, placeholder: str, value: Any) -> None:
        """Say beforehand what a placeholder stands for."""
        self._values[placeholder] = value

    def recorded(self, name: str) -> dict[str, Any]:
        """The recorded answer itself, for the parameters that lead to it."""
        answer: dict[str, Any] = self._answers[name]
        return answer

    def check(self, name: str, answer: Any) -> Any:
        """The answer is the recorded one; returns it."""
        recorded = self._answers[name]
        if isinstance(recorded, dict):
            recorded = recorded.get(_WRAPPED, recorded)
        self._compare(recorded, answer, name)
        self._unchecked.discard(name)
        return answer

    def check_error(self, name: str, call: Callable[[], Any]) -> None:
        """The call fails with the recorded error."""
        with pytest.raises(ClientError) as raised:
            call()
        self.check(name, dict(raised.value.response))

    def check_violations(self, name: str, call: Callable[[], Any]) -> None:
        """The call fails with the recorded error, whose message was taken apart when it was recorded."""
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        match = re.fullmatch(r"(\d+) validation errors? detected: (.*)", error["Message"], re.DOTALL)
        if match is None:
            self.check(name, {"Code": error["Code"], "Message": error["Message"]})
        else:
            self.check(name, {"Code": error["Code"], "Count": int(match[1]), "Errors": sorted(match[2].split("; "))})

    def without(self, *names: str) -> None:
        """Answers to operations that this server does not have."""
        self._unchecked.difference_update(names)

    def assert_complete(self) -> None:
        assert not self._unchecked, f"recorded answers that were not compared: {sorted(self._unchecked)}"

    def _compare(self, recorded: Any, actual: Any, path: str) -> None:
        if isinstance(recorded, dict):
            assert isinstance(actual, dict), path
            names = {name for name in recorded if name not in _NOT_COMPARED}
            assert {name for name in actual if name not in _NOT_COMPARED} == names, path
            for name in sorted(names):
                self._compare(recorded[name], actual[name], f"{path}.{name}")
        elif isinstance(recorded, list):
            assert isinstance(actual, list), path
            assert len(actual) == len(recorded), path
            for index, (item, actual_item) in enumerate(zip(recorded, actual, strict=True)):
                self._compare(item, actual_item, f"{path}[{index}]")
        elif path.endswith(".LastModified"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", actual), path
        elif isinstance(recorded, str):
            self._compare_text(recorded, actual, path)
        else:
            assert actual == recorded, path

    def _compare_text(self, recorded: str, actual: Any, path: str) -> None:
        names = _PLACEHOLDER.findall(recorded)
        if names == [recorded]:
            self._match_placeholder(recorded, actual, path)
            return
        pattern = ""
        groups: dict[str, str] = {}
        for literal, name in zip(_PLACEHOLDER.split(recorded), [*names, None], strict=True):
            pattern += re.escape(literal)
            if name is None:
                continue
            if (value := self._find_value(name)) is not None:
                pattern += re.escape(value)
            elif name in groups.values():
                pattern += f"(?P={next(group for group, bound in groups.items() if bound == name)})"
            else:
                groups[f"p{len(groups)}"] = name
                pattern += f"(?P<p{len(groups) - 1}>.+?)"
        match = re.fullmatch(pattern, actual, re.DOTALL)
        assert match is not None, f"{path}: recorded {recorded!r}, answered {actual!r}"
        for group, name in groups.items():
            self._values[name] = match[group]

    def _match_placeholder(self, name: str, actual: Any, path: str) -> None:
        kind = name.partition(":")[0]
        if kind == "<code-size>":
            assert isinstance(actual, int), path
        elif (value := self._find_value(name)) is not None:
            assert actual == value, f"{path}: {name}"
        else:
            same = [other for other, value in self._values.items() if value == actual and other.partition(":")[0] == kind]
            assert not same, f"{path}: {name} has the value of {same}"
            self._values[name] = actual

    def _find_value(self, name: str) -> Any:
        repeated = re.fullmatch(r"<([a-z]):len\((\d+)\)>", name)
        if repeated is not None:
            return repeated[1] * int(repeated[2])
        return self._values.get(name, _FIXED.get(name))


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    content: dict[str, Any] = {}
    for file in sorted((Path(__file__).parent / "recorded").glob("*.json")):
        content |= json.loads(file.read_text())
    return content


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back at the replays runs after them."""
    items.sort(key=lambda item: item.path == Path(__file__).parent / "test_coverage.py")


@pytest.fixture(scope="session")
def replayed() -> set[str]:
    """The names of the conversations that were replayed until now."""
    return set()


@pytest.fixture
def replay(recorded: dict[str, Any], replayed: set[str]) -> Iterator[Callable[[str], Conversation]]:
    """Begins a conversation by its recorded name; all its answers must have been compared at the end of the test."""
    begun: list[Conversation] = []

    def begin(name: str) -> Conversation:
        replayed.add(name)
        begun.append(Conversation(recorded[name]))
        return begun[-1]

    yield begin
    for conversation in begun:
        conversation.assert_complete()


class ServerThread:
    """The control plane behind HTTP, in an event loop of its own thread."""

    url: str

    def __init__(self, data_directory: Path) -> None:
        self._data_directory = data_directory
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="server")
        self._may_activate = asyncio.Event()
        self._may_activate.set()
        self._stop = asyncio.Event()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def client(self, service: str = "lambda", *, region: str = REGION, account_id: str = ACCOUNT_ID) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=account_id,
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 0}, read_timeout=120),
        )

    def settle(self, name: str, *, account_id: str = ACCOUNT_ID) -> None:
        """Wait until no version of the function waits for its activation."""
        self._call(self._settle(Scope(account_id, REGION), name))

    @contextmanager
    def activations_held(self) -> Iterator[None]:
        """What is accepted meanwhile stays Pending or InProgress."""
        self._loop.call_soon_threadsafe(self._may_activate.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._may_activate.set)

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _settle(self, scope: Scope, name: str) -> None:
        settled = asyncio.Event()

        def look(*_: object) -> None:
            if not any(version.awaits_activation for version in self._functions.iter_versions(scope, name)):
                settled.set()

        unsubscribe = self._functions.subscribe(look)
        try:
            look()
            await settled.wait()
        finally:
            unsubscribe()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with self._serving():
                self._ready.set()
                await self._stop.wait()
        except BaseException as error:
            self._failure = error
            self._ready.set()
            raise

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            nats = await stack.enter_async_context(await EmbeddedServer.start(data_directory=self._data_directory))
            connection = await stack.enter_async_context(await connect(nats.url))
            clock = SystemClock()
            links = CodeLinks(key=b"secret", clock=clock)
            control = await open_control_plane(
                connection=connection,
                data_directory=self._data_directory,
                code_links=links,
                services=AwsClients(endpoints=AwsEndpoints()),
                resolve_image=digest_of_name,
                clock=clock,
            )
            self._functions = control.functions
            activations = Activations(records=control.records, code_directories=control.code_directories, activate=self._activate)
            models = ServiceModels()
            api = AwsApi(
                audit=lambda _: None,
                models=models,
                operations={"lambda": control.operations},
                callers=CallerDirectory(),
                translate_error=to_api_error,
                new_request_id=new_uuid,
            )
            downloads = CodeDownloads(links=links, blobs=control.blobs)
            routes = OwnRoutes(exact={}, prefixes={CODE_PATH_PREFIX: downloads})
            application = Application(
                invoke=ResolvingInvoke(control.resolution, models),
                front_doors=FrontDoors(by_label={}, by_path={}),
                own_routes=routes,
                aws_api=api,
            )
            server = HttpServer(application=application, timeouts=HttpTimeouts(), tls=None)
            served = await server.serve_socket(open_listening_socket(host="127.0.0.1", port=0))
            self.url = f"http://127.0.0.1:{served.address[1]}"  # type: ignore[index]
            async with asyncio.TaskGroup() as components:
                transitions = MappingTransitions(records=control.mappings, is_polled=lambda _: False, clock=SystemClock())
                running = [components.create_task(run()) for run in (*control.followers, transitions.run, activations.run, server.run)]
                try:
                    yield
                finally:
                    for component in running:
                        component.cancel()

    async def _activate(self, version: FunctionVersion) -> None:
        await self._may_activate.wait()


class ResolvingInvoke:
    """As much of Invoke as the registry decides: which version is meant. It runs nothing."""

    def __init__(self, resolution: Resolution, models: ServiceModels) -> None:
        self._resolution = resolution
        self._models = models
        self._callers = CallerDirectory()

    async def answer(self, function_name: str, headers: Headers, query_string: bytes, body: bytes | None) -> Answer:
        del body
        query = re.search(r"Qualifier=([^&]*)", query_string.decode())
        caller = self._callers.caller_of(headers, b"")
        try:
            reference = refer_to_function(function_name, None if query is None else unquote_plus(query[1]), caller.scope)
            version = self._resolution.get_invoked(reference)
        except AlonzoError as error:
            response = serialize_error(self._models.get("lambda"), to_api_error(error))
            return Answer(response.status, list(response.headers), response.body)
        return Answer(204, [(b"x-amz-executed-version", version.version.encode())], b"")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerThread]:
    thread = ServerThread(tmp_path_factory.mktemp("node"))
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def lambda_client(server: ServerThread) -> Any:
    return server.client()


class Requests:
    """The requests that most conversations have in common."""

    def __init__(self, server: ServerThread) -> None:
        self._server = server
        self.client = server.client()

    def zip_of(self, source: str = "def handler(event, context): return event\n", name: str = "handler.py") -> bytes:
        return zip_of({name: source})

    def create(self, name: str, **changes: Any) -> dict[str, Any]:
        """CreateFunction with what every function needs."""
        parameters: dict[str, Any] = {
            "FunctionName": name,
            "Role": ROLE,
            "Runtime": "python3.12",
            "Handler": "handler.handler",
            "Code": {"ZipFile": self.zip_of()},
        }
        answer: dict[str, Any] = self.client.create_function(**(parameters | changes))
        return answer

    def create_active(self, name: str, **changes: Any) -> dict[str, Any]:
        answer = self.create(name, **changes)
        self._server.settle(answer["FunctionName"], account_id=answer["FunctionArn"].split(":")[4])
        return answer


@pytest.fixture
def requests(server: ServerThread) -> Requests:
    return Requests(server)
