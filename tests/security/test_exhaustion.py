"""Functions that take whatever there is get their share and no more."""

import pytest
from tests.security.conftest import Attack
from tests.security.neighbour import Neighbour
from tests.support.server import Server

from alonzo.model.quotas import FILE_DESCRIPTORS_MAX, PROCESSES_MAX, PROCESSES_WITHOUT_CPU_LIMIT_MAX

_KILLED = "Runtime exited with error: signal: killed"


def test_a_fork_bomb_ends_with_its_timeout(node: Server, attack: Attack) -> None:
    with Neighbour(node):
        answer = attack(node, "exhaustion.bomb_forks", Timeout=3, MemorySize=1_024)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Sandbox.Timedout"
    assert answer.value["errorMessage"].endswith("Error: Task timed out after 3.00 seconds")


def test_a_memory_bomb_is_killed_at_its_limit(host_network: Server, attack: Attack) -> None:
    with Neighbour(host_network):
        answer = attack(host_network, "exhaustion.bomb_memory", MemorySize=128)
    assert answer.error == "Unhandled"
    assert answer.value["errorType"] == "Runtime.OutOfMemory"
    assert answer.value["errorMessage"].endswith(_KILLED)


def test_a_child_that_is_killed_for_its_memory_does_not_end_the_runtime(host_network: Server, attack: Attack) -> None:
    answer = attack(host_network, "exhaustion.bomb_memory_in_child", MemorySize=128)
    assert answer.error is None, answer.value
    assert answer.value == "SIGKILL"


def test_tmp_is_capped_at_the_ephemeral_storage_and_is_not_memory(host_network: Server, attack: Attack) -> None:
    with Neighbour(host_network):
        answer = attack(host_network, "exhaustion.fill_tmp", MemorySize=128, Timeout=60)
    assert answer.error is None, answer.value
    assert answer.value["error"] == "ENOSPC"
    assert 440 <= answer.value["written_mib"] <= 512


def test_tmp_is_as_large_as_configured(own_network: Server, attack: Attack) -> None:
    answer = attack(own_network, "exhaustion.fill_tmp", MemorySize=128, Timeout=60, EphemeralStorage={"Size": 700})
    assert answer.error is None, answer.value
    assert answer.value["error"] == "ENOSPC"
    assert 620 <= answer.value["written_mib"] <= 700


def test_tmp_is_capped_in_memory_too(rootless: Server, attack: Attack) -> None:
    answer = attack(rootless, "exhaustion.fill_tmp", MemorySize=1_024, Timeout=60)
    assert answer.value == {"written_mib": 512, "error": "ENOSPC"}


def test_many_small_files_fill_nothing_but_tmp(host_network: Server, attack: Attack) -> None:
    with Neighbour(host_network):
        answer = attack(host_network, "exhaustion.make_many_files", MemorySize=512, Timeout=60)
    assert answer.error is None, answer.value
    assert answer.value["error"] == "ENOSPC"


def test_leaked_descriptors_are_counted(node: Server, attack: Attack) -> None:
    answer = attack(node, "exhaustion.leak_descriptors")
    assert answer.error is None, answer.value
    assert answer.value["error"] == "EMFILE"
    assert FILE_DESCRIPTORS_MAX - 20 <= answer.value["count"] < FILE_DESCRIPTORS_MAX


def test_threads_are_counted_as_processes(node: Server, rootless: Server, attack: Attack) -> None:
    with Neighbour(node):
        answer = attack(node, "exhaustion.start_threads", MemorySize=512)
    assert answer.error is None, answer.value
    limit = PROCESSES_WITHOUT_CPU_LIMIT_MAX if node is rootless else PROCESSES_MAX
    assert limit - 20 <= answer.value < limit


def test_a_gigabyte_of_log_holds_up_nobody_else(host_network: Server, attack: Attack) -> None:
    with Neighbour(host_network):
        answer = attack(host_network, "exhaustion.flood_log", Timeout=6)
    if answer.error is None:
        assert answer.value == "written"
    else:
        assert answer.value["errorMessage"].endswith("Task timed out after 6.00 seconds")


def test_broken_log_frames_break_nothing(host_network: Server, attack: Attack) -> None:
    with Neighbour(host_network):
        answer = attack(host_network, "exhaustion.send_broken_frames")
    assert answer.value == "written"


@pytest.mark.parametrize("handler", ["exhaustion.take_inotify_instances", "exhaustion.queue_signals"])
def test_what_the_kernel_counts_by_user_is_not_taken_from_others(
    host_network: Server, attack: Attack, deploy: Attack, handler: str
) -> None:
    name = deploy(host_network, handler, MemorySize=512)
    assert host_network.client("lambda").invoke(FunctionName=name)["Payload"].read() != b"0"
    # The first one's environment is idle now and still holds what it took.
    answer = attack(host_network, handler, MemorySize=512)
    assert answer.value > 100
