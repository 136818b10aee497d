"""Resource policies of functions, versions and aliases.

Of AWS's conversations two are left out, recorded in 2022 when a policy had the revision id of its function: the one about revisions, and
the older one of two about versions.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID = "111111111111"
BUCKET = "arn:aws:s3:::test-bucket"
ENVIRONMENT: dict[str, Any] = {"Timeout": 30, "Environment": {"Variables": {}}}


class Permissions:
    """Operations on the policy of a function, or of whatever `target` says besides; documents come parsed."""

    def __init__(self, client: Any, name: str, **target: str) -> None:
        self.client = client
        self.target = {"FunctionName": name} | target

    def add(self, sid: str = "s3", principal: str = "s3.amazonaws.com", **parameters: Any) -> dict[str, Any]:
        return parsed(
            self.client.add_permission(
                **({"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": principal} | self.target | parameters)
            )
        )

    def get(self, **parameters: Any) -> dict[str, Any]:
        return parsed(self.client.get_policy(**(self.target | parameters)))

    def remove(self, sid: str = "s3", **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.remove_permission(**({"StatementId": sid} | self.target | parameters))
        return answer


def parsed(answer: dict[str, Any]) -> dict[str, Any]:
    documents = {name: json.loads(answer[name]) for name in ("Statement", "Policy") if name in answer}
    return answer | documents


def failure(call: Any, *arguments: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(*arguments, **parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def permissions(requests: Any, request: pytest.FixtureRequest) -> Permissions:
    """Of a new function that is named like the test."""
    name = ("of-resource-" if request.cls else "") + request.node.name
    requests.create_active(name)
    return Permissions(requests.client, name)


def test_a_permission_for_a_service(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_add_lambda_permission_aws"), "permission-service"
    policy = Permissions(requests.client, name)
    conversation.check("create_lambda", requests.create_active(name, **ENVIRONMENT))
    conversation.check("add_permission", policy.add(SourceArn=BUCKET))
    conversation.check("get_policy", policy.get())


def test_permissions_with_every_parameter(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_add_lambda_permission_fields"), "permission-fields"
    requests.create_active(name)
    policy, user = Permissions(requests.client, name), f"arn:aws:iam::{ACCOUNT_ID}:user/ann"
    own: dict[str, Any] = {"SourceAccount": ACCOUNT_ID}
    conversation.check("add_permission_principal_wildcard", policy.add("wilcard", "*", **own))
    conversation.check("add_permission_principal_service", policy.add("lambda", "lambda.amazonaws.com", **own))
    conversation.check("add_permission_principal_account", policy.add("account-id", ACCOUNT_ID))
    conversation.check("add_permission_principal_arn", policy.add("user-arn", user, **own))
    optional = {
        "Action": "lambda:InvokeFunctionUrl",
        "SourceArn": BUCKET,
        "SourceAccount": ACCOUNT_ID,
        "PrincipalOrgID": "o-1234567890",
        "FunctionUrlAuthType": "NONE",
    }
    conversation.check("add_permission_optional_fields", policy.add("urlPermission", "*", **optional))
    token = "amzn1.ask.skill.xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    conversation.check("add_permission_alexa_skill", policy.add("alexaSkill", "*", EventSourceToken=token))


def test_several_permissions(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_create_multiple_lambda_permissions"), "permission-several"
    requests.create_active(name)
    policy = Permissions(requests.client, name)
    conversation.check("add_permission_response_1", policy.add("logs", "logs.amazonaws.com"))
    conversation.check("add_permission_response_2", policy.add("kinesis", "kinesis.amazonaws.com"))
    conversation.check("policy_after_2_add", policy.get())


def test_removing_permissions(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_remove_multi_permissions"), "permission-removing"
    requests.create_active(name)
    policy = Permissions(requests.client, name)
    sqs = conversation.recorded("add_permission_2")["Statement"]
    conversation.check("add_permission_1", policy.add())
    conversation.check("add_permission_2", policy.add("sqs", sqs["Principal"]["Service"], **_source(sqs)))
    conversation.check("policy_after_2_add", policy.get())
    conversation.check_error("remove_permission_exception_nonexisting_sid", lambda: policy.remove("non-existent"))
    policy.remove("sqs")
    conversation.check("policy_after_removal", policy.get())
    conversation.check("policy_after_removal_attempt", policy.get())
    policy.remove("s3", RevisionId=policy.get()["RevisionId"])
    conversation.check_error("get_policy_exception_removed_all", policy.get)


def test_versions_and_aliases_have_policies_of_their_own(replay: Any, requests: Any, server: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_lambda_permission_fn_versioning"), "permission-versioning"
    client = requests.client
    requests.create_active(name, **ENVIRONMENT)
    policy = Permissions(client, name, SourceArn=BUCKET)
    target = Permissions(client, name)
    conversation.check("add_permission", policy.add())
    conversation.check("get_policy", target.get())

    conversation.check("publish_version_result", client.publish_version(FunctionName=name))
    server.settle(name)
    answer = client.get_function(FunctionName=name)
    conversation.check("get_function_result_after_publishing", answer | {"Code": answer["Code"] | {"Location": "signed"}})
    conversation.check("get_policy_after_publishing_latest", target.get())
    conversation.check_error("get_policy_after_publishing_new_version", lambda: target.get(Qualifier="1"))
    policy.add(FunctionName=f"{name}:1", Qualifier="1")
    conversation.check("get_policy_version", target.get(Qualifier="1"))

    alias = "permission-alias"
    created = conversation.check("create_alias_response", client.create_alias(FunctionName=name, Name=alias, FunctionVersion="1"))
    conversation.check("get_alias", client.get_alias(FunctionName=name, Name=alias))
    conversation.check_error(
        "add_permission_alias_revision_exception", lambda: policy.add(Qualifier=alias, RevisionId=created["RevisionId"])
    )
    policy.add(FunctionName=f"{name}:{alias}", Qualifier=alias)
    conversation.check("get_policy_alias", target.get(Qualifier=alias))
    unchanged = conversation.check("get_policy_after_adding_to_new_version", target.get())
    policy.add("s3_2", RevisionId=unchanged["RevisionId"])
    conversation.check("get_policy_after_adding_2", target.get())


def test_what_can_be_wrong_with_permissions(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaPermissions::test_permission_exceptions"), "permission-exceptions"
    conversation.bind("<function-name>", name)
    requests.create_active(name)
    policy, nobody = Permissions(requests.client, name), Permissions(requests.client, "doesnotexist")
    error = conversation.check_error
    error("add_permission_invalid_statement_id", lambda: policy.add("example.com"))
    error("add_permission_principal_invalid", lambda: policy.add("lambda", "invalid.nonaws.com"))
    error("get_policy_fn_doesnotexist", nobody.get)
    error("get_policy_fn_version_doesnotexist", lambda: policy.get(Qualifier="42"))
    error("add_permission_fn_doesnotexist", nobody.add)
    error("remove_permission_fn_doesnotexist", nobody.remove)
    error("add_permission_fn_version_doesnotexist", lambda: policy.add(Qualifier="42"))
    error("add_permission_fn_alias_doesnotexist", lambda: policy.add(Qualifier="alias-doesnotexist"))
    error("remove_permission_fn_alias_doesnotexist", lambda: policy.remove(Qualifier="alias-doesnotexist"))
    error("add_permission_fn_qualifier_mismatch", lambda: policy.add(FunctionName=f"{name}:alias-not-42", Qualifier="42"))
    error("add_permission_fn_qualifier_invalid", lambda: policy.add(Qualifier="invalid-qualifier-with-?-char"))
    error("add_permission_fn_qualifier_valid_doesnotexist", lambda: policy.add(Qualifier="valid-with-$-but-doesnotexist"))
    error("add_permission_fn_qualifier_latest", lambda: policy.add(Qualifier="$LATEST"))
    error("remove_permission_policy_doesnotexist", policy.remove)
    policy.add()
    error("add_permission_conflicting_statement_id", policy.add)


def test_a_permission_for_invocations_through_the_url(permissions: Permissions) -> None:
    statement = permissions.add("url", "*", InvokedViaFunctionUrl=True)["Statement"]
    assert statement["Condition"] == {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
    assert failure(permissions.add, "auth", "*", FunctionUrlAuthType="NONE") == (
        "InvalidParameterValueException",
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    )


def test_a_statement_has_the_members_in_their_order(permissions: Permissions) -> None:
    answer = permissions.client.add_permission(
        **permissions.target, StatementId="s", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=BUCKET
    )
    assert list(json.loads(answer["Statement"])) == ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]
    policy = permissions.client.get_policy(**permissions.target)["Policy"]
    assert policy == f'{{"Version":"2012-10-17","Id":"default","Statement":[{answer["Statement"]}]}}'


def test_a_stale_revision(permissions: Permissions) -> None:
    stale = "6e2b9a1e-1111-4222-8333-444455556666"
    expected = (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id",
    )
    assert failure(permissions.add, RevisionId=stale) == expected
    permissions.add()
    assert failure(permissions.add, "other", RevisionId=stale) == expected
    assert failure(permissions.remove, RevisionId=stale) == expected
    revision = permissions.get()["RevisionId"]
    permissions.add("other", RevisionId=revision)
    assert failure(permissions.remove, RevisionId=revision) == expected


def test_a_policy_has_a_limit(permissions: Permissions) -> None:
    long = {"SourceArn": "arn:aws:s3:::" + "b" * 9_800}
    permissions.add("s1", **long)
    permissions.add("s2", **long)
    policy = permissions.client.get_policy(**permissions.target)["Policy"]
    size = len(policy) + len(policy[policy.rindex(',{"Sid"') : policy.rindex("]")])
    assert failure(permissions.add, "s3", **long) == (
        "PolicyLengthExceededException",
        f"The final policy size ({size}) is bigger than the limit (20480).",
    )
    assert len(permissions.get()["Policy"]["Statement"]) == 2


def test_permissions_that_are_added_at_once(permissions: Permissions) -> None:
    sids = [f"s{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(permissions.add, sids))
    assert sorted(statement["Sid"] for statement in permissions.get()["Policy"]["Statement"]) == sorted(sids)


def test_policies_go_with_what_they_belong_to(permissions: Permissions, requests: Any, server: Any) -> None:
    client, name = permissions.client, permissions.target["FunctionName"]
    client.publish_version(FunctionName=name)
    requests.client.update_function_code(FunctionName=name, ZipFile=requests.zip_of("A = 2\n"))
    server.settle(name)
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    for target in ({}, {"Qualifier": "1"}, {"Qualifier": "2"}, {"Qualifier": "live"}):
        permissions.add(**target)
    client.delete_function(FunctionName=name, Qualifier="1")
    assert failure(permissions.get, Qualifier="1")[0] == "ResourceNotFoundException"
    assert permissions.get(Qualifier="2")["Policy"]["Statement"][0]["Resource"].endswith(f":{name}:2")

    client.delete_function(FunctionName=name)
    requests.create_active(name, Publish=True)
    for target in ({}, {"Qualifier": "1"}, {"Qualifier": "2"}, {"Qualifier": "live"}):
        assert failure(permissions.get, **target)[0] == "ResourceNotFoundException"


def test_the_policy_of_an_alias_goes_with_it(permissions: Permissions) -> None:
    client, name = permissions.client, permissions.target["FunctionName"]
    alias = {"FunctionName": name, "Name": "live"}
    client.publish_version(FunctionName=name)
    client.create_alias(**alias, FunctionVersion="1")
    permissions.add(Qualifier="live")
    client.delete_alias(**alias)
    client.create_alias(**alias, FunctionVersion="1")
    assert failure(permissions.get, Qualifier="live")[0] == "ResourceNotFoundException"


def test_a_function_of_another_account(permissions: Permissions, server: Any) -> None:
    name = permissions.target["FunctionName"]
    stranger = Permissions(server.client(account_id="222222222222"), f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{name}")
    for call in (stranger.add, stranger.get, stranger.remove):
        assert failure(call)[0] == "AccessDeniedException"


class TestResourcePolicies:
    """PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy: nothing is recorded of them."""

    @pytest.fixture
    def arn(self, permissions: Permissions) -> str:
        return f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{permissions.target['FunctionName']}"

    def test_putting_replaces_what_is_there(self, permissions: Permissions, arn: str) -> None:
        client = permissions.client
        permissions.add()
        statement = {
            "Sid": "account",
            "Effect": "Deny",
            "Principal": {"AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::222222222222:user/ann"]},
            "Action": ["lambda:InvokeFunction", "lambda:GetFunction"],
            "Resource": arn,
            "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1234567890"}},
        }
        document = {"Version": "2012-10-17", "Id": "mine", "Statement": [statement]}
        put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document, indent=1))
        assert json.loads(put["Policy"]) == document
        got = client.get_resource_policy(ResourceArn=arn)
        assert {name: got[name] for name in ("Policy", "RevisionId")} == {name: put[name] for name in ("Policy", "RevisionId")}
        assert permissions.get()["Policy"] == document
        permissions.add("added", RevisionId=put["RevisionId"])
        assert [each["Sid"] for each in json.loads(client.get_resource_policy(ResourceArn=arn)["Policy"])["Statement"]] == [
            "account",
            "added",
        ]

    def test_deleting(self, permissions: Permissions, arn: str) -> None:
        client = permissions.client
        assert failure(client.delete_resource_policy, ResourceArn=arn)[0] == "ResourceNotFoundException"
        permissions.add()
        answer = client.delete_resource_policy(ResourceArn=arn, RevisionId=permissions.get()["RevisionId"])
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert failure(client.get_resource_policy, ResourceArn=arn)[0] == "ResourceNotFoundException"

    def test_of_a_version(self, permissions: Permissions, arn: str) -> None:
        client = permissions.client
        client.publish_version(FunctionName=arn)
        document = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": f"{arn}:1"},
            }
        )
        assert failure(client.put_resource_policy, ResourceArn=arn, Policy=document)[0] == "InvalidParameterValueException"
        client.put_resource_policy(ResourceArn=f"{arn}:1", Policy=document)
        assert permissions.get(Qualifier="1")["Policy"]["Statement"][0]["Principal"] == "*"
        assert failure(client.get_resource_policy, ResourceArn=arn)[0] == "ResourceNotFoundException"

    def test_a_stale_revision(self, permissions: Permissions, arn: str) -> None:
        client, stale = permissions.client, "6e2b9a1e-1111-4222-8333-444455556666"
        permissions.add()
        document = client.get_resource_policy(ResourceArn=arn)["Policy"]
        put = {"ResourceArn": arn, "Policy": document, "RevisionId": stale}
        assert failure(client.put_resource_policy, **put)[0] == "PreconditionFailedException"
        assert failure(client.delete_resource_policy, ResourceArn=arn, RevisionId=stale)[0] == "PreconditionFailedException"

    def test_what_cannot_have_a_policy(self, permissions: Permissions, arn: str) -> None:
        client, document = permissions.client, '{"Statement":[]}'
        put = client.put_resource_policy
        assert failure(put, ResourceArn=f"{arn}-not", Policy=document)[0] == "ResourceNotFoundException"
        assert failure(put, ResourceArn=f"{arn}:42", Policy=document)[0] == "ResourceNotFoundException"
        assert failure(put, ResourceArn=f"{arn}:$LATEST", Policy=document)[0] == "InvalidParameterValueException"
        assert failure(put, ResourceArn=arn, Policy=document)[0] == "InvalidParameterValueException"
        assert failure(put, ResourceArn=arn, Policy="x" * 20_481)[0] == "ValidationException"
        assert failure(put, ResourceArn="arn:aws:s3:::bucket", Policy=document)[0] == "ValidationException"


def _source(statement: dict[str, Any]) -> dict[str, Any]:
    arn = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
    return {} if arn is None else {"SourceArn": arn.replace("<partition>", "aws").replace("<resource:2>", "test-bucket")}
