"""Ending a tree of processes by means that every system has, and by Linux's."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.support.processes import is_alive
from tests.support.waiting import eventually

from alonzo.guest import processes

LEADER = """
import os, subprocess, sys
os.setsid()
nested = "import subprocess, threading; t = threading.Thread(target=subprocess.run, args=[['/bin/sleep', '600']]); t.start(); t.join()"
subprocess.Popen(["/bin/sleep", "600"])
subprocess.Popen([sys.executable, "-c", nested], start_new_session=True)
print(flush=True)
sys.stdin.read()
"""
ENDS_ITSELF = f"""
import sys
sys.path.insert(0, {str(Path(processes.__file__).parents[2])!r})
from alonzo.guest import processes
exec({LEADER.replace("sys.stdin.read()", "")!r})
sys.stdin.read()
processes.kill_tree(os.getpid())
"""


@pytest.fixture(params=["linux", "darwin"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "platform", request.param)
    return str(request.param)


def start(program: str) -> "tuple[subprocess.Popen[bytes], list[psutil.Process]]":
    leader = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert leader.stdout is not None
    leader.stdout.readline()
    own = psutil.Process(leader.pid)
    eventually(lambda: len(own.children(recursive=True)) == 3, what="two sleepers and one who has left the group")
    return leader, own.children(recursive=True)


def close(leader: "subprocess.Popen[bytes]") -> None:
    assert leader.stdin is not None
    assert leader.stdout is not None
    leader.stdin.close()
    leader.stdout.close()


def test_a_tree_ends_with_those_who_have_left_its_group(system: str) -> None:
    leader, others = start(LEADER)
    processes.kill_tree(leader.pid)
    assert leader.wait() == -9, system
    eventually(lambda: not any(is_alive(each) for each in others), what=f"the end of {others}")
    close(leader)


@pytest.mark.parametrize("prelude", ["", "import sys; sys.platform = 'darwin'\n"])
def test_a_leader_ends_its_own_tree_and_itself(prelude: str) -> None:
    leader, others = start(prelude + ENDS_ITSELF)
    close(leader)
    assert leader.wait() == -9
    eventually(lambda: not any(is_alive(each) for each in others), what=f"the end of {others}")


def test_a_leader_that_leads_nothing_yet(system: str) -> None:
    with subprocess.Popen(["/bin/sleep", "600"]) as leader:
        processes.kill_tree(leader.pid)
        assert leader.wait() == -9, system


def test_what_has_ended_already(system: str) -> None:
    with subprocess.Popen(["/bin/true"], start_new_session=True) as ended:
        ended.wait()
    processes.kill(ended.pid)
    processes.kill_group(ended.pid)
    processes.kill_tree(ended.pid)
    assert system


def test_a_group_whose_leader_has_ended() -> None:
    program = "import os, subprocess; os.setsid(); print(subprocess.Popen(['/bin/sleep', '600'], stdout=-3, stderr=-3).pid)"
    leader = subprocess.run([sys.executable, "-c", program + "; print(os.getpid())"], capture_output=True, check=True)
    child, group = map(int, leader.stdout.split())
    left = psutil.Process(child)
    assert os.getpgid(child) == group
    processes.kill_group(group)
    eventually(lambda: not is_alive(left), what="the end of the child")
