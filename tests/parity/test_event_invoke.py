"""How functions are invoked asynchronously: configurations of retries, age and destinations."""

from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
PARAMETERS: dict[str, Any] = {"Timeout": 30, "Environment": {"Variables": {}}}


def _fixed(answer: Any) -> Any:
    """With instants as texts: the replay knows the form in which functions have them."""
    if isinstance(answer, list):
        return [_fixed(item) for item in answer]
    if isinstance(answer, dict):
        return {name: _fixed(value) for name, value in answer.items()}
    return answer.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if isinstance(answer, datetime) else answer


def test_life_of_a_configuration(replay: Any, requests: Any, server: Any) -> None:
    conversation, client = replay("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle"), requests.client
    name = "event-invoke-life"
    function = {"FunctionName": name}
    requests.create_active(name, **PARAMETERS)

    def check(answer: str, result: Any) -> Any:
        return conversation.check(answer, _fixed(result))

    check("put_invokeconfig_retries_0", client.put_function_event_invoke_config(**function, MaximumRetryAttempts=0))
    check("put_invokeconfig_eventage_60", client.put_function_event_invoke_config(**function, MaximumEventAgeInSeconds=60))
    nothing_new = client.update_function_event_invoke_config(**function, MaximumEventAgeInSeconds=60)
    check("update_invokeconfig_eventage_nochange", nothing_new)
    check("update_invokeconfig_retries", client.update_function_event_invoke_config(**function, MaximumRetryAttempts=1))
    check("get_invokeconfig", client.get_function_event_invoke_config(**function))
    check("list_single_invokeconfig", client.list_function_event_invoke_configs(**function))
    check("get_invokeconfig_latest", client.get_function_event_invoke_config(**function, Qualifier="$LATEST"))
    check("publish_version_result", client.publish_version(**function))
    version = {"FunctionName": name, "Qualifier": "1"}
    conversation.check_error("get_invokeconfig_postpublish", lambda: client.get_function_event_invoke_config(**version))
    check("put_published_invokeconfig", client.put_function_event_invoke_config(**version, MaximumEventAgeInSeconds=120))
    check("get_published_invokeconfig", client.get_function_event_invoke_config(**version))
    first = client.list_function_event_invoke_configs(**function, MaxItems=1)
    second = client.list_function_event_invoke_configs(**function, MaxItems=1, Marker=first["NextMarker"])
    listed = [config["FunctionArn"] for page in (first, second) for config in page["FunctionEventInvokeConfigs"]]
    assert listed == [f"{ARN}:{name}:$LATEST", f"{ARN}:{name}:1"]
    assert "NextMarker" not in second
    client.delete_function_event_invoke_config(**function)
    check("list_paging_nolimit_postdelete", client.list_function_event_invoke_configs(**function))


def test_what_cannot_be_configured(replay: Any, requests: Any) -> None:
    conversation, client = replay("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions"), requests.client
    name, alias = "event-invoke-exceptions", "eventinvokealias"
    function_arn = f"{ARN}:{name}"
    put, update = client.put_function_event_invoke_config, client.update_function_event_invoke_config
    get, delete = client.get_function_event_invoke_config, client.delete_function_event_invoke_config
    requests.create_active(name, **PARAMETERS)
    requests.create_active("event-invoke-target")
    conversation.check("fn_version_result", client.publish_version(FunctionName=name))
    conversation.check("fn_alias_result", client.create_alias(FunctionName=name, FunctionVersion="1", Name=alias))

    invalid = {"DestinationConfig": {"OnFailure": {"Destination": function_arn.replace(":lambda:", ":_-/!lambda:")}}}
    once = {"MaximumRetryAttempts": 1}

    def on_success(arn: str) -> dict[str, Any]:
        return {"DestinationConfig": {"OnSuccess": {"Destination": arn}}}

    steps: list[tuple[str, Any, dict[str, Any]]] = [
        ("put_functionname_name_notfound", put, {"FunctionName": "doesnotexist", "MaximumRetryAttempts": 1}),
        ("put_functionname_arn_notfound", put, {"FunctionName": f"{ARN}:doesnotexist", "MaximumRetryAttempts": 1}),
        ("put_functionname_nootherargs", put, {"FunctionName": "doesnotexist"}),
        ("put_destination_invalid_arn_pattern", put, {"FunctionName": name, **invalid}),
        ("put_destination_invalid_service_arn", put, {"FunctionName": name, **on_success(function_arn.replace(":lambda:", ":iam:"))}),
        ("put_destination_success_no_destination_arn", put, {"FunctionName": name, "DestinationConfig": {"OnSuccess": {}}}),
        ("put_destination_failure_no_destination_arn", put, {"FunctionName": name, "DestinationConfig": {"OnFailure": {}}}),
        ("put_destination_lambda_doesntexist", put, {"FunctionName": name, **on_success(f"{ARN}:doesnotexist")}),
        ("put_destination_recursive", put, {"FunctionName": name, **on_success(function_arn)}),
        ("put_destination_other_lambda", put, {"FunctionName": name, **on_success(f"{ARN}:event-invoke-target")}),
        ("put_destination_latest", put, {"FunctionName": name, **once}),
        ("put_destination_latest_explicit_qualifier", put, {"FunctionName": name, "Qualifier": "$LATEST", **once}),
        ("put_destination_version", put, {"FunctionName": name, "Qualifier": "1", **once}),
        ("put_alias_doesnotexist", put, {"FunctionName": name, "Qualifier": "eventinvokealiasdoesnotexist", **once}),
        ("put_alias_functionname_qualifier", put, {"FunctionName": name, "Qualifier": alias, **once}),
        ("put_alias_qualifiedarn", put, {"FunctionName": f"{function_arn}:{alias}", **once}),
        ("put_alias_qualifiedarn_qualifier", put, {"FunctionName": f"{function_arn}:{alias}", "Qualifier": alias, **once}),
        ("put_alias_qualifiedarn_qualifierconflict", put, {"FunctionName": f"{function_arn}:{alias}", "Qualifier": "other", **once}),
        ("put_alias_shorthand", put, {"FunctionName": f"{name}:{alias}", **once}),
        ("put_alias_shorthand_qualifier", put, {"FunctionName": f"{name}:{alias}", "Qualifier": alias, **once}),
        ("put_alias_shorthand_qualifierconflict", put, {"FunctionName": f"{name}:{alias}", "Qualifier": "other", **once}),
        ("put_version_shorthand", put, {"FunctionName": f"{name}:1", **once}),
        ("put_shorthand_qualifier_match", put, {"FunctionName": f"{name}:$LATEST", "Qualifier": "$LATEST", **once}),
        ("put_shorthand_qualifier_mismatch_1", put, {"FunctionName": f"{name}:1", "Qualifier": "$LATEST", **once}),
        ("put_shorthand_qualifier_mismatch_2", put, {"FunctionName": f"{name}:$LATEST", "Qualifier": alias, **once}),
        ("put_shorthand_qualifier_mismatch_3", put, {"FunctionName": f"{name}:{alias}", "Qualifier": "1", **once}),
        ("put_maxevent_maxvalue_result", put, {"FunctionName": name, "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21600}),
        ("put_pre_overwrite", put, {"FunctionName": name, "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}),
        ("put_post_overwrite", put, {"FunctionName": name, "MaximumRetryAttempts": 0}),
        ("second_overwrite_existing_response", put, {"FunctionName": name, "MaximumRetryAttempts": 0}),
        ("get_post_overwrite", get, {"FunctionName": name}),
        ("pre_update_response", put, {"FunctionName": name, "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60}),
        ("update_response", update, {"FunctionName": name, "MaximumRetryAttempts": 0}),
        ("update_response_existing", update, {"FunctionName": name, "MaximumRetryAttempts": 0}),
        ("list_configs", client.list_function_event_invoke_configs, {"FunctionName": name}),
        ("list_function_doesnotexist", client.list_function_event_invoke_configs, {"FunctionName": "doesnotexist"}),
        ("delete_latest", delete, {"FunctionName": name, "Qualifier": "$LATEST"}),
        ("delete_version", delete, {"FunctionName": name, "Qualifier": "1"}),
        ("delete_alias", delete, {"FunctionName": name, "Qualifier": alias}),
        ("list_configs_postdelete", client.list_function_event_invoke_configs, {"FunctionName": name}),
        ("delete_function_not_found", delete, {"FunctionName": name}),
        ("delete_function_doesnotexist", delete, {"FunctionName": "doesnotexist"}),
        ("get_function_doesnotexist", get, {"FunctionName": "doesnotexist"}),
        ("get_qualifier_doesnotexist", get, {"FunctionName": name, "Qualifier": "doesnotexist"}),
        ("get_eventinvokeconfig_doesnotexist", get, {"FunctionName": name, "Qualifier": alias}),
        ("update_eventinvokeconfig_function_doesnotexist", update, {"FunctionName": "doesnotexist", **once}),
        ("update_eventinvokeconfig_config_doesnotexist_with_qualifier", update, {"FunctionName": name, "Qualifier": alias, **once}),
        ("update_eventinvokeconfig_config_doesnotexist_without_qualifier", update, {"FunctionName": name, **once}),
    ]
    for answer, operation, parameters in steps:
        if "Error" in conversation.recorded(answer):
            conversation.check_error(answer, lambda operation=operation, parameters=parameters: operation(**parameters))
        else:
            conversation.check(answer, _fixed(operation(**parameters)))


def test_a_function_a_version_and_a_region_that_are_not_there(replay: Any, requests: Any) -> None:
    get, name = requests.client.get_function_event_invoke_config, "event-invoke-versionless"
    conversation = replay("TestLambdaFunction::test_ops_on_nonexisting_fn[get_function_event_invoke_config]")
    conversation.bind("<nonexisting-fn-name>", "no-such-function")
    conversation.check_error("not_found_exception", lambda: get(FunctionName="no-such-function"))
    requests.create_active(name)
    conversation = replay("TestLambdaFunction::test_ops_on_nonexisting_version[get_function_event_invoke_config]")
    conversation.bind("<fn-name>", name)
    conversation.check_error("version_not_found_exception", lambda: get(FunctionName=name, Qualifier="1221"))
    conversation = replay("TestLambdaFunction::test_get_function_wrong_region[get_function_event_invoke_config]")
    conversation.bind("<wrong-region>", "eu-west-1")
    elsewhere = f"arn:aws:lambda:eu-west-1:{ACCOUNT_ID}:function:{name}"
    conversation.check_error("wrong_region_exception", lambda: get(FunctionName=elsewhere))


@pytest.mark.parametrize(
    ("kind", "arn", "possible"),
    [
        ("OnSuccess", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:queue", True),
        ("OnSuccess", f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:topic", True),
        ("OnSuccess", f"arn:aws:events:{REGION}:{ACCOUNT_ID}:event-bus/default", True),
        ("OnFailure", "arn:aws:s3:::bucket", True),
        ("OnSuccess", "arn:aws:s3:::bucket", False),
        ("OnFailure", f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:queue.fifo", False),
        ("OnFailure", f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:layer:name", False),
        ("OnFailure", "kafka://topic", False),
    ],
)
def test_destinations(requests: Any, kind: str, arn: str, possible: bool) -> None:
    name = "event-invoke-destinations"
    with suppress(requests.client.exceptions.ResourceConflictException):
        requests.create_active(name)
    config = {kind: {"Destination": arn}}
    if possible:
        answer = requests.client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=config)
        assert answer["DestinationConfig"][kind] == {"Destination": arn}
        return
    with pytest.raises(ClientError) as raised:
        requests.client.put_function_event_invoke_config(FunctionName=name, DestinationConfig=config)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert raised.value.response["Error"]["Message"].startswith("The provided destination config DestinationConfig(onSuccess=")


def test_configurations_go_with_what_they_are_about(requests: Any, server: Any) -> None:
    client, name = requests.client, "event-invoke-goes"
    requests.create_active(name)
    client.publish_version(FunctionName=name)
    server.settle(name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    for qualifier in ("$LATEST", "1", "live"):
        client.put_function_event_invoke_config(FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=0)

    def qualifiers() -> list[str]:
        configs = client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
        return [config["FunctionArn"].rpartition(":")[2] for config in configs]

    client.delete_function(FunctionName=name, Qualifier="1")
    assert qualifiers() == ["$LATEST", "live"]
    client.delete_alias(FunctionName=name, Name="live")
    assert qualifiers() == ["$LATEST"]
    client.delete_function(FunctionName=name)
    requests.create_active(name)
    assert qualifiers() == []
