"""Everything that boto3 can wait for of a function comes to pass."""

from typing import Any

import pytest
from botocore.exceptions import WaiterError

UPDATE_WAITERS = ["function_updated", "function_updated_v2"]
WAITERS = ["function_active", "function_active_v2", "function_exists", *UPDATE_WAITERS, "published_version_active"]
QUICKLY = {"Delay": 0, "MaxAttempts": 1000}


def test_these_are_all_waiters(requests: Any) -> None:
    assert sorted(requests.client.waiter_names) == WAITERS


@pytest.mark.parametrize("waiter", WAITERS)
def test_a_waiter_ends_after_a_creation(requests: Any, waiter: str) -> None:
    name = f"waited-{waiter}"
    requests.create(name, Publish=True)
    qualifier = {"Qualifier": "1"} if waiter == "published_version_active" else {}
    requests.client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=QUICKLY, **qualifier)


@pytest.mark.parametrize("waiter", UPDATE_WAITERS)
@pytest.mark.parametrize("change", ["code", "configuration"])
def test_a_waiter_ends_after_an_update(requests: Any, server: Any, waiter: str, change: str) -> None:
    client, name = requests.client, f"waited-{change}-{waiter}"
    requests.create_active(name)
    waited = client.get_waiter(waiter)
    with server.activations_held():
        if change == "code":
            client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 1\n"))
        else:
            client.update_function_configuration(FunctionName=name, Timeout=30)
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            waited.wait(FunctionName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 3})
    waited.wait(FunctionName=name, WaiterConfig=QUICKLY)
    assert client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "Successful"
