"""Tags of functions and event source mappings, and what is said of the tags of what is not there."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID = "111111111111"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}"
ENVIRONMENT: dict[str, Any] = {"Timeout": 30, "Environment": {"Variables": {}}}


class Tagged:
    """Operations on the tags of one resource."""

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def tag(self, tags: dict[str, str]) -> Any:
        return self._client.tag_resource(Resource=self._arn, Tags=tags)

    def untag(self, *keys: str) -> Any:
        return self._client.untag_resource(Resource=self._arn, TagKeys=list(keys))

    def tags(self) -> Any:
        return self._client.list_tags(Resource=self._arn)


def a_function(requests: Any, name: str, **parameters: Any) -> Tagged:
    return Tagged(requests.client, requests.create_active(name, **parameters)["FunctionArn"])


def a_mapping(requests: Any, function_name: str, **parameters: Any) -> dict[str, Any]:
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:{function_name}"
    answer: dict[str, Any] = requests.client.create_event_source_mapping(
        FunctionName=function_name, EventSourceArn=queue, Enabled=False, **parameters
    )
    return answer


def shown(requests: Any, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = requests.client.get_function(FunctionName=name)
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}


def message_of_failure(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("variant", ["", "[lambda_function]", "[event_source_mapping]"])
def test_tags_come_and_go(replay: Any, requests: Any, variant: str) -> None:
    conversation = replay(f"TestLambdaTag::test_tag_lifecycle{variant}")
    name = f"tags-come-and-go-{len(variant)}"
    resource = a_function(requests, name)
    if variant == "[event_source_mapping]":
        resource = Tagged(requests.client, a_mapping(requests, name)["EventSourceMappingArn"])
    steps: tuple[tuple[str, Any], ...] = (
        ("tag_single_response", lambda: resource.tag({"A": "tag-a"})),
        ("tag_multiple_response", lambda: resource.tag({"B": "tag-b", "C": "tag-c"})),
        ("tag_overlap_response", lambda: resource.tag({"C": "tag-c-newsuffix", "D": "tag-d"})),
        ("untag_single_response", lambda: resource.untag("A")),
        ("untag_multiple_response", lambda: resource.untag("B", "C")),
        ("untag_nonexisting_response", lambda: resource.untag("F")),
        ("untag_existing_and_nonexisting_response", lambda: resource.untag("D", "F")),
    )
    for answer, step in steps:
        conversation.check(answer, step())
        conversation.check(f"{answer}_listtags", resource.tags())


def test_the_function_shows_its_tags(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTags::test_tag_lifecycle"), "tags-shown"
    resource = a_function(requests, name, Tags={"key_a": "value_a"}, **ENVIRONMENT)

    def look(suffix: str) -> None:
        conversation.check(f"list_tags_response_{suffix}", resource.tags())
        conversation.check(f"get_fn_response_{suffix}", shown(requests, name))

    look("postfncreate")
    added = {f"key_{letter}": f"value_{letter}" for letter in "bcde"}
    conversation.check("tag_resource_response", resource.tag(added))
    look("postaddtags")
    conversation.check("tag_resource_overwrite", resource.tag({"key_c": "value_x"}))
    look("overwrite")
    resource.untag("key_c", "key_d")
    look("postuntag")
    resource.untag("key_a", "key_b", "key_e")
    look("postuntagall")
    requests.client.delete_function(FunctionName=name)
    conversation.check_error("list_tags_postdelete", resource.tags)


def test_the_limit_of_tags(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTags::test_tag_limits"), "tags-limit"
    too_many = {f"{number}_key": f"{number}_value" for number in range(51)}
    conversation.check_error("create_function_invalid_tags", lambda: requests.create(f"{name}-not", Tags=too_many))
    resource = a_function(requests, name, **ENVIRONMENT)
    conversation.check_error("tag_lambda_too_many_tags", lambda: resource.tag(too_many))
    conversation.check("tag_response", resource.tag(dict(list(too_many.items())[:50])))
    conversation.check("list_tags_response", resource.tags())
    conversation.check("get_fn_response", shown(requests, name))
    conversation.check_error("tag_lambda_too_many_tags_additional", lambda: resource.tag({"one": "more"}))


def test_versions_have_no_tags(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTags::test_tag_versions"), "tags-versions"
    arn = requests.create_active(name, Publish=True)["FunctionArn"].removesuffix(":1")
    conversation.check_error("tag_resource_exception", lambda: Tagged(requests.client, f"{arn}:1").tag({"key": "value"}))
    conversation.check_error("tag_resource_latest_exception", lambda: Tagged(requests.client, f"{arn}:$LATEST").tag({"key": "value"}))


def test_what_can_be_wrong_with_tags(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTags::test_tag_exceptions"), "tags-exceptions"
    resource = a_function(requests, name)
    error = conversation.check_error
    error("tag_lambda_invalidarn", lambda: Tagged(requests.client, "arn:aws:something").tag({"key": "value"}))
    error("tag_lambda_doesnotexist", lambda: Tagged(requests.client, f"{ARN}:function:doesnotexist").tag({"key": "value"}))
    error("tag_lambda_qualifier_doesnotexist", lambda: Tagged(requests.client, f"{ARN}:function:{name}:v1").tag({"key": "value"}))
    conversation.check("list_tag_lambda_empty", resource.tags())
    error("tag_empty_tags", lambda: resource.tag({}))
    error("untag_empty_keys", resource.untag)
    conversation.check("untag_nomatch", resource.untag("somekey"))


@pytest.mark.parametrize(
    ("variant", "kind", "name"),
    [
        ("lambda_function", "function", "tags-of-nobody"),
        ("event_source_mapping", "event-source-mapping", "11111111-2222-4333-8444-555555555555"),
        ("capacity_provider", "capacity-provider", "tags-of-nobody"),
    ],
)
def test_tags_of_what_is_not_there(replay: Any, requests: Any, variant: str, kind: str, name: str) -> None:
    conversation = replay(f"TestLambdaTag::test_tag_exceptions[{variant}]")
    conversation.bind("<resource-name>", name)
    resource = Tagged(requests.client, f"{ARN}:{kind}:{name}")
    conversation.check_error("not_found_exception_list", resource.tags)
    conversation.check_error("not_found_exception_tag", lambda: resource.tag({"A": "B"}))
    conversation.check_error("not_found_exception_untag", lambda: resource.untag("A", "B"))
    conversation.check_error("invalid_arn_exception", Tagged(requests.client, f"{ARN}:foobar:{name}").tags)
    conversation.check_error("aliased_arn_exception", lambda: Tagged(requests.client, f"{ARN}:{kind}:{name}:alias").tags())


def test_tags_of_a_function_that_was_deleted(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTag::test_tag_nonexisting_resource"), "tags-deleted"
    resource = a_function(requests, name, **ENVIRONMENT)
    conversation.check("pre_delete_get_function", shown(requests, name))
    requests.client.delete_function(FunctionName=name)
    conversation.check_error("not_found_exception_tag", lambda: resource.tag({"A": "B"}))
    conversation.check_error("not_found_exception_untag", lambda: resource.untag("A", "B"))
    conversation.check_error("not_found_exception_list", resource.tags)


def test_the_tags_of_a_creation_are_listed(replay: Any, requests: Any) -> None:
    conversation = replay("TestLambdaTag::test_create_tag_on_fn_create")
    resource = a_function(requests, "tags-of-creation", Tags={"testtag": "custom"}, **ENVIRONMENT)
    conversation.check("get_function_result", shown(requests, "tags-of-creation"))
    conversation.check("list_tags_result", resource.tags())


def test_the_tags_of_a_new_mapping_are_listed(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaTag::test_create_tag_on_esm_create"), "tags-of-mapping"
    requests.create_active(name)
    created = a_mapping(requests, name, Tags={"testtag": "custom"})
    conversation.check("list_tags_result", Tagged(requests.client, created["EventSourceMappingArn"]).tags())
    # It was compared with the mapping as it was created when it was recorded.
    got = requests.client.get_event_source_mapping(UUID=created["UUID"])
    conversation.check("get_event_source_mapping_with_tag", got["EventSourceMappingArn"] == created["EventSourceMappingArn"])


@pytest.mark.parametrize("key", ["aws:mine", "AWS:mine"])
def test_keys_of_aws_are_reserved(requests: Any, key: str) -> None:
    name = f"tags-reserved-{key[:3]}"
    resource = a_function(requests, name)
    expected = ("InvalidParameterValueException", "aws: prefixed tag key names are not allowed for external use.")
    assert message_of_failure(lambda: resource.tag({key: "value"})) == expected
    assert message_of_failure(lambda: requests.create(f"{name}-not", Tags={key: "value"})) == expected


def test_keys_and_values_have_limits(requests: Any) -> None:
    resource = a_function(requests, "tags-lengths")
    resource.tag({"k" * 128: "v" * 256, "Schlüssel @_.:/=+-": ""})
    assert len(resource.tags()["Tags"]) == 2
    for tags in ({"k" * 129: "v"}, {"k": "v" * 257}, {"k!": "v"}, {"k": "v?"}):
        assert message_of_failure(lambda tags=tags: resource.tag(tags))[0] == "ValidationException"


def test_a_function_that_waits_takes_tags(requests: Any, server: Any) -> None:
    name = "tags-while-pending"
    with server.activations_held():
        resource = Tagged(requests.client, requests.create(name)["FunctionArn"])
        resource.tag({"a": "1"})
    server.settle(name)
    with server.activations_held():
        requests.client.update_function_configuration(FunctionName=name, Description="other")
        resource.tag({"b": "2"})
    server.settle(name)
    assert resource.tags()["Tags"] == {"a": "1", "b": "2"}
    assert shown(requests, name)["Configuration"]["State"] == "Active"
    assert shown(requests, name)["Configuration"]["Description"] == "other"


def test_functions_of_elsewhere(requests: Any, server: Any) -> None:
    arn = requests.create_active("tags-elsewhere")["FunctionArn"]
    assert message_of_failure(Tagged(server.client(account_id="222222222222"), arn).tags)[0] == "AccessDeniedException"
    assert message_of_failure(Tagged(server.client(region="eu-west-1"), arn).tags)[0] == "ResourceNotFoundException"
