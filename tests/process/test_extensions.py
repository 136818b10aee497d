"""External and internal extensions: real programs of layers beside real functions."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.extensions import HANDLER, PROGRAM, build_go_extension, publish_extensions, publish_files
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.ports import free_port
from tests.support.server import Server


@pytest.fixture(scope="module")
def layer(server: Server) -> str:
    return publish_extensions(server, "watch", watcher=PROGRAM)


def deploy(server: Server, name: str, layer: str, does: str = "", source: str = HANDLER, **settings: Any) -> str:
    variables = {"EXTENSION_DOES": does} | settings.pop("variables", {})
    return server.deploy(name, source, Layers=[layer], Environment={"Variables": variables}, MemorySize=512, **settings)


def test_an_extension_is_told_of_invocations_and_of_the_end(server: Server, layer: str) -> None:
    name = deploy(server, "watched", layer)
    first = invoke(server, name, 1)
    second = invoke(server, name, 2)
    assert (first.value, second.value) == (1, 2)
    server.client("lambda").delete_function(FunctionName=name)
    messages = wait_for_log(server, name, "told SHUTDOWN spindown")
    text = "".join(messages)
    assert f"[watcher] told INVOKE {first.request_id}\n" in messages
    assert f"[watcher] told INVOKE {second.request_id}\n" in messages
    registered = json.loads(text.partition("[watcher] registered 200 ")[2].partition("\n")[0])
    assert registered == {
        "accountId": "000000000000",
        "functionName": name,
        "functionVersion": "$LATEST",
        "handler": "app.handler",
    }
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n" in messages
    assert messages[0].startswith("INIT_START")
    assert text.index("EXTENSION\t") < text.index("START RequestId")


def test_extensions_see_the_variables_of_the_function_but_not_those_of_the_runtime(server: Server, layer: str) -> None:
    name = deploy(server, "variables", layer, variables={"MINE": "1"})
    succeed(server, name)
    text = "".join(wait_for_log(server, name, "[watcher] variables"))
    seen = set(json.loads(text.partition("[watcher] variables ")[2].partition("\n")[0]))
    assert {"MINE", "AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ACCESS_KEY_ID", "AWS_REGION", "PATH"} <= seen
    assert not seen & {"_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_STREAM_NAME"}


def test_an_extension_runs_confined_like_the_function(server: Server) -> None:
    look = "import json, os\ndef look():\n    return json.dumps([os.getuid(), os.getgid(), sorted(os.listdir('/')), confinement()])\n"
    status = "def confinement():\n    lines = open('/proc/self/status').read().splitlines()\n"
    status += "    return [line for line in lines if line.startswith(('Cap', 'NoNewPrivs', 'Seccomp:', 'Groups'))]\n"
    spaces = "def spaces():\n    kinds = ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup')\n"
    spaces += "    return [os.readlink(f'/proc/self/ns/{kind}') for kind in kinds]\n"
    source = look + status + spaces
    program = PROGRAM.replace("def main():\n", source + "def main():\n    say('looks', look(), spaces())\n", 1)
    layer = publish_extensions(server, "look", looker=program)
    handler = source + "def handler(event, context):\n    return f'{look()} {spaces()}'\n"
    name = deploy(server, "confined", layer, source=handler)
    seen = succeed(server, name)
    text = "".join(wait_for_log(server, name, "[looker] looks"))
    assert text.partition("[looker] looks ")[2].partition("\n")[0] == seen


def test_init_waits_for_every_extension(server: Server, layer: str) -> None:
    name = deploy(server, "waits", layer, does="slow-init")
    answer = invoke(server, name, 1, LogType="Tail")
    assert float(answer.log_tail.partition("Init Duration: ")[2].partition(" ms")[0]) >= 500


def test_the_answer_does_not_wait_for_extensions_but_the_next_invocation_does(server: Server, layer: str) -> None:
    name = deploy(server, "goes-on", layer, does="work-after", Timeout=20)
    succeed(server, name, 0)  # INIT
    wait_for_log(server, name, "worked")
    answer = invoke(server, name, 1)
    assert answer.value == 1
    assert sum("worked" in message for message in read_log(server, name)) == 1, "the answer came after the extension's work"
    messages = wait_for_log(server, name, "REPORT RequestId:", count=2)
    reports = [message for message in messages if message.startswith("REPORT")]
    assert all(float(report.partition("\tDuration: ")[2].partition(" ms")[0]) >= 1_000 for report in reports)


def test_the_log_tail_has_the_report_although_extensions_go_on(server: Server, layer: str) -> None:
    name = deploy(server, "tail", layer, does="work-after", Timeout=20)
    answer = invoke(server, name, 1, LogType="Tail")
    assert f"REPORT RequestId: {answer.request_id}" in answer.log_tail
    assert "[watcher] worked\n" in answer.log_tail


def test_a_busy_extension_takes_up_concurrency(server: Server, layer: str) -> None:
    client = server.client("lambda")
    name = deploy(server, "occupied", layer, does="never-done", Timeout=5)
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    succeed(server, name)
    with pytest.raises(client.exceptions.TooManyRequestsException):
        invoke(server, name)
    wait_for_log(server, name, "Status: timeout")


def test_time_is_over_for_extensions_too(server: Server, layer: str) -> None:
    name = deploy(server, "late", layer, does="never-done", Timeout=2)
    assert succeed(server, name, "answered") == "answered"
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert any("Task timed out after 2.00 seconds" in message for message in messages)
    assert any("Status: timeout" in message for message in messages)


def test_a_function_that_is_late_takes_its_extensions_along(server: Server, layer: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    name = deploy(server, "too-slow", layer, source=source, Timeout=1)
    assert invoke(server, name).value["errorType"] == "Sandbox.Timedout"
    wait_for_log(server, name, "told SHUTDOWN timeout")


def test_a_runtime_that_exits_takes_its_extensions_along(server: Server, layer: str) -> None:
    name = deploy(server, "exits", layer, source="import os\ndef handler(event, context):\n    os._exit(1)\n")
    assert invoke(server, name).value["errorType"] == "Runtime.ExitError"
    wait_for_log(server, name, "told SHUTDOWN failure")


def test_an_extension_that_crashes_at_its_start_fails_init(server: Server, layer: str) -> None:
    name = deploy(server, "crashes", layer, does="crash")
    answer = invoke(server, name)
    assert answer.value == {"errorType": "Extension.Crash", "errorMessage": f"RequestId: {answer.request_id} Error: exit status 3"}
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert "EXTENSION\tName: watcher\tState: Started\tEvents: []\n" in messages
    assert any("Phase: init\tStatus: error\tError Type: Extension.Crash" in message for message in messages)


def test_an_extension_may_report_that_it_cannot_start(server: Server, layer: str) -> None:
    name = deploy(server, "reports", layer, does="fail-init")
    answer = invoke(server, name)
    assert answer.value == {"errorType": "Extension.InitError", "errorMessage": f"RequestId: {answer.request_id} Error: exit status 1"}
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert "EXTENSION\tName: watcher\tState: InitError\tEvents: [INVOKE, SHUTDOWN]\tError Type: Extension.NoConfig\n" in messages


def test_an_extension_that_crashes_fails_the_invocation_and_the_environment(server: Server, layer: str) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(30)\n"
    name = deploy(server, "crashes-later", layer, does="crash-in-invoke", source=source, Timeout=40)
    answer = invoke(server, name)
    assert answer.value == {"errorType": "Extension.Crash", "errorMessage": f"RequestId: {answer.request_id} Error: signal: killed"}


def test_an_extension_that_is_never_ready_is_a_timeout_of_init(server: Server, layer: str) -> None:
    name = deploy(server, "never", layer, does="never-ready", Timeout=1)
    answer = invoke(server, name)
    assert answer.value["errorType"] == "Sandbox.Timedout"
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert "EXTENSION\tName: watcher\tState: Registered\tEvents: [INVOKE, SHUTDOWN]\n" in messages
    assert any("Phase: init\tStatus: timeout" in message for message in messages)


def test_what_cannot_be_executed_is_a_launch_error(server: Server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("extensions/plain")
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, PROGRAM)
    plain = publish_files(server, "plain", {}, buffer.getvalue())
    name = deploy(server, "not-executable", plain)
    answer = invoke(server, name)
    message = f"RequestId: {answer.request_id} Error: fork/exec /opt/extensions/plain: permission denied"
    assert answer.value == {"errorType": "Extension.LaunchError", "errorMessage": message}
    messages = wait_for_log(server, name, "REPORT RequestId:")
    assert "EXTENSION\tName: plain\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n" in messages


def test_a_function_has_ten_extensions_at_most(server: Server) -> None:
    ten = {f"e{number}": PROGRAM for number in range(10)}
    names = [deploy(server, "ten", publish_extensions(server, "ten", **ten), does="no-events", Timeout=30)]
    names.append(deploy(server, "eleven", publish_extensions(server, "eleven", z=PROGRAM, **ten)))
    assert succeed(server, names[0], 1) == 1
    assert invoke(server, names[1]).value["errorType"] == "Extension.LaunchError"
    wait_for_log(server, names[1], "EXTENSION\tName: z\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions")


def test_an_extension_that_does_not_go_is_killed(server: Server, layer: str) -> None:
    name = deploy(server, "hangs", layer, does="hang-at-end")
    succeed(server, name)
    server.client("lambda").delete_function(FunctionName=name)
    wait_for_log(server, name, "told SHUTDOWN spindown")  # that no process is left is for the end of the server to show


def test_the_runtime_may_end_gracefully_when_there_are_extensions(server: Server, layer: str) -> None:
    source = (
        "import signal, sys\n"
        "def end(*_):\n    print('the runtime says goodbye', flush=True)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n" + HANDLER
    )
    name = deploy(server, "graceful", layer, source=source)
    succeed(server, name)
    server.client("lambda").delete_function(FunctionName=name)
    text = "".join(wait_for_log(server, name, "told SHUTDOWN spindown"))
    assert text.index("the runtime says goodbye") < text.index("told SHUTDOWN")


INTERNAL = """
import http.client, json, os, threading

def call(method, path, body=None, headers=None):
    client = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    client.request(method, "/2020-01-01/extension/" + path, None if body is None else json.dumps(body), headers or {})
    response = client.getresponse()
    return response.status, response.headers, json.loads(response.read())

refused = call("POST", "register", {"events": ["SHUTDOWN"]}, {"Lambda-Extension-Name": "within"})
status, headers, description = call("POST", "register", {"events": ["INVOKE"]}, {"Lambda-Extension-Name": "within"})
again = call("POST", "register", {"events": []}, {"Lambda-Extension-Name": "within"})

def listen():
    me = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
    while True:
        _, _, event = call("GET", "event/next", headers=me)
        print("within was told", event["eventType"], event["requestId"], flush=True)

threading.Thread(target=listen, daemon=True).start()

def handler(event, context):
    late = call("POST", "register", {}, {"Lambda-Extension-Name": "too-late"})
    return [refused[0], refused[2], status, description, again[2], late[0], late[2]]
"""


def test_an_internal_extension(server: Server) -> None:
    name = server.deploy("internal", INTERNAL)
    refused, refusal, status, description, again, late, closed = succeed(server, name)
    assert refused == 403
    assert refusal["errorType"] == "Extension.InvalidEventType"
    assert (status, description) == (200, {"functionName": name, "functionVersion": "$LATEST", "handler": "app.handler"})
    assert again == {"errorType": "Extension.InvalidExtensionState", "errorMessage": "Extension with this name already registered"}
    assert (late, closed) == (403, {"errorType": "Extension.RegistrationClosed", "errorMessage": "Extension registration closed already"})
    answer = invoke(server, name)
    messages = wait_for_log(server, name, f"within was told INVOKE {answer.request_id}")
    assert "EXTENSION\tName: within\tState: Ready\tEvents: [INVOKE]\n" in messages


def test_functions_without_extensions_cannot_register_any_later(server: Server) -> None:
    source = INTERNAL[: INTERNAL.index("refused =")] + (
        "def handler(event, context):\n"
        "    answer = call('POST', 'register', {}, {'Lambda-Extension-Name': 'x'})\n"
        "    return answer[0], answer[2]\n"
    )
    name = server.deploy("late-only", source)
    for _ in range(2):
        assert succeed(server, name)[1]["errorType"] == "Extension.RegistrationClosed"


def test_an_extension_in_go(server: Server, tmp_path: Path) -> None:
    layer = publish_extensions(server, "go", gopher=build_go_extension(tmp_path))
    name = deploy(server, "with-go", layer, variables={"TELEMETRY_PORT": str(free_port())})
    answer = invoke(server, name, "hello")
    wait_for_log(server, name, "go got platform.report")
    server.client("lambda").delete_function(FunctionName=name)
    text = "".join(wait_for_log(server, name, "go was told SHUTDOWN spindown"))
    assert f"go registered with {name} $LATEST\n" in text
    assert "TELEMETRY\tName: gopher\tState: Subscribed\tTypes: [Platform, Function]\n" in text
    assert 'go got function "handled hello\\n"' in text
    for kind in ("initStart", "initRuntimeDone", "initReport", "telemetrySubscription", "extension", "start", "runtimeDone", "report"):
        assert f"go got platform.{kind} " in text
    runtime_done = json.loads(text.partition("go got platform.runtimeDone ")[2].partition("\n")[0])
    assert (runtime_done["requestId"], runtime_done["status"]) == (answer.request_id, "success")
    assert runtime_done["metrics"]["producedBytes"] == len('"hello"')


@pytest.mark.parametrize("options", [("--network", "isolated"), ("--isolation", "process")])
def test_extensions_work_however_environments_are_isolated(start_server: StartServer, options: tuple[str, ...]) -> None:
    node = start_server(*options)
    layer = publish_extensions(node, "watch", watcher=PROGRAM)
    variables = {"TELEMETRY_PORT": str(free_port())} | ({"TELEMETRY_HOST": "127.0.0.1"} if "process" in options else {})
    name = deploy(node, "anywhere", layer, variables=variables)
    assert succeed(node, name, 1) == 1
    wait_for_log(node, name, "got platform.report")
    node.client("lambda").delete_function(FunctionName=name)
    wait_for_log(node, name, "told SHUTDOWN spindown")


def test_a_server_that_stops_lets_extensions_finish(start_server: StartServer, tmp_path: Path) -> None:
    directory = tmp_path / "alonzo"
    node = start_server(data_directory=directory)
    layer = publish_extensions(node, "watch", watcher=PROGRAM)
    name = deploy(node, "until-the-end", layer)
    succeed(node, name)
    assert node.stop() == 0
    again = start_server(data_directory=directory)
    wait_for_log(again, name, "told SHUTDOWN spindown")
