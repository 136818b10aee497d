"""The kernel answers functions no more than they need."""

import platform

import pytest
from tests.security.conftest import Attack
from tests.support.server import Server

from alonzo.model.quotas import PROCESSES_MAX, PROCESSES_WITHOUT_CPU_LIMIT_MAX

_REFUSED = {"EPERM", "ENOSYS"}
_NO_SUCH_SOCKET = {"EAFNOSUPPORT", "EPERM", "EPROTONOSUPPORT"}


def test_calls_that_reach_beyond_the_sandbox_are_refused(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "kernel.make_calls").value
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in _REFUSED} == {}


def test_sockets_below_and_beside_the_internet_protocols_are_refused(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "kernel.open_sockets").value
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in _NO_SUCH_SOCKET} == {}


def test_ordinary_sockets_work(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "kernel.open_ordinary_sockets").value
    assert set(outcomes.values()) == {"allowed"}, outcomes


def test_nothing_can_be_typed_into_the_terminal_of_the_node(node: Server, attack: Attack) -> None:
    assert set(attack(node, "kernel.type_into_terminals").value.values()) == {"EPERM"}


def test_limits_cannot_be_raised(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "kernel.raise_limits").value
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in {"EPERM", "EACCES"}} == {}


def test_crashes_leave_no_core_and_start_no_collector_on_the_host(node: Server, attack: Attack) -> None:
    # core(5): a limit of 0 still starts a collector that core_pattern pipes to; 1 does not.
    assert attack(node, "kernel.tell_limits").value["CORE"] == [1, 1]


def test_processes_are_limited_without_control_groups_too(node: Server, rootless: Server, attack: Attack) -> None:
    limit = PROCESSES_WITHOUT_CPU_LIMIT_MAX if node is rootless else PROCESSES_MAX
    assert attack(node, "kernel.tell_limits").value["NPROC"] == [limit, limit]


@pytest.mark.parametrize("architecture", [platform.machine()])
def test_the_system_calls_of_32_bit_programs_end_the_function(host_network: Server, attack: Attack, architecture: str) -> None:
    answer = attack(host_network, "kernel.call_as_32_bit")
    assert answer.value["errorType"] == "Runtime.ExitError"
    # Go, in which AWS words signals, has names for the first fifteen only.
    expected = "signal 31" if architecture == "x86_64" else "illegal instruction"
    assert answer.value["errorMessage"].endswith(f"Runtime exited with error: signal: {expected}")
