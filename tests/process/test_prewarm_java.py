"""Java machines started ahead of their functions: nobody can tell but by the time it takes."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.extensions import PROGRAM, publish_extensions
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.java_code import compile_java
from tests.support.prestarted import OWN_PORTS, find_prestarted, variables, wait_for_prestarted
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

_SOURCES = Path(__file__).parent / "programs" / "java_prewarm"
_ALONE = variables(TZ=":UTC")
"""The value is everybody's, but a function that sets the variable gets a process of its own."""
_VARYING = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|[\d.]+ m?s\b|\d+ MB|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{16,}")
"""Request ids, durations, memory, times."""

_numbers = itertools.count()


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
    own = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_LOG_GROUP_NAME", *OWN_PORTS)
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
    at_load = [view.pop("atLoad") for view in views]
    assert views[0] == views[1]
    assert set(at_load[0].pop("properties").items()) ^ set(at_load[1].pop("properties").items()) == set()
    assert at_load[0] == at_load[1]
    assert views[0]["directory"] == "/var/task /var/task/x /var/task"
    assert views[0]["resolved"] == "/var/task truetrue"


@pytest.mark.parametrize("event", ["exit", "halt", "throw", "error", "heap", "recurse"])
def test_whatever_ends_an_invocation_does_so_either_way(server: Server, package: dict[str, bytes], event: str) -> None:
    told = tell_of_both(server, f"ends-{event}", package, "app.Ends::handle", event)
    assert told[0] == told[1]


@pytest.mark.parametrize("case", ["refuse", "leave", "no-class", "no-method"])
def test_errors_of_init_are_the_same_either_way(server: Server, package: dict[str, bytes], case: str) -> None:
    handler = {"no-class": "app.Nobody::handle", "no-method": "app.Ends::nothing"}.get(case, "app.Ends::handle")
    told = tell_of_both(server, f"init-{case}", package | {case: b""}, handler, "nothing")
    assert told[0] == told[1]


def tell_of_both(server: Server, name: str, files: dict[str, Any], handler: str, event: str) -> list[list[str]]:
    """The answers and logs of a function whose invocation fails, in both ways, but for what varies."""
    told = []
    for kind, more in (("ahead", {}), ("alone", _ALONE)):
        function = deploy(server, f"{name}-{kind}", files, handler, **more)
        waiting = wait_for_prestarted(server, program="java")
        answer = invoke(server, function, event)
        assert answer.error == "Unhandled"
        if kind == "ahead":
            assert set(waiting) - set(find_prestarted(server, program="java"))  # one was taken
        lines = eventually(lambda function=function: whole_log(server, function), what="the log to its end")
        told.append(sorted(_VARYING.sub("", text) for text in (answer.payload.decode(), *lines)))
    return told


def whole_log(server: Server, name: str) -> list[str] | None:
    lines = read_log(server, name)
    return lines if any(line.startswith("REPORT") for line in lines) else None


@pytest.mark.parametrize(
    "more",
    [
        *(variables(JAVA_TOOL_OPTIONS="-Dmarked=yes"), variables(JDK_JAVA_OPTIONS="-Dmarked=yes"), variables(HOME="/tmp")),
        *(variables(LANG="C"), variables(LD_LIBRARY_PATH="/tmp"), {"EphemeralStorage": {"Size": 1024}}),
    ],
    ids=["tool-options", "launcher-options", "home", "locale", "libraries", "storage"],
)
def test_what_is_read_at_the_start_has_its_effect(server: Server, package: dict[str, bytes], more: dict[str, Any]) -> None:
    deploy(server, f"beside-{next(_numbers)}", package)
    wait_for_prestarted(server, program="java")
    view = succeed(server, deploy(server, f"start-{next(_numbers)}", package, **more), {})
    assert view["isPrestarted"] is False
    assert view["atLoad"]["properties"].get("marked") == ("yes" if "marked" in str(more) else None)


def test_a_function_with_shared_libraries_gets_a_process_of_its_own(server: Server, package: dict[str, bytes]) -> None:
    for file, expected in (("libown.so.1", False), ("lib/libown.so", False), ("lib/own.txt", True)):
        name = deploy(server, f"library-{next(_numbers)}", package | {file: b""})
        wait_for_prestarted(server, program="java")
        assert succeed(server, name, {})["isPrestarted"] is expected


def test_classes_are_found_in_layers_and_in_jars(server: Server, package: dict[str, bytes]) -> None:
    jar = zip_of(package)
    layer = server.client("lambda").publish_layer_version(LayerName="jars", Content={"ZipFile": zip_of({"java/lib/own.jar": jar})})
    by_layer = deploy(server, "java-layer", {"README": b""}, Layers=[layer["LayerVersionArn"]])
    by_jar = deploy(server, "java-jar", {"lib/own.jar": jar})
    for name in (by_layer, by_jar):
        wait_for_prestarted(server, program="java")
        assert succeed(server, name, {})["isPrestarted"] is True


def test_it_is_told_of_its_end_where_an_extension_listens(server: Server, package: dict[str, bytes]) -> None:
    layer = publish_extensions(server, "java-watch", watcher=PROGRAM)
    name = deploy(server, "java-watched", package, "app.Ends::handle", Layers=[layer])
    wait_for_prestarted(server, program="java")
    assert succeed(server, name, "look") is True
    server.client("lambda").delete_function(FunctionName=name)
    text = "".join(wait_for_log(server, name, "told SHUTDOWN spindown"))
    assert text.index("the runtime says goodbye") < text.index("told SHUTDOWN")


def test_none_waits_where_that_is_switched_off(start_server: StartServer, package: dict[str, bytes]) -> None:
    server = start_server("--no-prewarm")
    name = deploy(server, "java-alone", package)
    assert succeed(server, name, {})["isPrestarted"] is False
    assert find_prestarted(server, program="java") == []


def test_one_waits_for_each_memory_size_and_is_replaced(start_server: StartServer, package: dict[str, bytes]) -> None:
    server = start_server()
    names = [deploy(server, f"java-{size}", package, MemorySize=size) for size in (256, 512)]
    wait_for_prestarted(server, 2, program="java")
    heaps = [succeed(server, name, {})["memory"] for name in names]
    assert heaps[0] != heaps[1]
    wait_for_prestarted(server, 2, program="java")
