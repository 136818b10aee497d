"""Provisioned concurrency is spread over the workers, and found from each of them."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.gauge import HOLDS_THE_GAUGE, Gauge
from tests.support.invoking import succeed
from tests.support.server import Server
from tests.support.waiting import eventually


@pytest.mark.parametrize("count", [1, 4])
def test_no_invocation_starts_cold_while_one_is_free(server: Server, count: int) -> None:
    name = provision(server, count)
    with Gauge() as gauge:
        answers = [succeed(server, name, gauge.event(), Qualifier="1") for _ in range(6)]  # a connection each
        assert {answer["type"] for answer in answers} == {"provisioned-concurrency"}
        gauge.hold()
        with ThreadPoolExecutor(count + 2) as pool:
            running = [pool.submit(succeed, server, name, gauge.event(), Qualifier="1") for _ in range(count + 2)]
            gauge.wait_for(count + 2)
            gauge.release()
        assert sorted(each.result()["type"] for each in running) == ["on-demand"] * 2 + ["provisioned-concurrency"] * count


def test_what_is_there_is_told_of_all_workers_and_follows_what_is_wanted(server: Server) -> None:
    name, client = provision(server, 5), server.client("lambda")
    for count in (2, 4):
        client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=count)
        wait_until_ready(server, name, count)
    client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    with Gauge() as gauge:
        assert succeed(server, name, gauge.event(), Qualifier="1")["type"] == "on-demand"


def test_provisioned_and_reserved_concurrency_together_are_the_limit(server: Server) -> None:
    name = provision(server, 2)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    with Gauge() as gauge:
        gauge.hold()
        with ThreadPoolExecutor(8) as pool:
            running = [pool.submit(attempt, server, name, gauge) for _ in range(8)]
            gauge.wait_for(2)
            eventually(lambda: sum(each.done() for each in running) == 6, what="the refusals", within_seconds=60)
            gauge.release()
        assert sorted(each.result() for each in running) == ["provisioned-concurrency"] * 2 + ["refused"] * 6
        assert gauge.most == 2


def attempt(server: Server, name: str, gauge: Gauge) -> str:
    try:
        return str(succeed(server, name, gauge.event(), Qualifier="1")["type"])
    except ClientError as error:
        return "refused" if error.response["Error"]["Code"] == "TooManyRequestsException" else str(error)


def provision(server: Server, count: int) -> str:
    """A function whose version 1 has so many environments."""
    name, client = server.deploy(f"provisioned-{uuid.uuid4().hex[:8]}", HOLDS_THE_GAUGE, Timeout=60), server.client("lambda")
    client.publish_version(FunctionName=name)
    client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=count)
    wait_until_ready(server, name, count)
    return name


def wait_until_ready(server: Server, name: str, count: int) -> None:
    def is_ready() -> bool:
        state: Any = server.client("lambda").get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
        return (state["Status"], state["AvailableProvisionedConcurrentExecutions"]) == ("READY", count)

    eventually(is_ready, what=f"{count} environments", within_seconds=60)
