"""Extensions beside every runtime: one by a shell script that watches invocations, one in Go that listens to telemetry."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.features import Feature
from tests.conformance.house import House, every_language, in_languages
from tests.support.extensions import build_go_extension, publish_extensions
from tests.support.invoking import Answer, read_log, wait_for_log
from tests.support.ports import free_port
from tests.support.prestarted import is_prestarted_environment, wait_for_prestarted
from tests.support.server import Server
from tests.support.waiting import eventually

_WATCHER = Path(__file__).parent / "extensions" / "watcher"


@pytest.fixture(scope="package")
def watcher(server: Server) -> str:
    """A layer with the script, which tells of its events and is ready when there is /tmp/watcher."""
    return publish_extensions(server, "watcher", watcher=_WATCHER.read_bytes())


@pytest.fixture(scope="package")
def listener(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A layer with the program in Go, which tells of the records that it gets at TELEMETRY_PORT."""
    return publish_extensions(server, "listener", listener=build_go_extension(tmp_path_factory.mktemp("listener")))


def listening() -> dict[str, Any]:
    """The configuration of a function with a listener."""
    return {"Environment": {"Variables": {"TELEMETRY_PORT": str(free_port())}}}


def records(messages: list[str], kind: str) -> list[Any]:
    """Those of a kind that the listener has got."""
    marker = f"go got {kind} "
    return [json.loads(message.removeprefix(marker)) for message in messages if message.startswith(marker)]


def check_telemetry(house: House, name: str, answer: Answer) -> None:
    """That the listener has got the records of an environment's one invocation, of which the function has written to the log."""
    messages = wait_for_log(house.server, name, "go got platform.report ")
    assert records(messages, "platform.initStart")[0]["functionName"] == name
    assert [done["status"] for done in records(messages, "platform.initRuntimeDone")] == ["success"]
    assert records(messages, "platform.start") == [{"requestId": answer.request_id, "version": "$LATEST"}]
    for kind in ("platform.runtimeDone", "platform.report"):
        assert [(record["requestId"], record["status"]) for record in records(messages, kind)] == [(answer.request_id, "success")]
    lines = records(messages, "function")
    assert [line for line in lines if line.startswith("to std")] == ["to stdout ☔ 𝄞\n", "to stderr\n"]
    if Feature.WHOLE_MESSAGES not in house.language.lacks:
        assert [line.rstrip("\n").endswith("first line\nsecond line") for line in lines if "first line" in line] == [True]


@every_language(Feature.EXTENSIONS)
def test_an_extension_is_waited_for_and_told_of_invocations_and_of_the_end(house: House, watcher: str) -> None:
    name = house.deploy("watched", Layers=[watcher])
    first = house.invoke(name, {"do": "read", "path": "/tmp/watcher"})
    second = house.invoke(name, {"do": "wait", "seconds": 0, "token": "again"})
    assert (first.value.rstrip("\n"), second.value) == ("ready", "again")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    house.server.client("lambda").delete_function(FunctionName=name)
    wait_for_log(house.server, name, "[watcher] told INVOKE ", count=2)
    eventually(lambda: _told(house, name)[-1].startswith("[watcher] told SHUTDOWN "), what="the end of what was told")
    messages, told = read_log(house.server, name), _told(house, name)
    # The second invocation has an environment of its own where it comes before the extension has asked for it: which is told last is open.
    invoked = [f"[watcher] told INVOKE {answer.request_id} {arn}\n" for answer in (first, second)]
    assert told[0] == invoked[0]
    assert sorted(message for message in told if "INVOKE" in message) == sorted(invoked)
    assert set(told) - set(invoked) == {"[watcher] told SHUTDOWN spindown\n"}
    ready = messages.index("EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n")
    assert ready < messages.index(f"START RequestId: {first.request_id} Version: $LATEST\n")


@every_language(Feature.TELEMETRY)
def test_telemetry_tells_of_the_platform_and_of_the_function(house: House, listener: str) -> None:
    name = house.deploy("listened", Layers=[listener], **listening())
    answer = house.invoke(name, {"do": "log"})
    assert (answer.error, answer.value) == (None, None)
    check_telemetry(house, name, answer)
    house.server.client("lambda").update_function_configuration(FunctionName=name, Description="changed")
    wait_for_log(house.server, name, "go was told SHUTDOWN spindown")


@in_languages("commonjs", "es-modules")
def test_programs_that_were_started_ahead_have_extensions_too(house: House, watcher: str, listener: str) -> None:
    name = house.deploy("started-ahead", Layers=[watcher, listener], **listening())
    wait_for_prestarted(house.server)
    answer = house.invoke(name, {"do": "log"})
    check_telemetry(house, name, answer)
    # Its environment is idle now. There must be no second one, whose listener would find the port taken.
    assert is_prestarted_environment(house.succeed(name, {"do": "read", "path": "/proc/self/environ"}))
    messages = wait_for_log(house.server, name, "[watcher] told INVOKE ", count=2)
    started = messages.index(f"START RequestId: {answer.request_id} Version: $LATEST\n")
    for extension in ("listener", "watcher"):
        assert messages.index(f"EXTENSION\tName: {extension}\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n") < started
    house.server.client("lambda").delete_function(FunctionName=name)
    for told in ("[watcher] told SHUTDOWN spindown\n", "go was told SHUTDOWN spindown\n"):
        assert told in wait_for_log(house.server, name, told)


def _told(house: House, name: str) -> list[str]:
    return [message for message in read_log(house.server, name) if message.startswith("[watcher] told ")]
