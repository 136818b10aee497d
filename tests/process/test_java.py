"""Functions in Java: AWS's own client runs handlers of every kind, in a sandbox, with the machine's Java."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import invoke, invoke_together, read_log, succeed, wait_for_log
from tests.support.managed_instances import deploy_shared
from tests.support.server import ROLE, Server, zip_of
from tests.support.toolchains import require_tool
from tests.support.waiting import eventually

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


def deploy(server: Server, name: str, package: bytes, method: str, **more: Any) -> str:
    configuration = {"Runtime": "java17", "Handler": f"app.Handler::{method}", "MemorySize": 512, "Timeout": 30, "Role": ROLE} | more
    server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": package}, **configuration)
    server.wait_until_settled(name)
    return name


def test_a_method_is_a_handler(server: Server, package: bytes) -> None:
    name = deploy(server, "java-method", package, "describe")
    for event in ({"a": "ü😀"}, {}, {"n": [1, 2.5, None]}):
        answer = succeed(server, name, event)
        assert answer.pop("java") in {"17", "21", "25"}
        assert answer == {"echo": event, "name": name, "memory": 512, "left": True}
    assert "two\nlines" in "".join(wait_for_log(server, name, "two"))


def test_streams_are_passed_byte_for_byte(server: Server, package: bytes) -> None:
    name = deploy(server, "java-stream", package, "copy")
    text = b'{ "spaces" :\t[1 ,2] , "u": "\\u00fc" }'
    assert invoke(server, name, text).payload == text


def test_an_exception_is_reported_with_its_class(server: Server, package: bytes) -> None:
    answer = invoke(server, deploy(server, "java-fails", package, "fail"), {})
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "java.lang.IllegalStateException"
    assert answer.value["errorMessage"] == "bad"
    assert answer.value["stackTrace"][0].startswith("app.Handler.fail(Handler.java:")


def test_a_class_that_is_not_there_is_an_error_of_init(server: Server, package: bytes) -> None:
    name = deploy(server, "java-missing", package, "describe", Handler="app.Nothing::describe")
    answer = invoke(server, name, {})
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "java.lang.ClassNotFoundException"


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


def test_the_classes_of_the_client_come_from_an_archive_that_was_made_once(
    start_server: StartServer, package: bytes, tmp_path: Path
) -> None:
    server = start_server(environment={"XDG_CACHE_HOME": str(_cache_with_jars(tmp_path))})
    archives = Path(tmp_path / "cache" / "alonzo" / "maven")
    verbose = {"Environment": {"Variables": {"JAVA_TOOL_OPTIONS": "-Xlog:class+load:stdout"}}}
    early = deploy(server, "java-early", package, "describe", **verbose)
    assert succeed(server, early, {})["name"] == early  # whether the archive is there or not
    eventually(lambda: list(server.data_directory.glob("runtimes/*/java/classes-*.jsa")), what="the archive", within_seconds=90)
    (archive,) = archives.glob("classes-*.jsa")
    made_at = archive.stat().st_mtime_ns
    assert _loads_client_from_archive(server, deploy(server, "java-late", package, "describe", **verbose))
    again = start_server(environment={"XDG_CACHE_HOME": str(tmp_path / "cache")}, data_directory=tmp_path / "another")
    deploy(again, "java-first", package, "describe")
    eventually(lambda: list(again.data_directory.glob("runtimes/*/java/classes-*.jsa")), what="the archive", within_seconds=90)
    assert _loads_client_from_archive(again, deploy(again, "java-again", package, "describe", **verbose))
    assert archive.stat().st_mtime_ns == made_at


def _cache_with_jars(directory: Path) -> Path:
    cache = directory / "cache"
    shutil.copytree(default_cache(), cache / "alonzo" / "maven", ignore=shutil.ignore_patterns("*.jsa"))
    return cache


def _loads_client_from_archive(server: Server, name: str) -> bool:
    """The JVM says it of each class that it loads."""

    def probe() -> str | None:
        succeed(server, name, {})
        return next(
            (line for line in read_log(server, name) if " com.amazonaws.services.lambda.runtime.api.client.AWSLambda source:" in line), None
        )

    return "shared objects file (top)" in eventually(probe, what="the JVM's word", within_seconds=60)
