"""Reserved concurrency with functions that really run: exactly as many at once as are reserved."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import invoke, succeed
from tests.support.server import Server

WAITS_FOR_A_FUNCTION = """
import time, boto3

def handler(event, context):
    client = boto3.client("lambda")
    while True:
        try:
            client.get_function_configuration(FunctionName=event)
            return "done"
        except client.exceptions.ResourceNotFoundException:
            time.sleep(0.1)
"""
ECHO = "def handler(event, context): return event"

AT_ONCE = 20
THROTTLED = {
    "status": 429,
    "code": "TooManyRequestsException",
    "message": "Rate Exceeded.",
    "reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
}


@pytest.mark.parametrize("limit", [1, 4])
def test_of_many_at_once_exactly_the_reserved_number_runs(server: Server, limit: int) -> None:
    name, signal = server.deploy(f"slow-{limit}", WAITS_FOR_A_FUNCTION, Timeout=60, MemorySize=512), f"signal-{limit}"
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=limit)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(outcome, server, name, signal) for _ in range(AT_ONCE)}
        refused: list[Any] = []
        while len(refused) < AT_ONCE - limit:
            over, running = wait(running, timeout=60, return_when=FIRST_COMPLETED)
            assert over
            refused += [future.result() for future in over]
        assert refused == [THROTTLED] * (AT_ONCE - limit)
        server.deploy(signal, ECHO)
        assert [future.result(60) for future in running] == ["done"] * limit
    assert succeed(server, name, signal) == "done"


def test_a_function_with_nothing_reserved_does_not_run_until_that_is_deleted(server: Server) -> None:
    name, client = server.deploy("stopped", ECHO), server.client("lambda")
    assert outcome(server, name, 1) == 1
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert outcome(server, name, 2) == THROTTLED
    client.delete_function_concurrency(FunctionName=name)
    assert outcome(server, name, 3) == 3


def test_a_reservation_outlives_a_restart(start_server: Any, tmp_path: Any) -> None:
    server = start_server(data_directory=tmp_path / "kept")
    name = server.deploy("stopped", ECHO)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    server.stop()
    again = start_server(data_directory=tmp_path / "kept")
    assert outcome(again, name, 1) == THROTTLED


def test_a_function_that_is_created_anew_has_nothing_reserved(server: Server) -> None:
    name, client = server.deploy("reborn", ECHO), server.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    client.delete_function(FunctionName=name)
    server.deploy(name, ECHO)
    assert outcome(server, name, 1) == 1


def outcome(server: Server, name: str, event: Any) -> Any:
    """What the function returned, or how it was refused."""
    try:
        return invoke(server, name, event).value
    except ClientError as error:
        response: Any = error.response
        return {
            "status": response["ResponseMetadata"]["HTTPStatusCode"],
            "code": response["Error"]["Code"],
            "message": response["Error"]["Message"],
            "reason": response.get("Reason"),
        }
