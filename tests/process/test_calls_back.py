"""AWS calls from inside a function: boto3 as it is installed there finds this endpoint, in both network modes and without isolation."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.invoking import invoke, succeed
from tests.support.server import ROLE, Server, zip_of

CALLS = """
import json, os, socket, urllib.request
import boto3

client = boto3.client("lambda")

def handler(event, context):
    if "function" in event:
        answer = client.invoke(FunctionName=event["function"], Payload=json.dumps(event["payload"]))
        return json.load(answer["Payload"])
    if "names" in event:
        return sorted(function["FunctionName"] for function in client.list_functions()["Functions"])
    if "health" in event:
        with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health") as response:
            return response.status
    with socket.create_connection(tuple(event["connect"]), timeout=2) as connection:
        return connection.getpeername()
"""

ECHO = "def handler(event, context):\n    return ['echo', event]\n"


@pytest.fixture(scope="module", params=["host", "isolated", "process"])
def called(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Server]]:
    """A server of each kind, with the functions `calls` and `echo`."""
    mode: str = request.param
    options = ("--isolation", "process") if mode == "process" else ("--network", mode)
    with ExitStack() as stack:
        server = stack.enter_context(Server.start(*options, data_directory=Path(tmp_path_factory.mktemp(mode))))
        server.deploy("calls", CALLS, MemorySize=1024, Timeout=30)
        server.deploy("echo", ECHO)
        yield mode, server


def test_a_function_invokes_another(called: tuple[str, Server]) -> None:
    _, server = called
    assert succeed(server, "calls", {"function": "echo", "payload": {"deep": [1]}}) == ["echo", {"deep": [1]}]


def test_a_function_invokes_itself(called: tuple[str, Server]) -> None:
    _, server = called
    nested = {"function": "calls", "payload": {"function": "echo", "payload": 1}}
    assert succeed(server, "calls", nested) == ["echo", 1]


def test_a_function_sees_its_own_accounts_functions(called: tuple[str, Server]) -> None:
    _, server = called
    assert succeed(server, "calls", {"names": True}) == ["calls", "echo"]
    assert succeed(server, "calls", {"health": True}) == 200


def test_the_network_is_as_wide_as_the_mode_says(called: tuple[str, Server]) -> None:
    mode, server = called
    host, port = "127.0.0.1", int(server.endpoint_url.rpartition(":")[2])
    assert succeed(server, "calls", {"connect": [host, port]}) == [host, port]
    other = Server.start(data_directory=server.data_directory.parent / "other")
    with other:
        other_port = int(other.endpoint_url.rpartition(":")[2])
        answer = invoke(server, "calls", {"connect": [host, other_port]})
    assert (answer.error is None) is (mode != "isolated"), answer.payload


def test_an_account_calls_its_own_functions(called: tuple[str, Server]) -> None:
    _, server = called
    client = server.client("lambda", account="123456789012")
    code = {"ZipFile": zip_of({"app.py": CALLS})}
    client.create_function(FunctionName="calls", Runtime="python3.11", Handler="app.handler", Role=ROLE, MemorySize=1024, Code=code)
    client.get_waiter("function_active_v2").wait(FunctionName="calls", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    assert client.invoke(FunctionName="calls", Payload=b'{"names": true}')["Payload"].read() == b'["calls"]'
