"""Functions cannot reach other processes, and every way to end has AWS's answer."""

import signal

import psutil
import pytest
from tests.security.conftest import Attack
from tests.security.neighbour import Neighbour
from tests.support.invoking import invoke, succeed
from tests.support.server import Server
from tests.support.waiting import eventually


def test_signals_reach_nobody_else(node: Server, attack: Attack) -> None:
    mine = psutil.Process(node.process.pid)
    targets = [mine.pid, *(child.pid for child in mine.children(recursive=True))]
    with Neighbour(node):
        answer = attack(node, "processes.signal_others", targets)
    assert answer.error is None, answer.value
    assert set(answer.value.values()) <= {"ESRCH"}
    assert all(psutil.pid_exists(target) for target in targets[:2])


def test_a_function_that_never_returns_is_ended(node: Server, attack: Attack) -> None:
    with Neighbour(node):
        answer = attack(node, "processes.never_return", Timeout=1)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Sandbox.Timedout"
    assert answer.value["errorMessage"] == f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds"


def test_a_function_that_stops_itself_times_out(host_network: Server, attack: Attack) -> None:
    answer = attack(host_network, "processes.stop_itself", Timeout=1)
    assert answer.value["errorMessage"].endswith("Task timed out after 1.00 seconds")


@pytest.mark.parametrize(
    ("handler", "event", "message"),
    [
        ("exit_with", 3, "Runtime exited with error: exit status 3"),
        ("exit_with", None, "Runtime exited without providing a reason"),
        ("exit_with", "with words", "Runtime exited with error: exit status 1"),
        ("exit_at_once", 0, "Runtime exited without providing a reason"),
        ("exit_at_once", 77, "Runtime exited with error: exit status 77"),
        ("kill_itself", int(signal.SIGKILL), "Runtime exited with error: signal: killed"),
        ("kill_itself", int(signal.SIGTERM), "Runtime exited with error: signal: terminated"),
        ("crash", None, "Runtime exited with error: signal: segmentation fault"),
        ("replace_itself", None, "Runtime exited without providing a reason"),
    ],
)
def test_every_end_has_its_words(host_network: Server, attack: Attack, handler: str, event: object, message: str) -> None:
    answer = attack(host_network, f"processes.{handler}", event)
    assert answer.error == "Unhandled"
    assert answer.value == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {answer.request_id} Error: {message}"}


def test_endless_recursion_is_an_error_of_the_function(host_network: Server, attack: Attack) -> None:
    assert attack(host_network, "processes.recurse_without_end").value["errorType"] == "RecursionError"


def test_a_function_without_descriptors_still_answers(node: Server, attack: Attack) -> None:
    answer = attack(node, "processes.close_descriptors")
    assert answer.error is None, answer.value
    assert answer.value == "still here"


def test_a_child_lives_as_long_as_its_environment(node: Server, deploy: Attack) -> None:
    seconds = f"{98_000 + node.process.pid / 100_000:.5f}"
    name = deploy(node, "processes.leave_child")
    succeed(node, name, seconds)
    eventually(lambda: _sleepers(seconds), what="a sleeping child on the host")
    node.client("lambda").delete_function(FunctionName=name)
    eventually(lambda: not _sleepers(seconds), what="the end of the child")


def test_after_a_crash_the_next_invocation_works(host_network: Server, deploy: Attack) -> None:
    name = deploy(host_network, "processes.exit_at_once")
    for _ in range(3):
        assert invoke(host_network, name, 1).value["errorType"] == "Runtime.ExitError"


def _sleepers(seconds: str) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["/bin/sleep", seconds]]
