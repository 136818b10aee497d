"""Aliases: names for versions, and what they lead to."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:111111111111:function"
STAGING: dict[str, Any] = {"Handler": "index.handler", "Environment": {"Variables": {"testenv": "staging"}}}
PRODUCTION: dict[str, Any] = {"Environment": {"Variables": {"testenv": "prod"}}}


def test_life_of_aliases(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaAlias::test_alias_lifecycle"), requests.client, "aliases"
    conversation.bind("<location>", "signed")
    conversation.check("create_response", requests.create_active(name, **STAGING))
    _publish_two(conversation, client, server, name)
    one, two, three, other = ({"FunctionName": name, "Name": f"aliasname{suffix}"} for suffix in ("1_1", "1_2", "1_3", "2"))
    described, shared = {"Description": "custom-alias"}, {"AdditionalVersionWeights": {"2": 0.2}}
    conversation.check("create_alias_1_1", client.create_alias(FunctionVersion="1", RoutingConfig=shared, **described, **one))
    conversation.check("create_alias_1_2", client.create_alias(FunctionVersion="1", **described, **two))
    conversation.check("create_alias_1_3", client.create_alias(FunctionVersion="1", **three))
    conversation.check("create_alias_2", client.create_alias(FunctionVersion="2", **described, **other))
    for answer, alias in (("1_1", one), ("1_2", two), ("1_3", three), ("2", other)):
        conversation.check(f"get_alias_{answer}", client.get_alias(**alias))
    listed = client.get_paginator("list_aliases").paginate(FunctionName=name, PaginationConfig={"PageSize": 1}).build_full_result()
    conversation.check("list_aliases_for_fnname", listed)
    qualified = client.get_function(FunctionName=name, Qualifier="aliasname1_1")
    conversation.check("get_function_alias_1_1", _located(qualified))
    by_arn = client.get_function(FunctionName=f"{ARN}:{name}:aliasname1_1")
    conversation.check("get_function_byarn_alias_1_1", _located(by_arn))
    missing = "aliasdoesnotexist"
    conversation.check_error("get_function_alias_notfound_exc", lambda: client.get_function(FunctionName=name, Qualifier=missing))
    conversation.check_error("get_function_alias_byarn_notfound_exc", lambda: client.get_function(FunctionName=f"{ARN}:{name}:{missing}"))

    conversation.check("update_alias_1_1", client.update_alias(RoutingConfig={"AdditionalVersionWeights": {}}, **one))
    conversation.check("get_alias_1_1_after_update", client.get_alias(**one))
    conversation.check("list_aliases_for_fnname_after_update", client.list_aliases(FunctionName=name))
    conversation.check("update_alias_1_2", client.update_alias(**two))
    conversation.check("get_alias_1_2_after_update", client.get_alias(**two))
    conversation.check("list_aliases_for_fnname_after_update_2", client.list_aliases(FunctionName=name))
    listed = client.get_paginator("list_aliases").paginate(FunctionName=name, FunctionVersion="1").build_full_result()
    conversation.check("list_aliases_for_version", listed | {"ResponseMetadata": {"HTTPStatusCode": 200}})
    conversation.check("delete_alias_response", client.delete_alias(**one))
    conversation.check("list_aliases_for_fnname_afterdelete", client.list_aliases(FunctionName=name))


def test_names_of_aliases(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaAlias::test_alias_naming"), requests.client, "alias-names"
    conversation.check("create_response", requests.create_active(name, **STAGING))
    conversation.check("publish_v1", client.publish_version(FunctionName=name))
    alias = {"FunctionName": name, "Description": "custom-alias", "FunctionVersion": "1"}
    conversation.check("create_alias_date", client.create_alias(Name="2024-01-02", **alias))
    conversation.check("get_alias_date", client.get_alias(FunctionName=name, Name="2024-01-02"))
    conversation.check_error("create_alias_number_exception", lambda: client.create_alias(Name="2024", **alias))


def test_aliases_that_are_not_there(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaAlias::test_non_existent_alias_deletion"), requests.client, "no-alias-deletion"
    conversation.check("create_response", requests.create_active(name, **STAGING))
    conversation.check("delete_alias_response", client.delete_alias(FunctionName=name, Name="non-existent"))
    conversation, name = replay("TestLambdaAlias::test_non_existent_alias_update"), "no-alias-update"
    conversation.check("create_response", requests.create_active(name, **STAGING))
    conversation.check_error("update_alias_response", lambda: client.update_alias(FunctionName=name, Name="non-existent"))


def test_versions_that_an_alias_cannot_lead_to(replay: Any, requests: Any, server: Any) -> None:
    conversation = replay("TestLambdaAlias::test_notfound_and_invalid_routingconfigs")
    client, name = _unchecked_client(server), "alias-routing"
    conversation.check("create_response", requests.create_active(name, Publish=True, **STAGING))
    _publish_two(conversation, client, server, name)
    alias: dict[str, Any] = {"FunctionName": name, "Name": "custom", "FunctionVersion": "1"}

    def create(shares: dict[str, float], **changes: str) -> Any:
        return client.create_alias(**(alias | changes), RoutingConfig={"AdditionalVersionWeights": shares})

    for answer, shares, changes in (
        ("routing_config_exc_toomany", {"1": 0.8, "2": 0.2}, {}),
        ("routing_config_exc_toohigh", {"2": 2}, {}),
        ("routing_config_exc_subzero", {"2": -1}, {}),
        ("routing_config_exc_sameversion", {"1": 0.5}, {}),
        ("target_version_doesnotexist", {"2": 0.5}, {"FunctionVersion": "10"}),
        ("routing_config_exc_version_doesnotexist", {"10": 0.5}, {}),
        ("target_version_exc_version_latest", {"1": 0.5}, {"FunctionVersion": "$LATEST"}),
        ("routing_config_exc_version_latest", {"$LATEST": 0.5}, {}),
        ("routing_config_exc_fn_doesnotexist", {"2": 0.5}, {"FunctionName": f"{name}-unknown"}),
    ):
        conversation.check_error(answer, lambda shares=shares, changes=changes: create(shares, **changes))
    latest = client.create_alias(FunctionName=name, Name="custom-latest", FunctionVersion="$LATEST")
    conversation.check("create-alias-latest", latest)
    empty = client.create_alias(FunctionName=name, Name="custom-empty-routingconfig", FunctionVersion="1", RoutingConfig={})
    conversation.check("create_alias_empty_routingconfig", empty)
    conversation.check("create_alias_response", create({"2": 0.5}))
    conversation.check_error("routing_config_exc_already_exist", lambda: create({"2": 0.5}))
    conversation.check_error("alias_does_not_exist_esc", lambda: client.get_alias(FunctionName=name, Name="non-existent"))


def test_an_alias_is_pointed_elsewhere(requests: Any, server: Any) -> None:
    client, name = requests.client, "alias-moved"
    _two_versions(requests, server, name)
    alias = {"FunctionName": name, "Name": "live"}
    client.create_alias(FunctionVersion="1", Description="kept", RoutingConfig={"AdditionalVersionWeights": {"2": 0.25}}, **alias)
    with pytest.raises(ClientError, match="Function version 2 is already included"):
        client.update_alias(FunctionVersion="2", **alias)
    with pytest.raises(ClientError, match="LATEST is not supported for an alias pointing to more than 1 version"):
        client.update_alias(FunctionVersion="$LATEST", **alias)
    moved = client.update_alias(FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.75}}, **alias)
    assert (moved["FunctionVersion"], moved["Description"], moved["RoutingConfig"]) == (
        "2",
        "kept",
        {"AdditionalVersionWeights": {"1": 0.75}},
    )
    for form in (f"{name}:live", f"{ARN}:{name}:live", f"111111111111:function:{name}:live"):
        shown = client.get_function_configuration(FunctionName=form)
        assert (shown["Version"], shown["FunctionArn"]) == ("2", f"{ARN}:{name}:live")
    assert [entry["Name"] for entry in client.list_aliases(FunctionName=name, FunctionVersion="1")["Aliases"]] == ["live"]


def test_a_version_with_aliases_is_not_deleted(requests: Any, server: Any) -> None:
    client, name = requests.client, "alias-target"
    _two_versions(requests, server, name)
    client.create_alias(FunctionName=name, Name="blue", FunctionVersion="1")
    client.create_alias(FunctionName=name, Name="green", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    with pytest.raises(ClientError) as raised:
        client.delete_function(FunctionName=name, Qualifier="1")
    assert raised.value.response["Error"] == {
        "Code": "ResourceConflictException",
        "Message": "Unable to delete version because the following aliases reference it: [blue, green]",
    }
    client.update_alias(FunctionName=name, Name="green", RoutingConfig={})
    client.delete_alias(FunctionName=name, Name="blue")
    client.delete_function(FunctionName=name, Qualifier="1")
    with pytest.raises(ClientError, match="Deletion of aliases is not currently supported"):
        client.delete_function(FunctionName=f"{name}:green")


def test_aliases_go_with_their_function(requests: Any, server: Any) -> None:
    client, name = requests.client, "alias-owner"
    _two_versions(requests, server, name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    client.delete_function(FunctionName=name)
    for call in (
        lambda: client.get_alias(FunctionName=name, Name="live"),
        lambda: client.list_aliases(FunctionName=name),
        lambda: client.delete_alias(FunctionName=name, Name="live"),
        lambda: client.update_alias(FunctionName=name, Name="live"),
    ):
        with pytest.raises(ClientError, match=f"Function not found: {ARN}:{name}$"):
            call()
    requests.create_active(name)
    assert client.list_aliases(FunctionName=name)["Aliases"] == []


def test_an_alias_is_invoked(requests: Any, server: Any) -> None:
    client, name = requests.client, "alias-invoked"
    _two_versions(requests, server, name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    for function, qualifier, executed in (
        (name, "live", "2"),
        (f"{ARN}:{name}:live", None, "2"),
        (f"{name}:1", "1", "1"),
        (name, None, "$LATEST"),
    ):
        parameters = {"FunctionName": function} | ({} if qualifier is None else {"Qualifier": qualifier})
        assert client.invoke(**parameters)["ExecutedVersion"] == executed
    client.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 1.0}})
    assert client.invoke(FunctionName=f"{name}:live")["ExecutedVersion"] == "1"
    client.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    executed_versions = {client.invoke(FunctionName=f"{name}:live")["ExecutedVersion"] for _ in range(60)}
    assert executed_versions == {"1", "2"}
    with pytest.raises(ClientError, match=f"Function not found: {ARN}:{name}:nobody$"):
        client.invoke(FunctionName=name, Qualifier="nobody")


def _publish_two(conversation: Any, client: Any, server: Any, name: str) -> None:
    conversation.check("publish_v1", client.publish_version(FunctionName=name))
    client.update_function_configuration(FunctionName=name, **PRODUCTION)
    server.settle(name)
    conversation.check("publish_v2", client.publish_version(FunctionName=name))


def _unchecked_client(server: Any) -> Any:
    """Sends what boto3 would refuse itself."""
    config = Config(parameter_validation=False, retries={"max_attempts": 0})
    credentials = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "secret"}
    return boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", config=config, **credentials)


def _two_versions(requests: Any, server: Any, name: str) -> None:
    requests.create_active(name, Publish=True, **STAGING)
    requests.client.update_function_configuration(FunctionName=name, **PRODUCTION)
    server.settle(name)
    assert requests.client.publish_version(FunctionName=name)["Version"] == "2"


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
