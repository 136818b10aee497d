"""Functions in Java: AWS's own client runs handlers of every kind, in a sandbox, with the machine's Java."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import ROLE, Server, zip_of
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
