"""`--isolation process` with everything of Linux's own taken away from node and guests (`tests/support/without_linux.py`).

This is how macOS is tested as long as no Mac is at hand: it shows what is not needed, not what a Mac would add.
"""

import contextlib
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.processes import children_with, is_alive
from tests.support.server import ALONZO, Server
from tests.support.waiting import eventually

WITHOUT_LINUX = (sys.executable, str(Path(__file__).parents[1] / "support" / "start_without_linux.py"))
_GONE_SECONDS = 20.0

_TELLS = """
import os, sys
def handler(event, context):
    print("got", event)
    told = {"event": event, "process": os.getpid(), "platform": sys.platform}
    return told | {"variable": os.environ.get("NAME"), "tmp": os.environ["TMPDIR"]}
"""
_SLEEPS = """
import subprocess, time
def handler(event, context):
    subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    subprocess.Popen(["/bin/sleep", "600"])
    print("begun", flush=True)
    time.sleep(event)
"""
_ASKS_THE_RUNTIME_API = """
import os, subprocess, sys
PROGRAM = '''
import os, urllib.error, urllib.request
try:
    urllib.request.urlopen("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/next")
except urllib.error.HTTPError as error:
    print(error.code)
'''
def handler(event, context):
    answer = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, check=True).stdout
    return [os.environ["AWS_LAMBDA_RUNTIME_API"], answer.decode().strip()]
"""


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without Linux, for all tests that leave it alive."""
    with start_portable(tmp_path_factory.mktemp("portable") / "data") as server:
        yield server


def start_portable(data_directory: Path) -> Server:
    return Server.start("--isolation", "process", data_directory=data_directory, command=WITHOUT_LINUX)


def start_plain(data_directory: Path) -> Server:
    return Server.start("--isolation", "process", data_directory=data_directory)


def test_a_function_runs_cold_and_warm_and_logs(portable: Server) -> None:
    name = portable.deploy("tells", _TELLS)
    cold, warm = (succeed(portable, name, number) for number in range(2))
    assert (cold["platform"], cold["event"], warm["event"]) == ("darwin", 0, 1)
    assert cold["process"] == warm["process"]
    assert Path(cold["tmp"]).is_relative_to(portable.data_directory)
    messages = wait_for_log(portable, name, "REPORT RequestId", count=2)
    assert [message for message in messages if message.startswith("got")] == ["got 0\n", "got 1\n"]


def test_what_is_larger_than_a_sockets_buffer_arrives_whole(portable: Server) -> None:
    value = "é" * 2_000
    name = portable.deploy("large", _TELLS, Environment={"Variables": {"NAME": value}})
    assert succeed(portable, name, "x" * 1_000_000) == succeed(portable, name, "x" * 1_000_000)
    assert succeed(portable, name)["variable"] == value


def test_many_environments_at_once(portable: Server) -> None:
    name = portable.deploy("many", "import os, time\ndef handler(event, context):\n    time.sleep(1)\n    return os.getpid()\n", Timeout=30)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: succeed(portable, name), range(8)))) == 8


def test_faults_have_the_same_words(portable: Server) -> None:
    name = portable.deploy("late", "import time\ndef handler(event, context):\n    time.sleep(60)\n", Timeout=1)
    assert invoke(portable, name).value["errorMessage"].endswith("Task timed out after 1.00 seconds")
    name = portable.deploy("dies", "import os\ndef handler(event, context):\n    os.kill(os.getpid(), 9)\n")
    assert invoke(portable, name).value["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_the_runtime_api_is_for_the_functions_own_processes(portable: Server) -> None:
    address, status = succeed(portable, portable.deploy("asks", _ASKS_THE_RUNTIME_API), None)
    assert status == "403"  # not while an invocation runs: but it was let in
    with pytest.raises(OSError, match=r"(?i)reset|closed|without response"):
        urllib.request.urlopen(f"http://{address}/2018-06-01/runtime/invocation/next")


def test_processes_end_with_their_environment(portable: Server) -> None:
    name = portable.deploy("leaves", _SLEEPS, Timeout=4)
    invoke(portable, name, 0)
    assert len(sleepers(portable)) == 2
    assert invoke(portable, name, 60).error
    eventually(lambda: not sleepers(portable), what="the end of the function's children")


@pytest.mark.parametrize("start", [start_plain, start_portable])
def test_nothing_is_left_of_a_node_that_was_killed(start: Callable[[Path], Server], tmp_path: Path) -> None:
    with start(tmp_path / "data") as server, ThreadPoolExecutor() as pool:
        name = server.deploy("sleeps", _SLEEPS, Timeout=60)
        answer = pool.submit(invoke, server, name, 50)
        wait_for_log(server, name, "begun")
        processes = psutil.Process(server.process.pid).children(recursive=True)
        assert {"sleep", "nats-server"} <= {process.name() for process in processes}
        server.kill()
        assert answer.exception() is not None
        eventually(lambda: not alive(processes), what=f"the end of {processes}", within_seconds=_GONE_SECONDS)


@pytest.mark.parametrize("start", [start_plain, start_portable])
def test_nothing_is_left_of_a_zygote_that_was_killed(start: Callable[[Path], Server], tmp_path: Path) -> None:
    with start(tmp_path / "data") as server, ThreadPoolExecutor() as pool:
        name = server.deploy("sleeps", _SLEEPS, Timeout=60)
        answer = pool.submit(invoke, server, name, 50)
        wait_for_log(server, name, "begun")
        (zygote,) = children_with(server.process.pid, "zygote.py")
        processes = zygote.children(recursive=True)
        zygote.send_signal(signal.SIGKILL)
        assert answer.result().value["errorMessage"].endswith("Runtime exited with error: signal: killed")
        eventually(lambda: not alive(processes), what=f"the end of {processes}", within_seconds=_GONE_SECONDS)
        assert invoke(server, server.deploy("tells", _TELLS), 1).value["event"] == 1


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    with start_portable(tmp_path / "data") as server:
        succeed(server, server.deploy("tells", _TELLS), 1)
        processes = psutil.Process(server.process.pid).children(recursive=True)
        assert server.stop() == 0
        # All have been killed by now; the kernel takes the last of them away in its own time.
        eventually(lambda: not alive(processes), what=f"the end of {processes}", within_seconds=_GONE_SECONDS)


def test_namespaces_are_refused_with_the_remedy() -> None:
    done = subprocess.run([*WITHOUT_LINUX, "up", "--port", "0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "macOS has no namespaces to isolate functions with; start with --isolation process" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_what_it_means() -> None:
    done = subprocess.run([*WITHOUT_LINUX, "doctor", "--port", "0"], capture_output=True, text=True, check=False)
    assert "macOS has none: nothing can be isolated or limited" in done.stdout
    assert done.returncode == 1
    for command in (WITHOUT_LINUX, (ALONZO,)):
        done = subprocess.run([*command, "doctor", "--port", "0", "--isolation", "process"], capture_output=True, text=True, check=False)
        assert "functions can read, change and stop whatever you can" in done.stdout
        assert done.returncode == 0


def sleepers(server: Server) -> list[psutil.Process]:
    return [each for each in alive(psutil.Process(server.process.pid).children(recursive=True)) if is_sleeper(each)]


def is_sleeper(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.name() == "sleep")
    return False


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; whoever has adopted them may not have reaped them yet."""
    return [process for process in processes if is_alive(process)]
