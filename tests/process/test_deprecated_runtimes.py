"""Runtimes that AWS has blocked: refused as AWS refuses them, run for those who ask for it, and left alone where they are already."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.invoking import succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool

BOOTSTRAP = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  HEAD=$(mktemp)
  curl -sS -D "$HEAD" "$API/invocation/next" > /tmp/event
  ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEAD" | tr -d '[:space:]' | cut -d: -f2)
  curl -sS -o /dev/null "$API/invocation/$ID/response" -d @/tmp/event
done
"""
PYTHON = "def handler(event, context): return event"
FUNCTIONS: dict[str, tuple[str, dict[str, str | bytes]]] = {
    "python3.7": ("app.handler", {"app.py": PYTHON}),
    "python3.6": ("app.handler", {"app.py": PYTHON}),
    "nodejs": ("app.handler", {"app.js": "exports.handler = (event, context) => context.succeed(event);"}),
    "nodejs14.x": ("app.handler", {"app.js": "exports.handler = async (event) => event;"}),
    "ruby2.7": ("app.handler", {"app.rb": "def handler(event:, context:)\n  event\nend"}),
    "go1.x": ("main", {"main": BOOTSTRAP}),
    "provided": ("any", {"bootstrap": BOOTSTRAP}),
}
MESSAGE = "is no longer supported for creating or updating AWS Lambda functions"


def create(server: Server, runtime: str, name: str) -> None:
    handler, files = FUNCTIONS[runtime]
    code = {"ZipFile": zip_of(files)}
    server.client("lambda").create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code=code, MemorySize=256)


def refused(client: Any, operation: str, **parameters: Any) -> bool:
    """Whether an operation is refused in AWS's words for blocked runtimes; False if it succeeds."""
    try:
        getattr(client, operation)(**parameters)
    except client.exceptions.InvalidParameterValueException as error:
        return MESSAGE in error.response["Error"]["Message"]
    return False


def name_of(runtime: str) -> str:
    return "old-" + runtime.replace(".", "-")


def test_those_who_ask_for_it_run_them_on_the_nearest_version_and_later_keep_them(start_server: StartServer) -> None:
    for tool in ("node", "ruby", "curl"):
        require_tool(tool)
    with start_server("--deprecated-runtimes") as server:
        for runtime in FUNCTIONS:
            create(server, runtime, name_of(runtime))
        for runtime in FUNCTIONS:
            server.wait_until_settled(name_of(runtime))
            assert succeed(server, name_of(runtime), {"a": [1]}) == {"a": [1]}
        assert "nodejs14.x is not installed on this machine: running on Node.js" in "".join(
            wait_for_log(server, name_of("nodejs14.x"), "REPORT RequestId")
        )
    server = start_server()
    client = server.client("lambda")
    for runtime in FUNCTIONS:
        assert succeed(server, name_of(runtime), "still") == "still"
    # AWS still lets the one be updated, and no longer the other.
    for runtime, is_refused in (("python3.7", False), ("python3.6", True)):
        code = zip_of({"app.py": "def handler(event, context): return 'new'"})
        assert refused(client, "update_function_code", FunctionName=name_of(runtime), ZipFile=code) is is_refused
        server.wait_until_settled(name_of(runtime))
        assert refused(client, "update_function_configuration", FunctionName=name_of(runtime), MemorySize=512) is is_refused
        server.wait_until_settled(name_of(runtime))
        assert succeed(server, name_of(runtime), "old") == ("old" if is_refused else "new")


@pytest.mark.parametrize("runtime", FUNCTIONS)
def test_no_function_gets_one(server: Server, runtime: str) -> None:
    with pytest.raises(ClientError, match=f"The runtime parameter of {runtime} {MESSAGE}"):
        create(server, runtime, name_of(runtime))
    name = server.deploy(f"newer-{runtime.replace('.', '-')}", PYTHON)
    client = server.client("lambda")
    assert refused(client, "update_function_configuration", FunctionName=name, Runtime=runtime)
    assert client.get_function_configuration(FunctionName=name)["Runtime"] == "python3.11"


@pytest.mark.parametrize("runtime", ["python3.8", "python3.9", "nodejs16.x", "nodejs18.x"])
def test_what_aws_calls_deprecated_but_takes_is_taken(server: Server, runtime: str) -> None:
    files: dict[str, str | bytes] = {"app.py": PYTHON, "app.js": "exports.handler = async (event) => event;"}
    server.client("lambda").create_function(
        FunctionName=name_of(runtime), Runtime=runtime, Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of(files)}
    )
    server.wait_until_settled(name_of(runtime))
    assert succeed(server, name_of(runtime), 1) == 1
