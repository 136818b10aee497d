"""Several invocations at once in one Java environment. Everything else that Java can: tests/conformance."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from tests.support.invoking import invoke, invoke_together, succeed, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.server import Server, zip_of
from tests.support.toolchains import require_tool

from alonzo.runtimes.java_client import default_cache, ensure_java_client

_SOURCE = Path(__file__).parent / "programs" / "java"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The handlers, compiled against the interfaces of aws-lambda-java-core."""
    jars, classes = tmp_path_factory.mktemp("jars"), tmp_path_factory.mktemp("classes")
    asyncio.run(ensure_java_client(jars, cache=default_cache()))
    core = next(jars.glob("aws-lambda-java-core-*.jar"))
    sources = [str(path) for path in _SOURCE.rglob("*.java")]
    subprocess.run([require_tool("javac"), "-cp", str(core), "--release", "11", "-d", str(classes), *sources], check=True)
    return zip_of({str(path.relative_to(classes)): path.read_bytes() for path in classes.rglob("*.class")})


def test_several_run_at_once_in_threads(server: Server, package: bytes) -> None:
    configuration = {"Runtime": "java21", "Handler": "app.Handler::meet"}
    name = deploy_shared(server, "java-several", package, max_concurrency=16, **configuration)
    events = [{"number": number, "together": 16} | ({"fail": True} if number == 3 else {}) for number in range(16)]
    answers = invoke_together(server, name, events)
    assert answers[3].value["errorMessage"] == "bad 3"
    values = [answer.value for number, answer in enumerate(answers) if number != 3]
    assert [value["number"] for value in values] == [number for number in range(16) if number != 3]
    assert len({value["id"] for value in values}) == 15
    assert len({value["environment"] for value in values}) == 1
    assert all(value["highest"] <= 16 for value in values)
    messages = wait_for_log(server, name, "met ", count=16)
    records = [json.loads(message) for message in messages if message.startswith("{")]
    met = {record["AWSRequestId"]: record["message"] for record in records if "met" in record.get("message", "")}
    assert met == {answer.request_id: f"met {number}" for number, answer in enumerate(answers)}


def test_an_exit_fails_all_that_run_and_the_next_one_works(server: Server, package: bytes) -> None:
    configuration = {"Runtime": "java21", "Handler": "app.Handler::meet", "Timeout": 30}
    name = deploy_shared(server, "java-several-exit", package, max_concurrency=3, **configuration)
    events = [{"number": 0, "together": 3, "exit": 4}, {"number": 1, "late": True}, {"number": 2, "late": True}]
    for answer in invoke_together(server, name, events):
        problem = f"RequestId: {answer.request_id} Error: Runtime exited with error: exit status 4"
        assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": problem}
    assert succeed(server, name, {"number": 3})["number"] == 3


def test_what_is_late_fails_alone(server: Server, package: bytes) -> None:
    name = deploy_shared(server, "java-several-late", package, max_concurrency=2, Runtime="java21", Handler="app.Handler::meet", Timeout=2)
    first = succeed(server, name, {"number": 0})
    assert invoke(server, name, {"number": 1, "late": True}).value["errorType"] == "Sandbox.Timedout"
    assert succeed(server, name, {"number": 2})["environment"] == first["environment"]
