"""Programs started ahead of their functions: nobody can tell but by the time it takes."""

import re
import uuid
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import Answer, invoke, read_log, succeed
from tests.support.prestarted import IS_PRESTARTED, OWN_PORTS, deploy_node, find_prestarted, variables, wait_for_prestarted
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

_VIEW = f"""
const fs = require('fs'), os = require('os'), path = require('path');
const atLoad = {{
  environment: Object.entries(process.env), directory: process.cwd(), paths: module.paths, globalPaths: require('module').globalPaths,
  cached: Object.keys(require.cache), main: require.main === undefined,
}};
const read = (file, ...names) =>
  fs.readFileSync(`/proc/self/${{file}}`, 'utf8').split('\\n').filter((line) => names.some((name) => line.startsWith(name)));
exports.handler = async () => ({{
  isPrestarted: {IS_PRESTARTED},
  atLoad, argv: process.argv, execArgv: process.execArgv, execPath: process.execPath, title: process.title, umask: process.umask(),
  globals: Object.getOwnPropertyNames(globalThis), features: Object.keys(process),
  events: process.eventNames().map(String), resources: process.getActiveResourcesInfo().sort(),
  descriptors: fs.readdirSync('/proc/self/fd').map((number) => {{ try {{ return number + fs.readlinkSync('/proc/self/fd/' + number); }}
    catch {{ return ''; }} }}).filter((link) => !/\\[\\d+\\]|\\/proc\\//.test(link)),
  limits: fs.readFileSync('/proc/self/limits', 'utf8'), command: fs.readFileSync('/proc/self/cmdline', 'utf8'),
  status: read('status', 'Uid', 'Gid', 'Groups', 'Cap', 'NoNewPrivs', 'Seccomp', 'Sig', 'NSpid', 'Threads'),
  oom: fs.readFileSync('/proc/self/oom_score_adj', 'utf8'), session: read('stat', '').map((line) => line.split(' ').slice(3, 8)),
  heap: require('v8').getHeapStatistics().heap_size_limit, tmp: fs.readdirSync('/tmp'), task: fs.readdirSync('/var/task'),
  zone: Intl.DateTimeFormat().resolvedOptions(), time: new Date(0).toString(), parents: fs.readdirSync('/proc').filter(Number).length,
}});
"""


_VARYING = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|[\d.]+ m?s\b|\d+ MB|\d{4}-\d\d-\d\dT[\d:.]+Z")
"""Request ids, durations, memory, times."""


def whole_log(server: Server, name: str) -> list[str] | None:
    lines = read_log(server, name)
    return lines if any(line.startswith("REPORT") for line in lines) else None


def without(view: dict[str, Any], *names: str) -> dict[str, Any]:
    """A view but for the variables that differ between functions."""
    environment = [entry for entry in view["atLoad"]["environment"] if entry[0] not in names]
    return view | {"atLoad": view["atLoad"] | {"environment": environment}}


@pytest.mark.parametrize("kind", ["plain", "own-variables", "large"])
def test_a_function_sees_the_same_either_way(server: Server, kind: str) -> None:
    own = {"plain": {}, "own-variables": {"NODE_ENV": "production", "HOME": "/tmp", "PATH": "/bin", "KEY": "ü"}, "large": {}}[kind]
    more: dict[str, Any] = {"MemorySize": 1024, "EphemeralStorage": {"Size": 1024}} if kind == "large" else {}
    ahead = deploy_node(server, f"view-{kind}-ahead", _VIEW, **variables(**own), **more)
    # The value is everybody's, but a function that sets the variable gets a process of its own.
    alone = deploy_node(server, f"view-{kind}-alone", _VIEW, **variables(**own, TZ=":UTC"), **more)
    wait_for_prestarted(server)
    views = [without(succeed(server, name), "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_STREAM_NAME") for name in (ahead, alone)]
    for view in views:
        group = f"/aws/lambda/view-{kind}-"
        view["atLoad"]["environment"] = [
            [name, value.removeprefix(group) if name == "AWS_LAMBDA_LOG_GROUP_NAME" else value]
            for name, value in view["atLoad"]["environment"]
            if name not in ("AWS_LAMBDA_LOG_GROUP_NAME", *OWN_PORTS)
        ]
    assert [view.pop("isPrestarted") for view in views] == [True, False]
    assert views[0] == views[1]
    assert views[0]["atLoad"]["directory"] == "/var/task"


@pytest.mark.parametrize(
    ("name", "value", "check", "expected"),
    [
        ("NODE_OPTIONS", "--max-old-space-size=77", "require('v8').getHeapStatistics().heap_size_limit < 200e6", True),
        ("NODE_PENDING_DEPRECATION", "1", "process.env.NODE_PENDING_DEPRECATION", "1"),
        ("TZ", "Asia/Tokyo", "new Date(0).getHours()", 9),
        ("LANG", "de_DE.UTF-8", "Intl.DateTimeFormat().resolvedOptions().locale", "de-DE"),
        ("AWS_LAMBDA_EXEC_WRAPPER", "/var/task/wrapper", "process.env.WRAPPED", "yes"),
    ],
)
def test_variables_that_are_read_at_the_start_have_their_effect(server: Server, name: str, value: str, check: str, expected: Any) -> None:
    others: dict[str, str | bytes] = {"wrapper": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'}
    source = f"exports.handler = async () => [{IS_PRESTARTED}, {check}];"
    function = deploy_node(server, f"start-{name.replace('_', '-')}", source, others=others, **variables(**{name: value}))
    wait_for_prestarted(server)
    assert succeed(server, function) == [False, expected]


def test_modules_are_found_by_node_path_and_in_layers(server: Server) -> None:
    module = {"nodejs/node_modules/greeter/index.js": "module.exports = (name) => `hello ${name}`;"}
    client = server.client("lambda")
    layer = client.publish_layer_version(LayerName="prewarm-greeter", Content={"ZipFile": zip_of(module)})["LayerVersionArn"]
    source = f"const greet = require('greeter'); exports.handler = async (event) => [{IS_PRESTARTED}, greet(event)];"
    by_layer = deploy_node(server, "prewarm-layer", source, Layers=[layer])
    by_path = deploy_node(
        server, "prewarm-path", source, others={"own/greeter.js": "module.exports = (n) => n;"}, **variables(NODE_PATH="/var/task/own")
    )
    for name, expected in ((by_layer, "hello Ada"), (by_path, "Ada")):
        wait_for_prestarted(server)
        assert succeed(server, name, "Ada") == [True, expected]


def test_a_function_with_shared_libraries_gets_a_process_of_its_own(server: Server) -> None:
    source = f"exports.handler = async () => {IS_PRESTARTED};"
    own = deploy_node(server, "prewarm-library", source, others={"lib/libown.so.1": b"\x7fELF"})
    scripts = deploy_node(server, "prewarm-scripts", source, others={"lib/own.js": ""})
    for name, expected in ((own, False), (scripts, True)):
        wait_for_prestarted(server)
        assert succeed(server, name) is expected


@pytest.mark.parametrize(
    "source",
    [
        "require('nope');",
        "this is no code",
        "exports.other = 1;",
        "process.exit(3);",
        "throw new TypeError('bad');",
        "console.log('a'); 1n + 1;",
    ],
)
def test_errors_of_init_are_the_same_either_way(server: Server, source: str) -> None:
    answers = []
    for more in ({}, variables(TZ=":UTC")):
        name = deploy_node(server, f"init-{uuid.uuid4()}", source, **more)
        wait_for_prestarted(server)
        answers.append((name, invoke(server, name)))

    def told(name: str, answer: Answer) -> list[str]:
        return sorted(
            _VARYING.sub("", text) for text in (answer.payload.decode(), *(whole_log(server, name) or ()))
        )  # an exit and its log line race

    eventually(lambda: whole_log(server, answers[1][0]) and told(*answers[0]) == told(*answers[1]), what="the same log either way")
    assert [answer.error for _, answer in answers] == ["Unhandled", "Unhandled"]


def test_whoever_is_taken_is_replaced_and_serves_one_function(server: Server) -> None:
    source = f"globalThis.seen ??= []; exports.handler = async (event) => {{ seen.push(event); return [{IS_PRESTARTED}, seen]; }};"
    for number in range(3):
        name = deploy_node(server, f"replaced-{number}", source)
        wait_for_prestarted(server)
        assert succeed(server, name, number) == [True, [number]]
        assert succeed(server, name, number) == [True, [number, number]]


def test_a_program_that_was_killed_while_it_waited_is_replaced(start_server: StartServer) -> None:
    server = start_server()
    name = deploy_node(server, "survivor", "exports.handler = async (event) => event;")
    (waiting,) = wait_for_prestarted(server)
    waiting.kill()
    assert succeed(server, name, 1) == 1
    wait_for_prestarted(server)


def test_nothing_is_started_ahead_unless_there_is_a_function_for_it(start_server: StartServer) -> None:
    server = start_server("--no-prewarm")
    name = deploy_node(server, "alone", f"exports.handler = async () => {IS_PRESTARTED};")
    assert succeed(server, name) is False
    assert find_prestarted(server) == []


def test_a_node_that_is_started_again_knows_what_is_wanted(start_server: StartServer) -> None:
    server = start_server()
    name = deploy_node(server, "kept", f"exports.handler = async () => {IS_PRESTARTED};")
    server.stop()
    again = start_server()
    again.wait_until_settled(name)
    wait_for_prestarted(again)
    assert succeed(again, name) is True
