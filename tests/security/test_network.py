"""Functions cannot reach other environments, nor the node's store, through the network."""

import contextlib
import socket
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from tests.security.conftest import Attack
from tests.security.neighbour import Neighbour
from tests.support.invoking import succeed
from tests.support.server import Server

Deploy = Callable[..., str]

_SLOW = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'slept'\n"
_CALLER = """
import boto3
def handler(event, context):
    return [function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"]]
"""
_STRANGER = {"", "ConnectionResetError", "ConnectionRefusedError", "silence", "BrokenPipeError"}


def _listening_ports(server: Server) -> list[int]:
    """Of everything that belongs to a node: its API, its store, the Runtime APIs of host networks."""
    node = psutil.Process(server.process.pid)
    family = [node, *node.children(recursive=True)]
    ports: set[int] = set()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # an environment ends
            ports |= {entry.laddr.port for entry in process.net_connections("tcp") if entry.status == psutil.CONN_LISTEN}
    return sorted(ports)


def _api_port(server: Server) -> int:
    return int(server.endpoint_url.rpartition(":")[2])


@pytest.mark.parametrize("kind", ["host_network", "rootless"])
def test_on_the_shared_loopback_strangers_are_turned_away(
    kind: str, attack: Attack, deploy: Deploy, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(kind)
    waiting = deploy(server, "network.tell_runtime_api")
    waiting_port = succeed(server, waiting)
    with Neighbour(server):
        answers = attack(server, "network.attack_loopback", [waiting_port], Timeout=60).value
    answers.pop(str(_api_port(server)))
    assert answers[str(waiting_port)]["runtime"] in _STRANGER
    replies = [reply for answer in answers.values() for reply in answer.values()]
    assert not any("Lambda-Runtime" in reply or "HTTP/1.1 200" in reply for reply in replies)
    assert succeed(server, waiting) == waiting_port


def test_the_store_wants_credentials(host_network: Server, attack: Attack) -> None:
    answers = attack(host_network, "network.attack_loopback", [], Timeout=60).value
    stores = [answer["nats"] for answer in answers.values() if answer["nats"].startswith("INFO ")]
    assert stores
    assert all("Authorization Violation" in answer and "PONG" not in answer for answer in stores)


def test_an_invocation_in_flight_is_not_stolen(host_network: Server, attack: Attack) -> None:
    name = host_network.deploy(f"slow-{uuid.uuid4().hex[:6]}", _SLOW, Timeout=30)
    succeed(host_network, name, 0)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(succeed, host_network, name, 2)
        attack(host_network, "network.attack_loopback", [], Timeout=60)
        assert answer.result() == "slept"


def test_a_network_of_ones_own_has_nobody_else_in_it(own_network: Server, attack: Attack) -> None:
    ports = _listening_ports(own_network)
    assert ports
    answers = attack(own_network, "network.attack_loopback", ports, Timeout=60).value
    answers.pop(str(_api_port(own_network)))
    assert {reply for answer in answers.values() for reply in answer.values()} == {"ConnectionRefusedError"}


def test_a_network_of_ones_own_leads_nowhere(own_network: Server, attack: Attack) -> None:
    outcomes = attack(own_network, "network.leave_the_machine").value
    assert outcomes.pop("interfaces") == "lo"
    assert set(outcomes.values()) == {"ENETUNREACH"}


def test_an_own_network_still_has_the_aws_endpoint(own_network: Server) -> None:
    name = own_network.deploy(f"caller-{uuid.uuid4().hex[:6]}", _CALLER, MemorySize=512, Timeout=30)
    assert name in succeed(own_network, name)


def test_sockets_without_a_file_of_the_host_are_out_of_reach(node: Server, attack: Attack) -> None:
    with _abstract_listener() as name:
        outcome = attack(node, "network.connect_to_abstract_socket", name).value
    assert outcome in {"ECONNREFUSED", "EPERM"}


@contextlib.contextmanager
def _abstract_listener() -> Iterator[str]:
    name = f"alonzo-test-{uuid.uuid4().hex}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        yield name
