"""Function URLs: their configurations; nobody answers at them here."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
URL = rf"http://[a-z0-9]{{32}}\.lambda-url\.{REGION}\.localhost:\d+/"


def _fixed(answer: Any) -> Any:
    """With the recording's stand-ins for what differs from run to run, once that has the right form."""
    if isinstance(answer, list):
        return [_fixed(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    fixed = {name: _fixed(value) for name, value in answer.items()}
    if "FunctionUrl" in answer:
        assert re.fullmatch(URL, answer["FunctionUrl"])
        fixed["FunctionUrl"] = "lambda-url"
    for name in ("CreationTime", "LastModifiedTime"):
        if name in answer:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer[name])
            fixed[name] = "date"
    return fixed


@pytest.fixture
def function_of_node(requests: Any, server: Any) -> Any:
    """Creates the function that the recordings have, with a version; returns the answer to PublishVersion."""

    def create(name: str) -> Any:
        requests.create(name, Runtime="nodejs20.x", Handler="lambda_handler.handler", Timeout=30, Environment={"Variables": {}})
        server.settle(name)
        version = requests.client.publish_version(FunctionName=name)
        server.settle(name)
        return version

    return create


def test_life_of_a_url(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaUrl::test_url_config_lifecycle"), requests.client, "url-life"
    requests.create_active(name)
    conversation.check("url_creation", _fixed(client.create_function_url_config(FunctionName=name, AuthType="NONE")))
    conversation.check_error("failed_duplication", lambda: client.create_function_url_config(FunctionName=name, AuthType="NONE"))
    first = client.get_function_url_config(FunctionName=name)
    conversation.check("get_url_config", _fixed(first))
    updated = client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    conversation.check("updated_url_config", _fixed(updated))
    assert updated["FunctionUrl"] == first["FunctionUrl"]
    client.delete_function_url_config(FunctionName=name)
    conversation.check_error("failed_getter", lambda: client.get_function_url_config(FunctionName=name))


def test_the_url_of_a_function_goes_without_that_of_its_alias(replay: Any, requests: Any) -> None:
    conversation, client, name = replay("TestLambdaUrl::test_url_config_deletion_without_qualifier"), requests.client, "url-deletion"
    requests.create_active(name)
    client.create_alias(FunctionName=name, Name="test-alias", FunctionVersion="$LATEST")
    conversation.check("url_creation", _fixed(client.create_function_url_config(FunctionName=name, AuthType="NONE")))
    alias = {"FunctionName": name, "Qualifier": "test-alias"}
    conversation.check("url_with_alias_creation", _fixed(client.create_function_url_config(**alias, AuthType="NONE")))
    conversation.check("get_url_config", _fixed(client.get_function_url_config(FunctionName=name)))
    conversation.check("get_url_config_with_alias", _fixed(client.get_function_url_config(**alias)))
    conversation.check("delete_function_url_config", client.delete_function_url_config(FunctionName=name))
    conversation.check_error("get_url_config_after_deletion", lambda: client.get_function_url_config(FunctionName=name))
    conversation.check("get_url_config_with_alias_after_deletion", _fixed(client.get_function_url_config(**alias)))


def test_urls_are_listed_by_pages(replay: Any, requests: Any, function_of_node: Any) -> None:
    conversation, client, name = replay("TestLambdaUrl::test_url_config_list_paging"), requests.client, "url-paging"
    conversation.check("fn_version_result", function_of_node(name))
    alias = client.create_alias(FunctionName=name, Name="urlalias", FunctionVersion="1")
    conversation.check("create_alias_result", alias)
    conversation.check_error("list_function_notfound", lambda: client.list_function_url_configs(FunctionName="doesnotexist"))
    conversation.check("list_all_empty", client.list_function_url_configs(FunctionName=name))
    conversation.check("url_config_fn", _fixed(client.create_function_url_config(FunctionName=name, AuthType="NONE")))
    of_alias = client.create_function_url_config(FunctionName=f"{name}:urlalias", AuthType="NONE", Qualifier="urlalias")
    conversation.check("url_config_alias", _fixed(of_alias))
    conversation.check("list_all", _fixed(client.list_function_url_configs(FunctionName=name)))
    first = client.list_function_url_configs(FunctionName=name, MaxItems=1)
    second = client.list_function_url_configs(FunctionName=name, MaxItems=1, Marker=first["NextMarker"])
    assert [url["FunctionArn"] for page in (first, second) for url in page["FunctionUrlConfigs"]] == [
        f"{ARN}:{name}",
        f"{ARN}:{name}:urlalias",
    ]
    assert "NextMarker" not in second


def test_urls_that_are_not_there(replay: Any, requests: Any, function_of_node: Any) -> None:
    conversation, client, name = replay("TestLambdaUrl::test_url_config_exceptions"), requests.client, "url-exceptions"
    conversation.check("fn_version_result", function_of_node(name))
    conversation.check("create_alias_result", client.create_alias(FunctionName=name, Name="urlalias", FunctionVersion="1"))
    absent: dict[str, dict[str, str]] = {
        "name_doesnotexist": {"FunctionName": "doesnotexist"},
        "arn_doesnotexist": {"FunctionName": f"{ARN}:doesnotexist"},
        "name_doesnotexist_qualifier": {"FunctionName": "doesnotexist", "Qualifier": "1"},
        "qualifier_version": {"FunctionName": name, "Qualifier": "1"},
        "qualifier_version_doesnotexist": {"FunctionName": name, "Qualifier": "2"},
        "qualifier_alias_doesnotexist": {"FunctionName": name, "Qualifier": "v1"},
        "qualifier_alias_doesnotmatch_arn": {"FunctionName": f"{name}:urlalias-doesnotmatch", "Qualifier": "urlalias"},
        "qualifier_latest": {"FunctionName": name, "Qualifier": "$LATEST"},
    }
    for operation, parameters in (("create", {"AuthType": "NONE"}), ("get", {}), ("update", {"AuthType": "AWS_IAM"}), ("delete", {})):
        call = getattr(client, f"{operation}_function_url_config")
        if operation != "create":
            absent["config_doesnotexist"] = {"FunctionName": name}
        for case, function in absent.items():
            answer = f"{operation}_function_url_config_{case}"
            if conversation.recorded(answer) == "<aws_internal_failure>":
                conversation.without(answer)
                continue
            conversation.check_error(answer, lambda call=call, function=function, parameters=parameters: call(**function, **parameters))


def test_cross_origin_rules(requests: Any) -> None:
    client, name = requests.client, "url-cors"
    requests.create_active(name)
    cors = {
        "AllowCredentials": True,
        "AllowHeaders": ["x-mine"],
        "AllowMethods": ["GET", "*"],
        "AllowOrigins": ["https://example.com"],
        "ExposeHeaders": ["date"],
        "MaxAge": 60,
    }
    created = client.create_function_url_config(FunctionName=name, AuthType="NONE", Cors=cors, InvokeMode="RESPONSE_STREAM")
    assert (created["Cors"], created["InvokeMode"]) == (cors, "RESPONSE_STREAM")
    kept = client.update_function_url_config(FunctionName=name, AuthType="AWS_IAM")
    assert kept["Cors"] == cors
    replaced = client.update_function_url_config(FunctionName=name, Cors={"AllowOrigins": ["*"]}, InvokeMode="BUFFERED")
    assert (replaced["Cors"], replaced["AuthType"], replaced["InvokeMode"]) == ({"AllowOrigins": ["*"]}, "AWS_IAM", "BUFFERED")
    assert "Cors" not in client.update_function_url_config(FunctionName=name, Cors={})
    with pytest.raises(ClientError) as raised:
        client.update_function_url_config(FunctionName=name, Cors={"AllowMethods": ["FETCH"]})
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_urls_go_with_their_function(requests: Any) -> None:
    client, name = requests.client, "url-goes"
    requests.create_active(name)
    before = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    client.delete_function(FunctionName=name)
    requests.create_active(name)
    with pytest.raises(ClientError) as raised:
        client.get_function_url_config(FunctionName=name)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"] != before


def test_urls_go_with_their_alias(requests: Any) -> None:
    client, name = requests.client, "url-alias-goes"
    requests.create_active(name)
    alias = {"FunctionName": name, "Name": "live"}
    client.create_alias(**alias, FunctionVersion="$LATEST")
    client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE")
    client.delete_alias(**alias)
    client.create_alias(**alias, FunctionVersion="$LATEST")
    with pytest.raises(ClientError) as raised:
        client.get_function_url_config(FunctionName=name, Qualifier="live")
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
