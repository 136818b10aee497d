"""`--isolation process` promises no walls, but the same answers, and that ends are ends."""

import psutil
from tests.security.conftest import Attack
from tests.support.invoking import succeed
from tests.support.server import Server
from tests.support.waiting import eventually


def test_it_is_said_loudly(unisolated: Server) -> None:
    assert "functions are NOT isolated" in unisolated.log_file.read_text()


def test_faults_have_the_same_words(unisolated: Server, attack: Attack) -> None:
    timeout = attack(unisolated, "processes.never_return", Timeout=1)
    assert timeout.value["errorMessage"].endswith("Task timed out after 1.00 seconds")
    exit_status = attack(unisolated, "processes.exit_with", 3)
    assert exit_status.value["errorMessage"].endswith("Runtime exited with error: exit status 3")
    killed = attack(unisolated, "processes.kill_itself", 9)
    assert killed.value["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_descriptors_are_limited(unisolated: Server, attack: Attack) -> None:
    assert attack(unisolated, "exhaustion.leak_descriptors").value["error"] == "EMFILE"


def test_children_end_with_their_environment(unisolated: Server, deploy: Attack) -> None:
    seconds = f"{97_000 + unisolated.process.pid / 100_000:.5f}"
    name = deploy(unisolated, "processes.leave_child")
    succeed(unisolated, name, seconds)
    eventually(lambda: _sleepers(seconds), what="a sleeping child")
    unisolated.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: not _sleepers(seconds), what="the end of the child")


def _sleepers(seconds: str) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["/bin/sleep", seconds]]
