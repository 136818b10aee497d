"""When environments are made and ended: changes of the function, keep-alive, deletion, concurrency, restarts of the server."""

import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from tests.conftest import StartServer
from tests.support.invoking import invoke, read_log, succeed, wait_for_log
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

NAMES_ITSELF = """
import os, time, uuid
ENVIRONMENT = uuid.uuid4().hex

def handler(event, context):
    print("begun", flush=True)
    time.sleep(event or 0)
    return {"environment": ENVIRONMENT, "code": 1, "variable": os.environ.get("VARIABLE")}
"""

LEAVES_A_MARK = """
import random, subprocess
MARK = f"{random.uniform(100_000, 900_000):.6f}"
subprocess.Popen(["sleep", MARK])

def handler(event, context):
    return MARK
"""


def test_updated_code_is_what_the_next_invocation_runs(server: Server) -> None:
    name = server.deploy("new-code", NAMES_ITSELF)
    assert succeed(server, name)["code"] == 1
    server.client("lambda").update_function_code(
        FunctionName=name, ZipFile=zip_of({"app.py": NAMES_ITSELF.replace('"code": 1', '"code": 2')})
    )
    server.wait_until_settled(name)
    assert succeed(server, name)["code"] == 2


def test_a_changed_configuration_is_what_the_next_invocation_sees(server: Server) -> None:
    name = server.deploy("new-configuration", NAMES_ITSELF)
    before = succeed(server, name)
    server.client("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": {"VARIABLE": "new"}})
    server.wait_until_settled(name)
    after = succeed(server, name)
    assert (before["variable"], after["variable"]) == (None, "new")
    assert before["environment"] != after["environment"]


@pytest.mark.parametrize("change", ["code", "configuration", "deletion"])
def test_an_invocation_in_flight_outlives_a_change(server: Server, change: str) -> None:
    name = server.deploy(f"in-flight-{change}", NAMES_ITSELF, Timeout=20)
    client = server.client("lambda")
    changes = {
        "code": lambda: client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": "def handler(event, context): return 2"})),
        "configuration": lambda: client.update_function_configuration(FunctionName=name, Timeout=19),
        "deletion": lambda: client.delete_function(FunctionName=name),
    }
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, server, name, 6)
        wait_for_log(server, name, "begun")
        changes[change]()
        assert not running.done()
        answer = running.result(30)
    assert (answer.error, answer.value["code"]) == (None, 1)


def test_invocations_do_not_fail_while_the_function_changes(server: Server) -> None:
    name = server.deploy("ever-changing", NAMES_ITSELF)
    client = server.client("lambda", max_pool_connections=8)

    def call_until(deadline: float) -> list[str]:
        errors = []
        while time.monotonic() < deadline:
            answer = client.invoke(FunctionName=name, Payload=b"0")
            if "FunctionError" in answer:
                errors.append(answer["Payload"].read().decode())
        return errors

    with ThreadPoolExecutor(3) as pool:
        callers = [pool.submit(call_until, time.monotonic() + 2) for _ in range(3)]
        for timeout in range(4, 10):
            client.update_function_configuration(FunctionName=name, Timeout=timeout)
            server.wait_until_settled(name)
            succeed(server, name, 0)
        assert [caller.result(30) for caller in callers] == [[], [], []]


def test_concurrent_invocations_get_environments_of_their_own_and_later_ones_reuse_them(server: Server) -> None:
    name = server.deploy("concurrent", NAMES_ITSELF, Timeout=30)
    with ThreadPoolExecutor(5) as pool:
        at_once = {answer["environment"] for answer in pool.map(lambda _: succeed(server, name, 1), range(5))}
    assert len(at_once) == 5
    later = {succeed(server, name, 0)["environment"] for _ in range(5)}
    assert len(later) == 1
    assert later < at_once


def test_idle_environments_end_after_the_keep_alive_time(start_server: StartServer) -> None:
    server = start_server("--keep-alive", "1")
    name = server.deploy("short-lived", LEAVES_A_MARK)
    mark = succeed(server, name)
    eventually(lambda: not is_running(mark), what="the idle environment's end")
    assert succeed(server, name) != mark
    assert sum(message.startswith("INIT_START") for message in wait_for_log(server, name, "REPORT RequestId", count=2)) == 2


def test_a_deleted_function_takes_its_environments_along(server: Server) -> None:
    name = server.deploy("deleted", LEAVES_A_MARK)
    mark = succeed(server, name)
    assert is_running(mark)
    client = server.client("lambda")
    client.delete_function(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=f"Function not found: .*:function:{name}"):
        client.invoke(FunctionName=name)
    eventually(lambda: not is_running(mark), what="the end of the deleted function's environment")


def test_a_function_created_again_is_a_new_one(server: Server) -> None:
    name = server.deploy("again", NAMES_ITSELF)
    before = succeed(server, name)
    server.client("lambda").delete_function(FunctionName=name)
    server.deploy(name, NAMES_ITSELF)
    assert succeed(server, name)["environment"] != before["environment"]


def test_functions_and_their_logs_outlive_a_restart(start_server: StartServer) -> None:
    first = start_server()
    name = first.deploy("durable", NAMES_ITSELF, Environment={"Variables": {"VARIABLE": "kept"}})
    configuration = first.client("lambda").get_function_configuration(FunctionName=name)
    succeed(first, name)
    wait_for_log(first, name, "REPORT RequestId")
    assert first.stop() == 0
    second = start_server(data_directory=first.data_directory)
    again = second.client("lambda").get_function_configuration(FunctionName=name)
    assert {**configuration, "ResponseMetadata": None} == {**again, "ResponseMetadata": None}
    assert sum(message.startswith("REPORT") for message in read_log(second, name)) == 1
    assert succeed(second, name)["variable"] == "kept"
    wait_for_log(second, name, "REPORT RequestId", count=2)


def test_stopping_waits_for_the_invocation_in_flight(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("drained", NAMES_ITSELF, Timeout=20)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, server, name, 1)
        wait_for_log(server, name, "begun")
        status = server.stop()
        assert running.result(30).value["code"] == 1
    assert status == 0


def is_running(mark: str) -> bool:
    """Whether a process with this argument runs on this machine."""
    return any(mark in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
