"""Versions: published, listed, looked up in every way, deleted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:111111111111:function"
INDEX = {"Handler": "index.handler"}


def test_life_of_versions(replay: Any, requests: Any, server: Any) -> None:
    conversation, client, name = replay("TestLambdaVersions::test_version_lifecycle"), requests.client, "versions"
    conversation.bind("<location>", "signed")
    created = requests.create_active(name, Description="No version :(", Publish=False, **INDEX)
    conversation.check("create_response", created)
    conversation.check("get_function_result", _located(client.get_function(FunctionName=name)))
    conversation.check("list_versions_result", client.list_versions_by_function(FunctionName=name))

    updated = client.update_function_configuration(FunctionName=name, Description="First version :)")
    conversation.check("first_update_response", updated)
    server.settle(name)
    conversation.check("first_update_get_function", _located(client.get_function(FunctionName=name)))
    first = client.publish_version(FunctionName=name, Description="First version description :)")
    conversation.check("first_publish_response", first)
    conversation.check("first_publish_get_function", _located(client.get_function(FunctionName=name, Qualifier="1")))
    configuration = client.get_function_configuration(FunctionName=name, Qualifier="1")
    conversation.check("first_publish_get_function_config", configuration)

    updated = client.update_function_configuration(FunctionName=name, Description="Second version :))")
    conversation.check("second_update_response", updated)
    server.settle(name)
    again = client.get_function(FunctionName=first["FunctionArn"])
    conversation.check("first_publish_get_function_after_update", _located(again))
    conversation.check("second_publish_response", client.publish_version(FunctionName=name))
    conversation.check("third_publish_response", client.publish_version(FunctionName=name, Description="Third version description :)))"))
    conversation.check("list_versions_result_after_third_publish", client.list_versions_by_function(FunctionName=name))
    client.delete_function(FunctionName=name, Qualifier="1")
    conversation.check("list_versions_result_after_deletion_of_first_version", client.list_versions_by_function(FunctionName=name))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("wrong_sha256", {"CodeSha256": "somenonexistentsha256"}), ("wrong_revisionid", {"RevisionId": "wrong"})],
)
def test_what_is_published_must_be_what_the_caller_knows(replay: Any, requests: Any, name: str, wrong: dict[str, str]) -> None:
    conversation, client = replay(f"TestLambdaVersions::test_publish_with_{name}"), requests.client
    members = conversation.recorded("create_response").keys() | {"LastUpdateStatus"}  # one of them is of 2022: it has fewer

    def as_of_then(answer: dict[str, Any]) -> dict[str, Any]:
        return {member: value for member, value in answer.items() if member in members}

    runtime = conversation.recorded("create_response")["Runtime"]
    conversation.check("create_response", as_of_then(requests.create_active(name, Runtime=runtime, **INDEX)))
    found = client.get_function(FunctionName=name)
    known = found["Configuration"]
    conversation.check("get_fn_response", _located(found) | {"Configuration": as_of_then(known)})
    conversation.check_error(f"publish_{name}_exc", lambda: client.publish_version(FunctionName=name, **wrong))
    right = {member: known[member] for member in wrong}
    conversation.check("publish_result", as_of_then(client.publish_version(FunctionName=name, **right)))


def test_revisions_of_versions_and_aliases(replay: Any, requests: Any) -> None:
    conversation, client, name = (
        replay("TestLambdaRevisions::test_function_revisions_version_and_alias"),
        requests.client,
        "version-revisions",
    )
    conversation.bind("<location>", "signed")
    created = requests.create_active(name, Timeout=30, Environment={"Variables": {}})
    conversation.check("create_function_response_rev1", created)
    known = conversation.check("get_function_active_rev2", _located(client.get_function(FunctionName=name)))
    conversation.check_error("publish_version_revision_exception", lambda: client.publish_version(FunctionName=name, RevisionId="wrong"))
    revision_id = known["Configuration"]["RevisionId"]
    version = client.publish_version(FunctionName=name, RevisionId=revision_id)
    conversation.check("publish_version_response_rev_v1", version)
    conversation.check("get_function_latest_rev3", _located(client.get_function(FunctionName=name)))
    conversation.check("get_function_published_version_rev_v2", _located(client.get_function(FunctionName=name, Qualifier="1")))
    alias = {"FunctionName": name, "Name": "revision_alias"}
    conversation.check("create_alias_response_rev_a1", created_alias := client.create_alias(FunctionVersion="1", **alias))
    conversation.check_error("update_alias_revision_exception", lambda: client.update_alias(RevisionId="wrong", **alias))
    changed = client.update_alias(RevisionId=created_alias["RevisionId"], Description="something changed", **alias)
    conversation.check("update_alias_response_rev_a2", changed)
    conversation.check("get_function_latest_rev4", _located(client.get_function(FunctionName=name)))
    conversation.check("get_function_published_version_rev_v3", _located(client.get_function(FunctionName=name, Qualifier="1")))


def test_a_version_does_not_change(requests: Any, server: Any) -> None:
    client, name = requests.client, "immutable"
    requests.create_active(name, Publish=True, Timeout=7, Environment={"Variables": {"KEY": "1"}})
    before = client.get_function_configuration(FunctionName=name, Qualifier="1")
    client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 2\n"))
    server.settle(name)
    client.update_function_configuration(FunctionName=name, Timeout=8, Environment={"Variables": {"KEY": "2"}})
    server.settle(name)
    for function_name in (f"{name}:1", f"{ARN}:{name}:1", f"111111111111:function:{name}:1"):
        after = client.get_function_configuration(FunctionName=function_name)
        assert after | {"ResponseMetadata": None} == before | {"ResponseMetadata": None}
    published = client.publish_version(FunctionName=name)
    assert (published["Version"], published["Timeout"]) == ("2", 8)


def test_pages_of_versions_in_the_order_of_their_numbers(requests: Any, server: Any) -> None:
    client, name = requests.client, "pages-of-versions"
    requests.create_active(name)
    for number in range(11):
        client.update_function_configuration(FunctionName=name, Timeout=10 + number)
        server.settle(name)
        client.publish_version(FunctionName=name)
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name, PaginationConfig={"PageSize": 4})
    listed = [[version["Version"] for version in page["Versions"]] for page in pages]
    assert listed == [["$LATEST", "1", "2", "3"], ["4", "5", "6", "7"], ["8", "9", "10", "11"]]
    client.delete_function(FunctionName=name)
    with pytest.raises(ClientError, match=f"Function not found: {ARN}:{name}$"):
        client.list_versions_by_function(FunctionName=name)
    requests.create_active(name)
    assert len(client.list_versions_by_function(FunctionName=name)["Versions"]) == 1


def test_the_same_code_published_again_is_the_same_version(requests: Any, server: Any) -> None:
    client, name, code = requests.client, "same-code", requests.zip_of("A = 1\n")
    requests.create_active(name, Code={"ZipFile": code}, Publish=True)
    assert client.update_function_code(FunctionName=name, ZipFile=code, Publish=True)["Version"] == "1"
    server.settle(name)
    assert client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 2\n"), Publish=True)["Version"] == "2"


def test_every_form_of_a_name_in_operations_that_change_something(requests: Any, server: Any) -> None:
    """What TestPartialARNMatching does; AWS's answers to it were not recorded."""
    client, name = requests.client, "forms-of-names"
    requests.create_active(name)
    for number, form in enumerate((name, f"{ARN}:{name}", f"111111111111:function:{name}", f"function:{name}"), start=1):
        updated = client.update_function_configuration(FunctionName=form, Timeout=10 + number)
        assert (updated["Timeout"], updated["FunctionArn"]) == (10 + number, f"{ARN}:{name}")
        server.settle(name)
        assert client.publish_version(FunctionName=form)["Version"] == str(number)
        client.create_alias(FunctionName=form, Name=f"alias-{number}", FunctionVersion="1")
        assert len(client.list_aliases(FunctionName=form)["Aliases"]) == number
        assert len(client.list_versions_by_function(FunctionName=form)["Versions"]) == number + 1
    with pytest.raises(ClientError, match="are not reachable in this region"):
        client.publish_version(FunctionName=f"arn:aws:lambda:eu-west-1:111111111111:function:{name}")


def test_versions_of_functions_that_are_not_there(requests: Any) -> None:
    with pytest.raises(ClientError, match=f"Function not found: {ARN}:nobody$"):
        requests.client.publish_version(FunctionName="nobody")
    with pytest.raises(ClientError, match=f"Function not found: {ARN}:nobody$"):
        requests.client.list_versions_by_function(FunctionName="nobody")


def test_the_latest_published_version_is_published_over_itself(requests: Any, server: Any) -> None:
    client, name, qualifier = requests.client, "latest-published", "$LATEST.PUBLISHED"
    requests.create_active(name)
    first = client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED", Description="one")
    assert (first["Version"], first["FunctionArn"]) == (qualifier, f"{ARN}:{name}:{qualifier}")
    assert client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")["RevisionId"] == first["RevisionId"]
    update = client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 2\n"), PublishTo="LATEST_PUBLISHED")
    assert (update["Version"], update["State"]) == (qualifier, "Pending")
    server.settle(name)
    shown = client.get_function_configuration(FunctionName=name, Qualifier=qualifier)
    assert shown["CodeSha256"] == update["CodeSha256"] != first["CodeSha256"]
    assert client.publish_version(FunctionName=name)["Version"] == "1"
    listed = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", qualifier, "1"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=qualifier)
    assert client.get_function_configuration(FunctionName=f"{name}:live")["Version"] == qualifier
    client.delete_alias(FunctionName=name, Name="live")
    client.delete_function(FunctionName=name, Qualifier=qualifier)
    with pytest.raises(ClientError, match="Function not found"):
        client.get_function(FunctionName=name, Qualifier=qualifier)


def _located(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["Code"]["Location"].startswith("http://127.0.0.1:")
    return answer | {"Code": answer["Code"] | {"Location": "signed"}}
