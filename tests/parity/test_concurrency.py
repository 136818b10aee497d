"""Reserved and provisioned concurrency, as the API tells of them. What they do to invocations: tests/process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config


@pytest.fixture
def published(requests: Any, server: Any) -> Any:
    """Creates a function with a version 1, and gives the account's client and the answer of PublishVersion."""

    def publish(name: str, account_id: str = "111111111111") -> tuple[Any, dict[str, Any]]:
        client = requests.client = server.client(account_id=account_id)
        requests.create_active(name, Timeout=30, Environment={"Variables": {}})
        return client, client.publish_version(FunctionName=name)

    return publish


def test_reserved_concurrency(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaReservedConcurrency::test_function_concurrency"), requests.client, "reserved"
    requests.create_active(name)
    put = client.put_function_concurrency
    conversation.check("put_function_concurrency_with_reserved_0", put(FunctionName=name, ReservedConcurrentExecutions=0))
    conversation.check("put_function_concurrency_with_reserved_1", put(FunctionName=name, ReservedConcurrentExecutions=1))
    conversation.check("get_function_concurrency", client.get_function_concurrency(FunctionName=name))
    assert client.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    conversation.check("delete_response", client.delete_function_concurrency(FunctionName=name))
    conversation.check("get_function_concurrency_after_delete", client.get_function_concurrency(FunctionName=name))
    assert "Concurrency" not in client.get_function(FunctionName=name)


def test_reserved_concurrency_of_what_cannot_have_it(replay: Any, requests: Any) -> None:
    conversation, client = replay("TestLambdaReservedConcurrency::test_function_concurrency_exceptions"), requests.client
    put, prefix = client.put_function_concurrency, "put_function_concurrency_with_"
    for name, count in (("function_name_doesnotexist", 1), ("function_name_doesnotexist_and_invalid_concurrency", 1001)):
        conversation.check_error(prefix + name, lambda count=count: put(FunctionName="doesnotexist", ReservedConcurrentExecutions=count))
    requests.create_active("reserved-version", Publish=True)
    conversation.check_error(prefix + "qualified_arn", lambda: put(FunctionName="reserved-version:1", ReservedConcurrentExecutions=1))
    for operation in (client.get_function_concurrency, client.delete_function_concurrency):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            operation(FunctionName="doesnotexist")


def test_a_hundred_places_stay_unreserved(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaReservedConcurrency::test_function_concurrency_limits")
    conversation.bind("<min_unreserved_concurrency>", "100")
    client = requests.client = server.client(account_id="555555555551")
    requests.create_active("limits")
    put, prefix = client.put_function_concurrency, "put_function_concurrency_"
    for name, count in (("account_limit_exceeded", 1001), ("below_unreserved_min_value", 901)):
        conversation.check_error(prefix + name, lambda count=count: put(FunctionName="limits", ReservedConcurrentExecutions=count))
    assert _unreserved(client) == 1000
    put(FunctionName="limits", ReservedConcurrentExecutions=900)
    assert _unreserved(client) == 100
    requests.create_active("late")
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        put(FunctionName="late", ReservedConcurrentExecutions=1)
    put(FunctionName="late", ReservedConcurrentExecutions=0)
    put(FunctionName="limits", ReservedConcurrentExecutions=899)
    put(FunctionName="late", ReservedConcurrentExecutions=1)
    client.delete_function(FunctionName="limits")
    assert _unreserved(client) == 999


def test_of_reservations_at_once_no_more_fit_than_one_after_the_other(requests: Any, server: Any) -> None:
    client = requests.client = server.client(account_id="555555555556")
    names = [f"at-once-{number}" for number in range(8)]
    for name in names:
        requests.create_active(name)

    def reserve(name: str) -> bool:
        try:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=200)
        except client.exceptions.InvalidParameterValueException:
            return False
        return True

    with ThreadPoolExecutor(len(names)) as pool:
        assert sum(pool.map(reserve, names)) == 4
    assert _unreserved(client) == 200


def test_provisioned_concurrency_of_versions_and_aliases(replay: Any, published: Any) -> None:
    conversation, name = replay("TestLambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle"), "provisioned-life"
    client, version = published(name)
    conversation.check("publish_version_result", version)
    conversation.bind("<alias-name>", "live")
    alias = client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    conversation.check("create_alias_result", alias)
    put, get = client.put_provisioned_concurrency_config, client.get_provisioned_concurrency_config
    on_alias, on_version = {"FunctionName": name, "Qualifier": "live"}, {"FunctionName": name, "Qualifier": "1"}

    conversation.check("put_provisioned_on_version", put(**on_version, ProvisionedConcurrentExecutions=1))
    conversation.check_error("put_provisioned_on_alias_versionconflict", lambda: put(**on_alias, ProvisionedConcurrentExecutions=1))
    conversation.check("delete_provisioned_version", client.delete_provisioned_concurrency_config(**on_version))
    conversation.check_error("get_provisioned_version_postdelete", lambda: get(**on_version))
    conversation.check("put_provisioned_on_alias", put(**on_alias, ProvisionedConcurrentExecutions=1))
    conversation.check_error("put_provisioned_on_version_conflict", lambda: put(**on_version, ProvisionedConcurrentExecutions=1))
    conversation.check("delete_alias_result", client.delete_alias(FunctionName=name, Name="live"))
    conversation.check_error("get_provisioned_alias_postaliasdelete", lambda: get(**on_alias))
    conversation.check("list_response_postdeletes", client.list_provisioned_concurrency_configs(FunctionName=name))


def test_provisioned_concurrency_of_what_cannot_have_it(replay: Any, published: Any, server: Any) -> None:
    conversation, name = replay("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions"), "provisioned-errors"
    client, version = published(name)
    conversation.check("publish_version_result", version)
    absent, there = "doesnotexist", name
    put, get = client.put_provisioned_concurrency_config, client.get_provisioned_concurrency_config
    delete = client.delete_provisioned_concurrency_config
    for answer, function_name, qualifier in (
        ("functionname_doesnotexist_alias", absent, "noalias"),
        ("functionname_doesnotexist_version", absent, "1"),
        ("latest", there, "$LATEST"),
        ("qualifier_doesnotexist", there, "doesnotexist"),
        ("version_doesnotexist", there, "10"),
    ):
        parameters = {"FunctionName": function_name, "Qualifier": qualifier, "ProvisionedConcurrentExecutions": 1}
        conversation.check_error(f"put_provisioned_{answer}", lambda parameters=parameters: put(**parameters))
    for answer, operation, function_name, qualifier in (
        ("get_provisioned_config_doesnotexist", get, there, "1"),
        ("get_provisioned_functionname_doesnotexist", get, absent, "noalias"),
        ("get_provisioned_latest", get, there, "$LATEST"),
        ("get_provisioned_qualifier_doesnotexist", get, there, "noalias"),
        ("get_provisioned_version_doesnotexist", get, there, "10"),
        ("delete_provisioned_functionname_doesnotexist", delete, absent, "1"),
        ("delete_provisioned_latest", delete, there, "$LATEST"),
        ("delete_provisioned_qualifier_doesnotexist", delete, there, "noalias"),
        ("delete_provisioned_version_doesnotexist", delete, there, "10"),
    ):
        parameters = {"FunctionName": function_name, "Qualifier": qualifier}
        conversation.check_error(answer, lambda operation=operation, parameters=parameters: operation(**parameters))
    unchecked = _unchecked(server).put_provisioned_concurrency_config
    none = {"FunctionName": name, "Qualifier": "1", "ProvisionedConcurrentExecutions": 0}
    conversation.check_error("put_provisioned_invalid_param_0", lambda: unchecked(**none))
    conversation.check("delete_provisioned_config_doesnotexist", delete(FunctionName=name, Qualifier="1"))
    list_configs = client.list_provisioned_concurrency_configs
    conversation.check("list_provisioned_noconfigs", list_configs(FunctionName=name))
    conversation.check_error("list_provisioned_functionname_doesnotexist", lambda: list_configs(FunctionName=absent))


def test_provisioned_concurrency_leaves_a_hundred_places(replay: Any, published: Any) -> None:
    conversation, name = replay("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits"), "provisioned-limits"
    conversation.bind("<unreserved_concurrency>", "1000")
    conversation.bind("<min_unreserved_concurrency>", "100")
    client, _ = published(name, "555555555552")
    put = client.put_provisioned_concurrency_config
    for answer, count in (("account_limit_exceeded", 1001), ("below_unreserved_min_value", 901)):
        parameters = {"FunctionName": name, "Qualifier": "1", "ProvisionedConcurrentExecutions": count}
        conversation.check_error(f"put_provisioned_concurrency_{answer}", lambda parameters=parameters: put(**parameters))
    put(FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=900)
    assert _unreserved(client) == 100
    client.delete_function(FunctionName=name)
    assert _unreserved(client) == 1000


def test_provisioned_concurrency_is_part_of_the_reserved(published: Any) -> None:
    client, _ = published("both", "555555555553")
    invalid = client.exceptions.InvalidParameterValueException
    provision = {"FunctionName": "both", "Qualifier": "1", "ProvisionedConcurrentExecutions": 5}
    client.put_function_concurrency(FunctionName="both", ReservedConcurrentExecutions=4)
    with pytest.raises(invalid, match="should not be greater than the reservedConcurrentExecution for function"):
        client.put_provisioned_concurrency_config(**provision)
    client.put_function_concurrency(FunctionName="both", ReservedConcurrentExecutions=5)
    client.put_provisioned_concurrency_config(**provision)
    assert _unreserved(client) == 995
    with pytest.raises(invalid, match=r"should not be lower than function's total provisioned concurrency \[5\]"):
        client.put_function_concurrency(FunctionName="both", ReservedConcurrentExecutions=4)
    client.delete_function_concurrency(FunctionName="both")
    assert _unreserved(client) == 995


def test_provisioned_concurrency_is_listed_in_pages(published: Any) -> None:
    client, _ = published(name := "provisioned-pages", "555555555554")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="unpublished function versions"):
        client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)
    for number in range(2, 4):
        client.update_function_configuration(FunctionName=name, Description=str(number))
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.02})
        client.publish_version(FunctionName=name)
    for number in range(1, 4):
        client.put_provisioned_concurrency_config(FunctionName=name, Qualifier=str(number), ProvisionedConcurrentExecutions=number)
    pages = list(client.get_paginator("list_provisioned_concurrency_configs").paginate(FunctionName=name, PaginationConfig={"PageSize": 2}))
    configs = [config for page in pages for config in page["ProvisionedConcurrencyConfigs"]]
    assert [len(page["ProvisionedConcurrencyConfigs"]) for page in pages] == [2, 1]
    assert [config["FunctionArn"].rpartition(":")[2] for config in configs] == ["1", "2", "3"]
    assert [config["RequestedProvisionedConcurrentExecutions"] for config in configs] == [1, 2, 3]
    client.delete_function(FunctionName=name, Qualifier="2")
    (page,) = client.get_paginator("list_provisioned_concurrency_configs").paginate(FunctionName=name)
    assert [config["FunctionArn"].rpartition(":")[2] for config in page["ProvisionedConcurrencyConfigs"]] == ["1", "3"]


def test_an_alias_that_comes_back_has_no_provisioned_concurrency(published: Any) -> None:
    client, _ = published(name := "provisioned-again", "555555555555")
    for _ in range(2):
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
            client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
        client.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=1)
        client.delete_alias(FunctionName=name, Name="live")


def _unreserved(client: Any) -> int:
    count: int = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    return count


def _unchecked(server: Any) -> Any:
    """A client that sends what its model forbids."""
    return boto3.client(
        "lambda",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="secret",
        config=Config(parameter_validation=False, retries={"max_attempts": 0}),
    )
