"""Java machines started ahead of their functions: nobody can tell but by the time it takes."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.extensions import PROGRAM, publish_extensions
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.java_code import compile_java
from tests.support.prestarted import find_prestarted, variables, wait_for_prestarted
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

_SOURCES = Path(__file__).parent / "programs" / "java_prewarm"
_ALONE = variables(TZ=":UTC")
"""The value is everybody's, but a function that sets the variable gets a process of its own."""
_VARYING = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|[\d.]+ m?s\b|\d+ MB|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{16,}")
"""Request ids, durations, memory, times."""

Deploy = Callable[..., str]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return compile_java(_SOURCES, tmp_path_factory.mktemp("classes"))


def deploy(server: Server, name: str, files: dict[str, Any], handler: str = "app.View::look", **more: Any) -> str:
    configuration = {"Runtime": "java17", "Handler": handler, "MemorySize": 512, "Timeout": 60, "Role": ROLE} | more
    server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": zip_of(files)}, **configuration)
    server.wait_until_settled(name)
    return name


def look(server: Server, name: str) -> dict[str, Any]:
    """The function's view, without what no two environments have in common."""
    view: dict[str, Any] = succeed(server, name, {})
    own = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_RUNTIME_API")
    for variable in own:
        del view["environment"][variable]
    view["ofChildren"] = [line for line in view["ofChildren"] if not line.startswith(own)]
    return view


@pytest.mark.parametrize(
    ("runtime", "memory_mib", "own"),
    [("java17", 512, {}), ("java25", 512, {}), ("java17", 1024, {"KEY": "ü", "PATH": "/bin"}), ("java21", 128, {})],
)
def test_a_function_sees_the_same_either_way(
    start_server: StartServer, package: dict[str, bytes], runtime: str, memory_mib: int, own: dict[str, str]
) -> None:
    server = start_server()
    more: dict[str, Any] = {"Runtime": runtime, "MemorySize": memory_mib}
    files = package | {"here": b"", "ümlaut": b""}
    ahead = deploy(server, f"view-{runtime}-{memory_mib}-ahead", files, **more, **variables(**own))
    alone = deploy(server, f"view-{runtime}-{memory_mib}-alone", files, **more, **variables(**own, TZ=":UTC"))
    wait_for_prestarted(server, program="java")
    views = [look(server, name) for name in (ahead, alone)]
    assert [view.pop("isPrestarted") for view in views] == [True, False]
    assert views[0] == views[1]
    assert views[0]["directory"] == "/var/task /var/task/x /var/task"
    assert views[0]["resolved"] == "/var/task truetrue"
