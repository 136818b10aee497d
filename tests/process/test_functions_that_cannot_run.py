"""What is recorded but cannot run here says so: functions on runtimes that nobody made."""

from typing import Any

import pytest
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

RUNTIME = "arn:aws:lambda:us-east-1:000000000000:runtime/of-our-own-that-is-not-here"


@pytest.mark.parametrize(
    ("name", "parameters", "reason_code", "reason"),
    [
        (
            "custom-runtime",
            {
                "RuntimeConfig": {"RuntimeArn": RUNTIME, "RuntimeAlias": "live"},
                "Handler": "app.handler",
                "Code": {"ZipFile": zip_of({"app.py": ""})},
            },
            "InvalidRuntime",
            f"There is no runtime {RUNTIME} here.",
        ),
    ],
)
def test_a_function_that_cannot_run_is_failed_and_says_why(
    server: Server, name: str, parameters: dict[str, Any], reason_code: str, reason: str
) -> None:
    client, name = server.client("lambda"), f"cannot-run-{name}"
    assert client.create_function(FunctionName=name, Role=ROLE, **parameters)["State"] == "Pending"
    eventually(lambda: client.get_function_configuration(FunctionName=name)["State"] != "Pending", what="the end of the creation")
    failed = client.get_function_configuration(FunctionName=name)
    assert (failed["State"], failed["StateReasonCode"], failed["StateReason"]) == ("Failed", reason_code, reason)
    with pytest.raises(client.exceptions.ResourceConflictException, match="currently in the following state: Failed"):
        client.invoke(FunctionName=name)
    client.delete_function(FunctionName=name)
