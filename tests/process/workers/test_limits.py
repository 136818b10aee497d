"""The limits hold for all workers together, as the functions themselves see it, and all of what they allow can be used."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.gauge import HOLDS_THE_GAUGE, Gauge
from tests.support.invoking import succeed
from tests.support.server import Server

CLIENTS = 40
SECONDS = 6.0


def test_as_many_run_as_are_reserved_and_never_more(server: Server) -> None:
    name = deploy(server, reserved=7)
    with Gauge() as gauge:
        gauge.hold()
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [pool.submit(outcome, server, name, gauge) for _ in range(CLIENTS)]
            gauge.wait_for(7)
            refused = CLIENTS - 7
            deadline = time.monotonic() + 60
            while sum(answer.done() for answer in answers) < refused and time.monotonic() < deadline:
                time.sleep(0.05)
            gauge.release()
            assert (
                sorted(answer.result() for answer in answers) == ["ReservedFunctionConcurrentInvocationLimitExceeded"] * 33 + ["done"] * 7
            )
        assert gauge.most == 7


def test_limits_hold_while_many_come_and_go(server: Server) -> None:
    name = deploy(server, reserved=7)
    with Gauge(hold_seconds=0.3) as gauge:
        outcomes = storm(server, name, gauge)
        assert gauge.most == 7
        print(outcomes)
        assert outcomes["done"] > 7
        assert set(outcomes) <= {"done", "ReservedFunctionConcurrentInvocationLimitExceeded", "ReservedFunctionInvocationRateLimitExceeded"}


@pytest.mark.parametrize("reserved", [1, 4])
def test_one_after_the_other_over_any_connection_is_never_refused(server: Server, reserved: int) -> None:
    name = deploy(server, reserved=reserved)
    with Gauge() as gauge:
        assert [outcome(server, name, gauge) for _ in range(8)] == ["done"] * 8  # a connection each: the slots move


def test_reserved_zero_refuses_everywhere_and_its_deletion_allows_everywhere(server: Server) -> None:
    name, client = deploy(server, reserved=0), server.client("lambda")
    with Gauge() as gauge, ThreadPoolExecutor(6) as pool:
        assert set(pool.map(lambda _: outcome(server, name, gauge), range(12))) == {"ReservedFunctionConcurrentInvocationLimitExceeded"}
        client.delete_function_concurrency(FunctionName=name)
        assert set(pool.map(lambda _: outcome(server, name, gauge), range(12))) == {"done"}


def test_what_runs_counts_when_a_limit_comes(server: Server) -> None:
    name = deploy(server)
    with Gauge() as gauge, ThreadPoolExecutor(20) as pool:
        gauge.hold()
        running = [pool.submit(outcome, server, name, gauge) for _ in range(6)]
        gauge.wait_for(6)
        server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)
        assert {outcome(server, name, gauge) for _ in range(6)} == {"ReservedFunctionConcurrentInvocationLimitExceeded"}
        gauge.release()
        assert [each.result() for each in running] == ["done"] * 6
        assert outcome(server, name, gauge) == "done"


def test_the_account_has_one_limit(start_server: Any) -> None:
    server = start_server("--workers", "3", "--account-concurrency", "9")
    name = deploy(server)
    with Gauge() as gauge:
        gauge.hold()
        with ThreadPoolExecutor(20) as pool:
            answers = [pool.submit(outcome, server, name, gauge) for _ in range(20)]
            gauge.wait_for(9)
            deadline = time.monotonic() + 60
            while sum(answer.done() for answer in answers) < 11 and time.monotonic() < deadline:
                time.sleep(0.05)
            gauge.release()
            assert sorted(answer.result() for answer in answers) == ["ConcurrentInvocationLimitExceeded"] * 11 + ["done"] * 9
        assert gauge.most == 9


def test_the_request_rate_is_one_for_all(start_server: Any) -> None:
    """Reserved 1: ten may begin in a second, and ten more at first. However long it takes, no more than that."""
    server = start_server("--workers", "3")
    name = server.deploy("rated", "def handler(event, context): return event")
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    clients = [server.client("lambda") for _ in range(3)]
    for client in clients:
        while refusal(client, name) is not None:
            time.sleep(0.1)
    time.sleep(1.2)  # the bucket is full again
    began_at, done, refusals = time.monotonic(), 0, set()
    while time.monotonic() - began_at < 3.0:
        for client in clients:
            refused = refusal(client, name)
            done += refused is None
            refusals |= {refused} - {None}
    assert done <= 10 + 10 * (time.monotonic() - began_at) + 1
    assert done >= 10
    assert refusals <= {"ReservedFunctionInvocationRateLimitExceeded"}


def deploy(server: Server, *, reserved: int | None = None) -> str:
    name = server.deploy(f"gauged-{uuid.uuid4().hex[:8]}", HOLDS_THE_GAUGE, Timeout=120, MemorySize=128)
    if reserved is not None:
        server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    return name


def storm(server: Server, name: str, gauge: Gauge) -> dict[str, int]:
    """Many clients that ask again and again; what they got, and how often."""
    outcomes: dict[str, int] = {}
    lock = threading.Lock()
    clients = [server.client("lambda") for _ in range(24)]  # which takes a while
    until = time.monotonic() + SECONDS

    def ask_again_and_again(client: Any) -> None:
        while time.monotonic() < until:
            got = outcome(server, name, gauge, client=client)
            with lock:
                outcomes[got] = outcomes.get(got, 0) + 1
            if got != "done":
                time.sleep(0.02)

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(ask_again_and_again, clients))
    return outcomes


def outcome(server: Server, name: str, gauge: Gauge, *, client: Any = None) -> str:
    """Whether it ran, or why not."""
    try:
        if client is None:
            succeed(server, name, gauge.event())
        else:
            client.invoke(FunctionName=name, Payload=f'{{"port": {gauge.port}}}')
    except ClientError as error:
        return str(error.response.get("Reason"))  # type: ignore[call-overload]
    return "done"


def refusal(client: Any, name: str) -> str | None:
    try:
        client.invoke(FunctionName=name, Payload="1")
    except ClientError as error:
        return str(error.response.get("Reason"))  # type: ignore[call-overload]
    return None
