"""`kill -9` of the node's own children: it recovers."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
from tests.conftest import StartServer
from tests.crash.load import Load
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.processes import children_with
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

_CROWD = 30
_ECHO = "def handler(event, context):\n    return event\n"


def _children(server: Server, mark: str) -> list[psutil.Process]:
    return children_with(server.process.pid, mark)


def test_a_killed_zygote_is_replaced(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("echo", _ECHO)
    with Load(server, name, threads=2, event=1) as load:
        eventually(lambda: load.success_count > 20, what="invocations under way")
        (zygote,) = _children(server, "zygote.py")
        zygote.send_signal(signal.SIGKILL)
        before = load.success_count
        eventually(lambda: load.success_count > before + 100, what="invocations after the kill")
    # What was in flight fails as a function that was killed, or, if the replacement takes longer than the retries, as an internal error.
    assert len(load.failures) <= 4, load.failures
    (replacement,) = _children(server, "zygote.py")
    assert replacement.pid != zygote.pid


def test_a_zygote_ends_with_its_node_alone_and_functions_keep_their_signals(start_server: StartServer) -> None:
    server = start_server()
    source = (
        "import signal, time\n"
        "def handler(event, context):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(event)\n"
        "    kept = all(signal.getsignal(number) is signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD))\n"
        "    return kept and signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    name = server.deploy("sleeper", source)
    (zygote,) = _children(server, "zygote.py")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(succeed, server, name, 1)
        wait_for_log(server, name, "begun")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):  # as a service manager sends to all that a service has started
            zygote.send_signal(number)
        assert answer.result() is True
    assert zygote in _children(server, "zygote.py")


def test_a_crowd_is_forked_by_several_zygotes_and_outlives_one(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("sleeper", "import time\ndef handler(event, context):\n    time.sleep(1)\n    return event\n", Timeout=90)
    (zygote,) = _children(server, "zygote.py")
    zygote.suspend()  # so that sandboxes queue up
    with ThreadPoolExecutor(_CROWD) as pool:
        answers = [pool.submit(succeed, server, name, number) for number in range(_CROWD)]
        expected = min(os.cpu_count() or 1, 2)
        eventually(lambda: len(_children(server, "zygote.py")) >= expected, what="another zygote", within_seconds=60)
        zygote.resume()
        assert [answer.result() for answer in answers] == list(range(_CROWD))
    zygote.send_signal(signal.SIGKILL)
    with ThreadPoolExecutor(_CROWD) as pool:
        told = list(pool.map(lambda number: invoke(server, name, number), range(_CROWD)))
    assert all(answer.error or answer.value == number for number, answer in enumerate(told))
    assert [succeed(server, name, number) for number in range(5)] == list(range(5))


def test_the_caller_of_an_environment_that_died_with_its_zygote_is_told(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("sleeper", "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(event)\n", Timeout=90)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke, server, name, 60)
        wait_for_log(server, name, "begun")
        (zygote,) = _children(server, "zygote.py")
        zygote.send_signal(signal.SIGKILL)
        told = answer.result().value
    assert told["errorType"] == "Runtime.ExitError"
    assert told["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_a_killed_store_comes_back_and_has_lost_nothing(start_server: StartServer) -> None:
    server = start_server()
    names = [server.deploy(f"before-{number}", _ECHO) for number in range(5)]
    (store,) = _children(server, "nats-server")
    store.send_signal(signal.SIGKILL)
    assert [succeed(server, name, name) for name in names] == names  # invoking needs no store
    client = server.client("lambda", retries={"total_max_attempts": 5}, read_timeout=20)
    client.create_function(
        FunctionName="after", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": _ECHO})}
    )
    server.wait_until_settled("after")
    assert succeed(server, "after", 1) == 1
    listed = {function["FunctionName"] for function in client.list_functions()["Functions"]}
    assert listed == {*names, "after"}
