"""The account's limits: how many run at once, and how many begin in a second."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context): return event"
TRIES = 1_000


def test_the_accounts_concurrency_is_an_option(start_server: Any) -> None:
    server = start_server("--account-concurrency", "50")
    limit = server.client("lambda").get_account_settings()["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (50, 50)
    name = server.deploy("mine", ECHO)
    with pytest.raises(ClientError, match="below its minimum value of \\[50\\]"):
        server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)


def test_ten_times_as_many_begin_in_a_second_and_who_comes_too_fast_is_told_when_to_come_again(start_server: Any) -> None:
    server = start_server("--account-concurrency", "1")
    name, client = server.deploy("busy", ECHO), server.client("lambda")
    refusal = None
    for _ in range(TRIES):
        try:
            client.invoke(FunctionName=name)
        except client.exceptions.TooManyRequestsException as error:
            refusal = error.response
            break
    assert refusal is not None
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refusal["Reason"] == "FunctionInvocationRateLimitExceeded"
    assert refusal["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == refusal["retryAfterSeconds"] == "1"
    again = server.client("lambda", retries={"total_max_attempts": 10})
    assert again.invoke(FunctionName=name)["StatusCode"] == 200  # boto3 waits and comes again
