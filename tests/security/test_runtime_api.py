"""Functions that abuse their own Runtime API get its errors and disturb nobody else."""

import psutil
import pytest
from tests.security.conftest import Attack
from tests.security.neighbour import Neighbour
from tests.support.invoking import invoke
from tests.support.server import Server

_MIB = 1 << 20
_GROWTH_MAX_MIB = 150
"""More memory than this may no single environment take of the node: a response of 6 MB a few times over, and Python's own ways."""

_DESCRIPTORS_MAX = 512
"""Of the node with a few dozen environments: half of what a process may usually have."""


def _resident_mib(server: Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss) // _MIB


def test_wrong_requests_get_errors_and_the_right_answer_still_counts(node: Server, attack: Attack) -> None:
    answer = attack(node, "runtime_api.answer_wrongly")
    assert answer.error is None, answer.value
    statuses = [status for status, _ in answer.value]
    assert statuses == [400, 404, 400, 404, 403, 404, 403, 403]
    assert "InvalidRequestID" in answer.value[0][1]
    assert "InvalidStateTransition" in answer.value[-1][1]


def test_garbage_is_refused(node: Server, attack: Attack) -> None:
    with Neighbour(node):
        answer = attack(node, "runtime_api.send_garbage")
    assert answer.value == "sent"


def test_the_first_answer_counts(host_network: Server, deploy: Attack) -> None:
    name = deploy(host_network, "runtime_api.answer_twice")
    for number in range(3):
        assert invoke(host_network, name, f"answer {number}").value == f"answer {number}"


def test_an_answer_that_is_no_json_is_passed_on(host_network: Server, attack: Attack) -> None:
    answer = attack(host_network, "runtime_api.answer_without_json")
    assert answer.payload == b"\xff\xfe no json at all"


@pytest.mark.parametrize("size", [6 * _MIB + 200, 40_000_000])
def test_an_answer_that_is_too_large_is_an_error(host_network: Server, attack: Attack, size: int) -> None:
    answer = attack(host_network, "runtime_api.answer_too_much", size, MemorySize=1_024)
    assert answer.error == "Unhandled"
    assert answer.value == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_the_largest_answer_arrives(host_network: Server, attack: Attack) -> None:
    size = 6_291_556 - 2  # the quotes of JSON
    assert attack(host_network, "runtime_api.answer_too_much", size, MemorySize=512).value == "x" * size


@pytest.mark.parametrize("processes", [1, 4])
def test_slow_connections_hold_up_nobody_else(node: Server, attack: Attack, processes: int) -> None:
    with Neighbour(node):
        attack(node, "runtime_api.hold_connections", processes, MemorySize=1_024)
    assert psutil.Process(node.process.pid).num_fds() < _DESCRIPTORS_MAX


@pytest.mark.parametrize("part", ["header", "trailer"])
def test_an_endless_header_is_cut_off(host_network: Server, attack: Attack, part: str) -> None:
    before = _resident_mib(host_network)
    with Neighbour(host_network):
        answer = attack(host_network, f"runtime_api.send_endless_{part}", 400, Timeout=15)
    assert _resident_mib(host_network) - before < _GROWTH_MAX_MIB
    assert answer.error is None, answer.value
    assert answer.value["end"] is not None


def test_answers_that_are_not_read_do_not_pile_up(host_network: Server, attack: Attack) -> None:
    before = _resident_mib(host_network)
    with Neighbour(host_network):
        attack(host_network, "runtime_api.send_without_reading", 60, Timeout=15)
    assert _resident_mib(host_network) - before < _GROWTH_MAX_MIB


def test_bodies_that_never_end_do_not_pile_up(host_network: Server, attack: Attack) -> None:
    before = _resident_mib(host_network)
    with Neighbour(host_network):
        attack(host_network, "runtime_api.hold_bodies", 120, MemorySize=1_024, Timeout=15)
    assert _resident_mib(host_network) - before < _GROWTH_MAX_MIB


def test_connecting_without_end_holds_up_nobody_else(node: Server, attack: Attack) -> None:
    with Neighbour(node):
        answer = attack(node, "runtime_api.reconnect_quickly", 3_000, Timeout=30)
    assert answer.error is None, answer.value
    assert psutil.Process(node.process.pid).num_fds() < _DESCRIPTORS_MAX
