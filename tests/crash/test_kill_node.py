"""`kill -9` of the node: nothing of it stays behind, nothing it has acknowledged is lost."""

import contextlib
from pathlib import Path

import psutil
import pytest
from tests.conftest import StartServer
from tests.crash.census import take_census
from tests.crash.load import Load
from tests.support.invoking import succeed
from tests.support.server import Server, zip_of
from tests.support.waiting import eventually

from alonzo.node.host_setup import node_name

_SLEEPER = (
    "import os, time\ndef handler(event, context):\n    open('/tmp/mark', 'w').close()\n    time.sleep(event)\n    return os.getpid()\n"
)
_ECHO = "def handler(event, context):\n    return event\n"
_VERSIONED = "def handler(event, context):\n    return 'version {}'\n"
_GONE_SECONDS = 2.0
"""The promise: within 2 s."""


@pytest.mark.parametrize("network", ["host", "isolated"])
def test_nothing_is_left_of_a_node_that_was_killed_under_load(start_server: StartServer, network: str) -> None:
    server = start_server("--network", network)
    echo, sleeper = server.deploy("echo", _ECHO), server.deploy("sleeper", _SLEEPER, Timeout=60)
    with Load(server, echo, event=1) as load, Load(server, sleeper, threads=6, event=30):
        eventually(lambda: load.success_count > 20, what="invocations under way")
        eventually(lambda: len(take_census(server).loop_devices) >= 7 or len(take_census(server).processes) >= 16, what="busy environments")
        census = take_census(server)
        server.kill()
    assert census.processes
    assert census.mounts
    eventually(lambda: census.remaining().is_empty(), what=f"the end of {census}", within_seconds=_GONE_SECONDS)


def test_functions_are_there_after_a_kill_and_work(start_server: StartServer, tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server(data_directory=data)
    name = server.deploy("kept", _VERSIONED.format(1), MemorySize=192, Environment={"Variables": {"KEY": "value"}})
    client = server.client("lambda")
    client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": _VERSIONED.format(2)}))
    before = client.get_function_configuration(FunctionName=name)
    server.kill()
    again = start_server(data_directory=data)
    again.wait_until_settled(name)
    after = again.client("lambda").get_function_configuration(FunctionName=name)
    assert after["CodeSha256"] == before["CodeSha256"]
    assert (after["MemorySize"], after["Environment"]) == (192, {"Variables": {"KEY": "value"}})
    assert succeed(again, name) == "version 2"


def test_every_acknowledged_function_survives_repeated_kills(start_server: StartServer, tmp_path: Path) -> None:
    data, acknowledged = tmp_path / "data", []
    for round_number in range(3):
        server = start_server(data_directory=data)
        for number in range(5):
            name = f"function-{round_number}-{number}"
            server.client("lambda").create_function(
                FunctionName=name,
                Runtime="python3.11",
                Handler="app.handler",
                Role="arn:aws:iam::000000000000:role/test",
                Code={"ZipFile": zip_of({"app.py": _VERSIONED.format(name)})},
            )
            acknowledged.append(name)
        server.kill()
    server = start_server(data_directory=data)
    for name in acknowledged:
        server.wait_until_settled(name)
        assert succeed(server, name) == f"version {name}"


def test_a_restart_cleans_up_what_a_killed_zygote_could_not(start_server: StartServer, tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = start_server(data_directory=data)
    name = server.deploy("echo", _ECHO)
    assert succeed(server, name, 1) == 1
    census = take_census(server)
    _kill_all_at_once(server, census.processes)
    eventually(
        lambda: not (census.remaining().processes or census.remaining().mounts or census.remaining().loop_devices),
        what="the end of the processes",
        within_seconds=_GONE_SECONDS,
    )
    again = start_server(data_directory=data)
    assert succeed(again, name, 2) == 2
    assert {path for path in census.remaining().cgroups if Path(path).name != node_name(data)} == set()


def _kill_all_at_once(server: Server, processes: frozenset[psutil.Process]) -> None:
    """The node first, so that it starts nothing again, then all that were its."""
    server.kill()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
