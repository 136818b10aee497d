"""SnapStart: a version is initialized when it is published, and restored when it is invoked."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.server import Server
from tests.support.toolchains import give_up
from tests.support.waiting import eventually

from alonzo.sandbox.host import inspect

TELLS_ITS_LIFE = """
import os, random, subprocess, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

CALLS = ["init"]
ENVIRONMENT = {"value": None}
MARK = f"86400.{uuid.uuid4().int % 10 ** 12}"
if os.environ.get("LEAVES"):
    subprocess.Popen(["sleep", MARK])
print("INIT code runs")

@register_before_snapshot
def first():
    CALLS.append("before 1")

@register_before_snapshot
def second():
    CALLS.append("before 2")
    if os.environ.get("FAILS") == "before":
        raise ValueError("not to be kept")

@register_after_restore
def restored():
    CALLS.append("after")
    ENVIRONMENT["value"] = uuid.uuid4().hex
    print("AFTER RESTORE")
    if os.environ.get("FAILS") == "after":
        raise ValueError("not to be restored")
    if os.environ.get("FAILS") == "exit":
        os._exit(3)

def handler(event, context):
    if event == "exit":
        os._exit(1)
    time.sleep(event.get("seconds", 0))
    CALLS.append("handler")
    return {
        "calls": CALLS,
        "environment": ENVIRONMENT["value"],
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "stream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
        "random": random.random(),
        "uuid": uuid.uuid4().hex,
        "mark": MARK,
        "pid": os.getpid(),
    }
"""

SPEAKS_AWS = """
import os, urllib.error, urllib.request
import boto3

session = boto3.Session()
frozen = session.get_credentials().get_frozen_credentials()

def handler(event, context):
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": "guessed"})
    try:
        urllib.request.urlopen(request)
        refused = None
    except urllib.error.HTTPError as error:
        refused = error.code
    fresh = boto3.Session().get_credentials()
    return {"key": fresh.access_key, "method": fresh.method, "at_init": frozen.access_key, "refused": refused,
            "variables": [name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_SESSION"))]}
"""

ASKS_OUT_OF_TURN = """
import http.client, json, os

def ask(method, path):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, "/2018-06-01/runtime/" + path, body=b"{}" if method == "POST" else None)
    answer = connection.getresponse()
    return [answer.status, json.loads(answer.read())["errorType"]]

AT_INIT = ask("POST", "restore/error")

def handler(event, context):
    return [AT_INIT, ask("GET", "restore/next"), ask("POST", "restore/error")]
"""


def test_publishing_waits_for_the_snapshot(server: Server) -> None:
    client = server.client("lambda")
    name = server.deploy("snap-states", "import time\ntime.sleep(1)\ndef handler(event, context): return 1", **_SETTINGS)
    published = client.publish_version(FunctionName=name)
    assert (published["State"], published["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in published
    assert published["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    with pytest.raises(client.exceptions.SnapStartNotReadyException, match="ready to invoke once your function state becomes ACTIVE"):
        invoke(server, name, Qualifier="1")
    ready = wait_until_published(server, name, "1")
    assert (ready["State"], ready["LastUpdateStatus"]) == ("Active", "Successful")
    assert ready["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert succeed(server, name, Qualifier="1") == 1


def test_a_version_is_restored_and_runs_its_hooks(server: Server) -> None:
    name = publish(server, "snap-hooks")
    answer = succeed(server, name, {}, Qualifier="1")
    assert answer["calls"] == ["init", "before 2", "before 1", "after", "handler"]
    assert (answer["type"], answer["stream"]) == ("snap-start", None)
    assert succeed(server, name, {}, Qualifier="1")["calls"][-2:] == ["handler", "handler"]  # once restored, it stays
    assert succeed(server, name, {})["type"] == "on-demand"  # $LATEST has no snapshot


def test_what_the_log_says_of_it(server: Server) -> None:
    name = publish(server, "snap-log")
    succeed(server, name, {}, Qualifier="1")
    wait_for_log(server, name, "REPORT RequestId")
    streams = _streams(server, name)
    initialized = next(messages for messages in streams.values() if "REPORT RequestId" not in "".join(messages))
    assert initialized[0].startswith("INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:")
    assert initialized[1] == "INIT code runs\n"
    assert initialized[-1].startswith("INIT_REPORT Init Duration: ")
    restored = next(messages for messages in streams.values() if "REPORT RequestId" in "".join(messages))
    assert [message.partition(" ")[0] for message in restored] == [
        *("RESTORE_START", "AFTER", "RESTORE_REPORT", "START", "END", "REPORT"),
    ]
    report = dict(part.split(": ") for part in restored[-1].rstrip().split("\t"))
    assert "Init Duration" not in report
    assert float(report["Restore Duration"].removesuffix(" ms")) > 0
    assert int(report["Billed Duration"].removesuffix(" ms")) >= int(report["Billed Restore Duration"].removesuffix(" ms"))


def test_the_log_in_json(server: Server) -> None:
    name = publish(server, "snap-json", LoggingConfig={"LogFormat": "JSON"})
    succeed(server, name, {}, Qualifier="1")
    messages = wait_for_log(server, name, "platform.report")
    records = [json.loads(message) for message in messages if message.startswith('{"time')]
    first = {record["type"]: record["record"] for record in reversed(records)}
    assert first["platform.initReport"]["initializationType"] == "snap-start"
    assert first["platform.initReport"]["status"] == "success"
    assert first["platform.restoreReport"]["metrics"]["durationMs"] > 0
    assert first["platform.report"]["metrics"]["restoreDurationMs"] > 0
    assert first["platform.report"]["metrics"]["billedRestoreDurationMs"] >= 0


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no"),
        (TELLS_ITS_LIFE, "ValueError: not to be kept"),
        ("import os\nos._exit(4)", "Error Type: Runtime.ExitError"),
    ],
    ids=["module", "hook", "exit"],
)
def test_a_version_that_cannot_be_initialized_fails(server: Server, source: str, error: str, request: Any) -> None:
    name, client = f"snap-fails-{request.node.callspec.id}", server.client("lambda")
    server.deploy(name, source, **_SETTINGS, Environment={"Variables": {"FAILS": "before"}})
    client.publish_version(FunctionName=name)
    with pytest.raises(WaiterError):
        wait_until_published(server, name, "1")
    failed = client.get_function_configuration(FunctionName=name, Qualifier="1")
    assert (failed["State"], failed["StateReasonCode"]) == ("Failed", "FunctionError")
    assert failed["StateReason"] == "An error occurred during function initialization."
    assert (failed["LastUpdateStatus"], failed["SnapStart"]["OptimizationStatus"]) == ("Failed", "Off")
    with pytest.raises(client.exceptions.ResourceConflictException):
        invoke(server, name, Qualifier="1")
    wait_for_log(server, name, error)
    wait_for_log(server, name, "Phase: init\tStatus: error")


@pytest.mark.parametrize(
    ("failure", "error_type"),
    [("after", "Runtime.AfterRestoreError"), ("exit", "Runtime.ExitError")],
)
def test_a_hook_that_fails_after_the_restore(server: Server, failure: str, error_type: str) -> None:
    name = publish(server, f"snap-hook-{failure}", Environment={"Variables": {"FAILS": failure}})
    with pytest.raises(server.client("lambda").exceptions.SnapStartException, match=r"afterRestore\(\) runtime hook encountered an error"):
        invoke(server, name, {}, Qualifier="1")
    messages = wait_for_log(server, name, "RESTORE_REPORT")
    report = next(message for message in messages if message.startswith("RESTORE_REPORT"))
    assert report.endswith(f" ms\tStatus: error\tError Type: {error_type}\n")


def test_a_hook_has_ten_seconds(server: Server) -> None:
    hook = "from snapshot_restore_py import register_after_restore\nimport time\nregister_after_restore(time.sleep, 60)\n"
    name = publish(server, "snap-slow-hook", hook + "def handler(event, context): return 1")
    with pytest.raises(ClientError, match="couldn't restore the snapshot within the timeout limit") as raised:
        invoke(server, name, Qualifier="1")
    assert raised.value.response["Error"]["Code"] == "SnapStartTimeoutException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 408
    assert "RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout\n" in wait_for_log(server, name, "RESTORE_REPORT")


def test_restored_environments_are_not_the_same(server: Server) -> None:
    name = publish(server, "snap-unique")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: succeed(server, name, {"seconds": 1}, Qualifier="1"), range(4)))
    for what in ("environment", "random", "uuid"):
        assert len({answer[what] for answer in answers}) == 4, what
    assert all(answer["calls"] == ["init", "before 2", "before 1", "after", "handler"] for answer in answers)
    wait_for_log(server, name, "REPORT RequestId", count=4)
    assert sum("RESTORE_REPORT" in "".join(messages) for messages in _streams(server, name).values()) == 4


@pytest.mark.parametrize(
    ("statement", "obstacle"),
    [
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", "it has 2 threads"),
        ("import socket; KEPT = socket.socketpair()", "it has opened socket"),
        ("import select; KEPT = select.epoll()", "it has opened anon_inode"),
        ("import subprocess; KEPT = subprocess.Popen(['sleep', '600'])", "it has started other processes that still run"),
        ("import mmap; KEPT = mmap.mmap(-1, 4096)", "it shares memory (/dev/zero (deleted))"),
        ("import signal; signal.setitimer(signal.ITIMER_VIRTUAL, 600)", "it has set a timer"),
        ("import tempfile; KEPT = tempfile.TemporaryFile()", "it has opened /tmp/"),
    ],
    ids=["thread", "socket", "epoll", "process", "memory", "timer", "deleted-file"],
)
def test_what_cannot_be_forked_is_initialized_one_by_one(server: Server, statement: str, obstacle: str, request: Any) -> None:
    require_forks()
    source = f"import uuid\n{statement}\nBORN = uuid.uuid4().hex\ndef handler(event, context): return BORN\n"
    name = publish(server, f"snap-unforked-{request.node.callspec.id}", source)
    first = succeed(server, name, Qualifier="1")
    assert len(first) == 32
    wait_for_log(server, name, "[alonzo]")
    (line,) = {message for message in read_log(server, name) if message.startswith("[alonzo]")}
    assert line.startswith("[alonzo] SnapStart: environments of this version are initialized one by one, not forked: after INIT it ")
    assert obstacle in line


def test_libraries_that_end_their_threads_for_a_fork_may_have_some(server: Server) -> None:
    """As OpenBLAS does, under NumPy: it registers itself with pthread_atfork(3)."""
    require_forks()
    source = """
import os, threading
STOP, THREADS = threading.Event(), []

def end():
    STOP.set()
    for thread in THREADS:
        thread.join()

THREADS.append(threading.Thread(target=STOP.wait))
THREADS[0].start()
os.register_at_fork(before=end)
BORN = os.urandom(8).hex()

def handler(event, context):
    return BORN
"""
    name = publish(server, "snap-pool", source)
    born = succeed(server, name, Qualifier="1")
    invoke(server, name, Qualifier="1")
    assert not any(message.startswith("[alonzo]") for message in read_log(server, name))
    assert len(born) == 16


def test_without_isolation(start_server: Any) -> None:
    server = start_server("--isolation", "process")
    name = publish(server, "snap-plain")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: succeed(server, name, {"seconds": 1}, Qualifier="1"), range(2)))
    assert len({answer["mark"] for answer in answers}) == 2  # each was initialized for itself
    assert all(answer["calls"] == ["init", "before 2", "before 1", "after", "handler"] for answer in answers)


def test_credentials_are_served(server: Server) -> None:
    name = publish(server, "snap-credentials", SPEAKS_AWS)
    assert succeed(server, name, Qualifier="1") == {
        "key": "000000000000",
        "at_init": "000000000000",
        "method": "container-role",
        "refused": 404,
        "variables": [],
    }


def test_the_runtime_api_keeps_to_its_states(server: Server) -> None:
    name = publish(server, "snap-out-of-turn", ASKS_OUT_OF_TURN)
    assert succeed(server, name, Qualifier="1") == [[403, "InvalidStateTransition"]] * 3
    assert succeed(server, name) == [[403, "InvalidStateTransition"], [404, "InvalidRequest"], [403, "InvalidStateTransition"]]


def test_environments_that_end_are_replaced(server: Server) -> None:
    name = publish(server, "snap-mortal")
    first = succeed(server, name, {}, Qualifier="1")["environment"]
    assert invoke(server, name, "exit", Qualifier="1").error == "Unhandled"
    answer = succeed(server, name, {}, Qualifier="1")
    assert answer["calls"][-2:] == ["after", "handler"]
    assert answer["environment"] != first


@pytest.mark.parametrize("what", ["version", "function"])
def test_deletion_ends_everything(server: Server, what: str) -> None:
    name = publish(server, f"snap-deleted-{what}", Environment={"Variables": {"LEAVES": "a process"}})
    marks = _marks(server, name)
    server.client("lambda").delete_function(FunctionName=name, **({"Qualifier": "1"} if what == "version" else {}))
    eventually(lambda: not any(_runs(mark) for mark in marks), what="the end of its environments", within_seconds=30)


def test_deleting_a_version_that_is_being_initialized(server: Server) -> None:
    mark = "86400.7070707"
    source = (
        f"import subprocess, time\nsubprocess.Popen(['sleep', '{mark}'])\nif True:\n    time.sleep(600)\ndef handler(event, context): pass"
    )
    name = server.deploy("snap-interrupted", source, **_SETTINGS)
    server.client("lambda").publish_version(FunctionName=name)
    eventually(lambda: _runs(mark), what="INIT")
    server.client("lambda").delete_function(FunctionName=name, Qualifier="1")
    eventually(lambda: not _runs(mark), what="the end of INIT")


def test_snapshots_are_made_anew_after_a_restart(start_server: Any, tmp_path: Path) -> None:
    server = start_server(data_directory=tmp_path / "kept")
    name = publish(server, "snap-lasting")
    assert server.stop() == 0
    again = start_server(data_directory=tmp_path / "kept")
    wait_for_log(again, name, "INIT_REPORT", count=2)
    assert succeed(again, name, {}, Qualifier="1")["calls"] == ["init", "before 2", "before 1", "after", "handler"]


def require_forks() -> None:
    if not any(fact.available for fact in inspect() if fact.name == "SnapStart by fork"):
        give_up("this host cannot fork environments")


_SETTINGS: dict[str, Any] = {"Runtime": "python3.12", "Timeout": 20, "SnapStart": {"ApplyOn": "PublishedVersions"}}


def publish(server: Server, name: str, source: str = TELLS_ITS_LIFE, **configuration: Any) -> str:
    """A function whose version 1 has its snapshot."""
    server.deploy(name, source, **(_SETTINGS | configuration))
    server.client("lambda").publish_version(FunctionName=name)
    wait_until_published(server, name, "1")
    return name


def wait_until_published(server: Server, name: str, version: str) -> dict[str, Any]:
    client = server.client("lambda")
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    configuration: dict[str, Any] = client.get_function_configuration(FunctionName=name, Qualifier=version)
    return configuration


def _streams(server: Server, name: str) -> dict[str, list[str]]:
    logs, group = server.client("logs"), f"/aws/lambda/{name}"
    names = [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]]
    return {
        stream: [event["message"] for event in logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]]
        for stream in names
    }


def _marks(server: Server, name: str) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        marks = [answer["mark"] for answer in pool.map(lambda _: succeed(server, name, {"seconds": 1}, Qualifier="1"), range(2))]
    eventually(lambda: any(_runs(mark) for mark in marks), what="a process that the function has left")
    return marks


def _runs(mark: str) -> bool:
    return any(mark in process.info["cmdline"] for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"])
