"""SIGTERM, a second SIGTERM, and nodes side by side."""

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import StartServer
from tests.crash.census import take_census
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import ALONZO
from tests.support.waiting import eventually

_SLEEPER = "import time\ndef handler(event, context):\n    print('begun', flush=True)\n    time.sleep(event)\n    return 'slept'\n"
_ECHO = "def handler(event, context):\n    return event\n"


def test_sigterm_lets_an_invocation_in_flight_finish(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("sleeper", _SLEEPER, Timeout=60)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke, server, name, 3)
        wait_for_log(server, name, "begun")
        census = take_census(server)
        assert server.stop() == 0
        assert answer.result().value == "slept"
    eventually(lambda: census.remaining().is_empty(), what="the end of everything")


def test_a_second_sigterm_ends_at_once(start_server: StartServer) -> None:
    server = start_server()
    name = server.deploy("sleeper", _SLEEPER, Timeout=120)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(invoke, server, name, 100)
        wait_for_log(server, name, "begun")
        census = take_census(server)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "finishing what is running" in server.log_file.read_text(), what="word of the drain")
        assert server.process.poll() is None
        started_at = time.monotonic()
        assert server.stop() == 130
        assert time.monotonic() - started_at < 20  # neither the 100 s of the function nor the 30 s of the drain
        assert answer.exception() is not None or answer.result().error
    eventually(lambda: census.remaining().is_empty(), what="the end of everything")


def test_two_nodes_do_not_disturb_each_other(start_server: StartServer, tmp_path: Path) -> None:
    one, two = (start_server(data_directory=tmp_path / name) for name in ("one", "two"))
    for server, text in ((one, "one"), (two, "two")):
        server.deploy("same-name", f"def handler(event, context):\n    return '{text}'\n")
    assert (succeed(one, "same-name"), succeed(two, "same-name")) == ("one", "two")
    one.kill()
    assert succeed(two, "same-name") == "two"
    again = start_server(data_directory=tmp_path / "one")
    assert (succeed(again, "same-name"), succeed(two, "same-name")) == ("one", "two")


def test_a_second_node_on_a_data_directory_is_refused(start_server: StartServer, tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server(data_directory=data)
    server.deploy("echo", _ECHO)
    refused = subprocess.run(
        [ALONZO, "up", "--port", "0", "--data-dir", str(data)], capture_output=True, text=True, check=False, timeout=30
    )
    assert refused.returncode != 0
    assert f"the data directory {data} is in use by the node with process id {server.process.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert succeed(server, "echo", 1) == 1
