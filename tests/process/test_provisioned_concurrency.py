"""Provisioned concurrency: environments that are there before anybody invokes them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from tests.support.invoking import succeed, wait_for_log
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

NAMES_ITSELF = """
import os, subprocess, time, uuid
ENVIRONMENT = uuid.uuid4().hex
INITIALIZED_AT = time.time()
MARK = f"86400.{uuid.uuid4().int % 10 ** 12}"
subprocess.Popen(["sleep", MARK])

def handler(event, context):
    if event == "exit":
        os._exit(1)
    time.sleep(event or 0)
    return {
        "environment": ENVIRONMENT,
        "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
        "version": context.function_version,
        "initialized_at": INITIALIZED_AT,
        "mark": MARK,
    }
"""


def test_ready_means_no_cold_start(server: Server) -> None:
    name = publish(server, "warm")
    provision(server, name, "1", 2)
    ready = wait_until(server, name, "1", "READY")
    assert (ready["AllocatedProvisionedConcurrentExecutions"], ready["AvailableProvisionedConcurrentExecutions"]) == (2, 2)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: succeed(server, name, 1, Qualifier="1"), range(2)))
    assert {answer["type"] for answer in answers} == {"provisioned-concurrency"}
    assert len({answer["environment"] for answer in answers}) == 2
    messages = wait_for_log(server, name, "REPORT RequestId", count=2)
    assert sum("INIT_START" in message for message in messages) == 2
    assert succeed(server, name)["type"] == "on-demand"  # $LATEST has none


def test_what_goes_beyond_is_on_demand(server: Server) -> None:
    name = publish(server, "spilling")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: succeed(server, name, 2, Qualifier="1"), range(2)))
    assert sorted(answer["type"] for answer in answers) == ["on-demand", "provisioned-concurrency"]
    assert {succeed(server, name, 0, Qualifier="1")["type"] for _ in range(3)} == {"provisioned-concurrency"}


def test_deletion_ends_the_environments(server: Server) -> None:
    name = publish(server, "ending")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    mark = succeed(server, name, Qualifier="1")["mark"]
    assert runs(mark)
    server.client("lambda").delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    eventually(lambda: not runs(mark), what="the end of the environment")
    assert succeed(server, name, Qualifier="1")["type"] == "on-demand"


def test_environments_go_with_their_function(server: Server) -> None:
    name = publish(server, "going")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    mark = succeed(server, name, Qualifier="1")["mark"]
    server.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: not runs(mark), what="the end of the environment")


def test_environments_that_end_are_replaced(server: Server) -> None:
    name = publish(server, "mortal")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    first = succeed(server, name, Qualifier="1")["environment"]
    server.client("lambda").invoke(FunctionName=name, Qualifier="1", Payload=b'"exit"')
    wait_until(server, name, "1", "READY")
    answer = succeed(server, name, Qualifier="1")
    assert (answer["type"], answer["environment"] != first) == ("provisioned-concurrency", True)


def test_environments_follow_their_alias(server: Server) -> None:
    name, client = publish(server, "aliased"), server.client("lambda")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    provision(server, name, "live", 1)
    wait_until(server, name, "live", "READY")
    before = succeed(server, name, Qualifier="live")
    client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": NAMES_ITSELF + "\n# changed\n"}), Publish=True)
    server.wait_until_settled(name)
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    wait_until(server, name, "live", "READY")
    after = succeed(server, name, Qualifier="live")
    assert [(answer["type"], answer["version"]) for answer in (before, after)] == [
        ("provisioned-concurrency", "1"),
        ("provisioned-concurrency", "2"),
    ]
    eventually(lambda: not runs(before["mark"]), what="the end of the environment of the old version")


def test_a_function_that_cannot_be_initialized_fails(server: Server) -> None:
    name, client = server.deploy("broken", "raise RuntimeError('no')"), server.client("lambda")
    client.publish_version(FunctionName=name)
    provision(server, name, "1", 1)
    failed = wait_until(server, name, "1", "FAILED")
    assert failed["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    assert failed["AvailableProvisionedConcurrentExecutions"] == 0


def test_environments_are_there_again_after_a_restart(start_server: Any, tmp_path: Any) -> None:
    server = start_server(data_directory=tmp_path / "kept")
    name = publish(server, "lasting")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    assert server.stop() == 0
    again = start_server(data_directory=tmp_path / "kept")
    wait_until(again, name, "1", "READY")
    assert succeed(again, name, Qualifier="1")["type"] == "provisioned-concurrency"


def test_environments_outlive_the_keep_alive_time(start_server: Any) -> None:
    server = start_server("--keep-alive", "1")
    name = publish(server, "patient")
    provision(server, name, "1", 1)
    wait_until(server, name, "1", "READY")
    kept, on_demand = succeed(server, name, Qualifier="1"), succeed(server, name)
    eventually(lambda: not runs(on_demand["mark"]), what="the end of the environment on demand")
    assert succeed(server, name, Qualifier="1")["environment"] == kept["environment"]


def publish(server: Server, name: str) -> str:
    """A function with a version 1."""
    server.deploy(name, NAMES_ITSELF, Timeout=30, MemorySize=256)
    server.client("lambda").publish_version(FunctionName=name)
    return name


def provision(server: Server, name: str, qualifier: str, count: int) -> None:
    server.client("lambda").put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def wait_until(server: Server, name: str, qualifier: str, status: str) -> dict[str, Any]:
    client = server.client("lambda")

    def look() -> dict[str, Any] | None:
        answer: dict[str, Any] = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        return answer if answer["Status"] == status else None

    return eventually(look, what=f"provisioned concurrency {status}", within_seconds=30.0)


def runs(mark: str) -> bool:
    """Whether a process of an environment is there."""
    return any(process.info["cmdline"] and mark in process.info["cmdline"] for process in psutil.process_iter(["cmdline"]))
