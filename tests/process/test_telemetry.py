"""The Telemetry and the Logs API: what extensions that subscribe are sent."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.security.unprivileged import start_unprivileged
from tests.support.extensions import HANDLER, PROGRAM, publish_extensions
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.ports import free_port
from tests.support.server import Server


@pytest.fixture(scope="module")
def layer(server: Server) -> str:
    return publish_extensions(server, "listen", listener=PROGRAM)


def deploy(server: Server, name: str, layer: str, does: str, source: str = HANDLER, **settings: Any) -> str:
    variables = {"EXTENSION_DOES": does, "TELEMETRY_PORT": str(free_port())}
    return server.deploy(name, source, Layers=[layer], Environment={"Variables": variables}, MemorySize=512, **settings)


def received(messages: list[str], kind: str) -> list[Any]:
    """The records of a kind that the extension has printed."""
    marker = f"[listener] got {kind} "
    return [json.loads(message.partition(marker)[2]) for message in messages if message.startswith(marker)]


@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_records_of_the_platform_and_of_the_function(server: Server, layer: str, protocol: str) -> None:
    name = deploy(server, f"telemetry-{protocol}", layer, protocol)
    answer = invoke(server, name, "x")
    messages = wait_for_log(server, name, "got platform.report")
    assert "TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function, Extension]\n" in messages
    assert received(messages, "function") == ["handled x\n"]
    (start,) = received(messages, "platform.initStart")
    assert (start["initializationType"], start["phase"], start["functionName"]) == ("on-demand", "init", name)
    assert received(messages, "platform.initRuntimeDone")[0]["status"] == "success"
    assert received(messages, "platform.initReport")[0]["metrics"]["durationMs"] > 0
    subscribed = {"name": "listener", "state": "Subscribed", "types": ["platform", "function", "extension"]}
    assert received(messages, "platform.telemetrySubscription") == [subscribed]
    assert received(messages, "platform.extension") == [{"name": "listener", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}]
    assert received(messages, "platform.start") == [{"requestId": answer.request_id, "version": "$LATEST"}]
    (done,) = received(messages, "platform.runtimeDone")
    assert [span["name"] for span in done["spans"]] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    (report,) = received(messages, "platform.report")
    assert (report["requestId"], report["status"]) == (answer.request_id, "success")
    assert report["metrics"].keys() == {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"}
    assert [span["name"] for span in report["spans"]] == ["extensionOverhead"]


def test_the_logs_api_has_records_of_its_own(server: Server, layer: str) -> None:
    name = deploy(server, "logs-api", layer, "logs")
    answer = invoke(server, name, "x")
    messages = wait_for_log(server, name, "got platform.report")
    assert "LOGS\tName: listener\tState: Subscribed\tTypes: [Platform, Function, Extension]\n" in messages
    assert received(messages, "platform.runtimeDone") == [{"requestId": answer.request_id, "status": "success"}]
    assert received(messages, "platform.end") == [{"requestId": answer.request_id}]
    assert received(messages, "platform.report")[0].keys() == {"requestId", "metrics"}
    assert received(messages, "platform.logsSubscription")[0]["state"] == "Subscribed"
    assert received(messages, "function") == ["handled x\n"]
    assert not received(messages, "platform.initStart")


def test_a_function_that_logs_in_json_is_told_of_in_json(server: Server, layer: str) -> None:
    source = "import logging\nlogging.getLogger().setLevel('INFO')\ndef handler(event, context):\n    logging.info('seen')\n"
    name = deploy(server, "in-json", layer, "", source, LoggingConfig={"LogFormat": "JSON"})
    answer = invoke(server, name)
    messages = wait_for_log(server, name, "got platform.report")
    (line,) = received(messages, "function")
    assert (line["message"], line["requestId"]) == ("seen", answer.request_id)
    platform = [json.loads(message) for message in messages if message.startswith('{"time"') and '"type":"platform.' in message]
    kinds = [record["type"] for record in platform]
    assert kinds == ["platform.initStart", "platform.telemetrySubscription", "platform.extension", "platform.start", "platform.report"]
    assert platform[2]["record"] == {"name": "listener", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}


def test_a_timeout_is_told_before_the_end(server: Server, layer: str) -> None:
    name = deploy(server, "told-of-timeout", layer, "", "import time\ndef handler(event, context):\n    time.sleep(60)\n", Timeout=1)
    assert invoke(server, name).value["errorType"] == "Sandbox.Timedout"
    messages = wait_for_log(server, name, "got platform.report")
    assert received(messages, "platform.runtimeDone")[0]["status"] == "timeout"
    assert received(messages, "platform.report")[0]["status"] == "timeout"


def test_a_subscriber_that_nobody_can_reach_harms_nobody(server: Server) -> None:
    program = PROGRAM.replace("threading.Thread(target=server.serve_forever, daemon=True).start()", "server.server_close()")
    name = deploy(server, "deaf", publish_extensions(server, "deaf", listener=program), "")
    for number in range(5):
        assert succeed(server, name, number) == number
    server.client("lambda").delete_function(FunctionName=name)
    wait_for_log(server, name, "told SHUTDOWN spindown")


def test_a_subscriber_that_takes_nothing_costs_the_function_nothing(server: Server) -> None:
    """It listens and never reads: what is written meanwhile is dropped, and the function's own log is whole."""
    program = PROGRAM.replace("threading.Thread(target=server.serve_forever, daemon=True).start()", "pass")
    layer = publish_extensions(server, "silent", listener=program)
    source = "def handler(event, context):\n    for number in range(20_000):\n        print('line', number, 'x' * 100)\n"
    name = deploy(server, "silent", layer, "", source, Timeout=60)
    succeed(server, name)
    wait_for_log(server, name, "line 19999 ")
    assert sum(message.startswith("line ") for message in read_log(server, name)) == 20_000


def test_rootless_environments_have_extensions_too() -> None:
    with tempfile.TemporaryDirectory(prefix="alonzo-rootless-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        with start_unprivileged(Path(directory)) as node:
            layer = publish_extensions(node, "listen", listener=PROGRAM)
            name = deploy(node, "rootless", layer, "")
            assert succeed(node, name, 1) == 1
            wait_for_log(node, name, "got platform.report")
            node.client("lambda").delete_function(FunctionName=name)
            wait_for_log(node, name, "told SHUTDOWN spindown")
