"""`alonzo invoke` and `alonzo logs` against a running server."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Protocol

import pytest

ALONZO = Path(sys.executable).with_name("alonzo")

CODE = """
def handler(event, context):
    print("got", event)
    if "fail" in event:
        raise ValueError(event["fail"])
    return event
"""


class RunningServer(Protocol):
    """What these tests need of the `server` fixture."""

    endpoint_url: str

    def client(self, service: str) -> Any:
        """A boto3 client of the server."""


@pytest.fixture(scope="module")
def echo(server: RunningServer) -> RunningServer:
    """A server with a function `echo` that returns its event, or fails with what `fail` says."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", CODE)
    client = server.client("lambda")
    client.create_function(
        FunctionName="echo",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/echo",
        Handler="app.handler",
        Code={"ZipFile": package.getvalue()},
    )
    client.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 0.1})
    return server


def start(server: RunningServer, *arguments: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "ALONZO_ENDPOINT_URL": server.endpoint_url}
    command = [str(ALONZO), *arguments]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def run(server: RunningServer, *arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    with start(server, *arguments, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE) as process:
        output, errors = process.communicate(stdin)
    return process.returncode, output, errors


def test_invoke_prints_the_result(echo: RunningServer) -> None:
    assert run(echo, "invoke", "echo", "--payload", '{"name": "Ada"}') == (0, '{"name": "Ada"}\n', "")


def test_invoke_takes_the_event_from_a_file_or_a_pipe(echo: RunningServer, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"from": "file"}')
    assert run(echo, "invoke", "echo", "--payload", f"@{event}")[1] == '{"from": "file"}\n'
    assert run(echo, "invoke", "echo", stdin='{"from": "pipe"}')[1] == '{"from": "pipe"}\n'


def test_invoke_fails_with_the_function_and_shows_its_error_and_log(echo: RunningServer) -> None:
    code, output, errors = run(echo, "invoke", "echo", "--payload", '{"fail": "on purpose"}', "--tail")
    assert code == 1
    assert '"errorMessage": "on purpose"' in output
    assert "got {'fail': 'on purpose'}" in errors
    assert "REPORT RequestId: " in errors


def test_names_the_function_that_is_not_there(echo: RunningServer) -> None:
    code, _, errors = run(echo, "invoke", "nobody")
    assert code == 1
    assert errors.startswith("Error: ResourceNotFoundException: Function not found: ")


def test_follows_the_log_of_a_function(echo: RunningServer) -> None:
    with start(echo, "logs", "echo", "--follow") as following:
        assert following.stdout is not None
        echo.client("lambda").invoke(FunctionName="echo", Payload='{"first": 1}')
        _read_until(following.stdout, "got {'first': 1}")
        echo.client("lambda").invoke(FunctionName="echo", Payload='{"second": 2}')
        _read_until(following.stdout, "got {'second': 2}")
        following.terminate()


def _read_until(stream: Any, text: str) -> None:
    for line in stream:
        if text in line:
            return
    pytest.fail(f"the log ended without {text!r}")
