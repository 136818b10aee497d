"""Resource policies of layer versions, and who may use a layer by them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

STRANGER = "222222222222"


class LayerPermissions:
    """Operations on the policy of version 1 of a layer, or of whatever else is said; documents come parsed."""

    def __init__(self, client: Any, layer_name: str) -> None:
        self.client = client
        self.target = {"LayerName": layer_name, "VersionNumber": 1}

    def add(self, sid: str = "s1", **parameters: Any) -> dict[str, Any]:
        defaults = {"StatementId": sid, "Action": "lambda:GetLayerVersion", "Principal": "*"}
        answer = self.client.add_layer_version_permission(**(self.target | defaults | parameters))
        return answer | {"Statement": json.loads(answer["Statement"])}

    def get(self, **parameters: Any) -> dict[str, Any]:
        answer = self.client.get_layer_version_policy(**(self.target | parameters))
        return answer | {"Policy": json.loads(answer["Policy"])}

    def remove(self, sid: str = "s1", **parameters: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.remove_layer_version_permission(**(self.target | {"StatementId": sid} | parameters))
        return answer


def publish(requests: Any, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = requests.client.publish_layer_version(
        LayerName=name, Content={"ZipFile": requests.zip_of()}, CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"]
    )
    return answer


def code_of_failure(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    code: str = raised.value.response["Error"]["Code"]
    return code


def test_a_layer_policy_comes_and_goes(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaLayer::test_layer_policy_lifecycle"), "layer-policy-lifecycle"
    conversation.check("publish_result", _dated(publish(requests, name)))
    policy = LayerPermissions(requests.client, name)
    conversation.check("add_policy_s1", policy.add("s1"))
    first = conversation.check("get_layer_version_policy", policy.get())
    conversation.check("add_policy_s2", policy.add("s2", RevisionId=first["RevisionId"]))
    second = conversation.check("get_layer_version_policy_postadd2", policy.get())
    conversation.check("remove_s2", policy.remove("s2", RevisionId=second["RevisionId"]))
    conversation.check("get_layer_version_policy_postdeletes2", policy.get())


def test_what_can_be_wrong_with_layer_permissions(replay: Any, requests: Any) -> None:
    conversation, name = replay("TestLambdaLayer::test_layer_policy_exceptions"), "layer-policy-exceptions"
    conversation.check("publish_result", _dated(publish(requests, name)))
    policy = LayerPermissions(requests.client, name)
    error = conversation.check_error
    error("layer_permission_nopolicy_get", policy.get)
    conversation.check("add_layer_permission_result", policy.add())
    for prefix, other in (("layername", {"LayerName": f"{name}-doesnotexist"}), ("layerversion", {"VersionNumber": 2})):
        error(f"layer_permission_{prefix}_doesnotexist_add", lambda other=other: policy.add(**other))
        error(f"layer_permission_{prefix}_doesnotexist_get", lambda other=other: policy.get(**other))
        error(f"layer_permission_{prefix}_doesnotexist_remove", lambda other=other: policy.remove(**other))
    error("layer_permission_duplicate_statement", policy.add)
    error("layer_permission_statementid_doesnotexist_remove", lambda: policy.remove("doesnotexist"))
    error("layer_permission_action_invalid", lambda: policy.add("s2", Action="*"))
    error("layer_permission_wrong_revision", lambda: policy.add("s2", RevisionId="wrong"))
    error("layer_permission_wrong_revision_remove", lambda: policy.remove(RevisionId="wrong"))


def test_the_last_statement_goes_with_the_policy(requests: Any) -> None:
    publish(requests, "layer-policy-last")
    policy = LayerPermissions(requests.client, "layer-policy-last")
    policy.add()
    policy.remove()
    assert code_of_failure(policy.get) == code_of_failure(policy.remove) == "ResourceNotFoundException"


def test_a_layer_is_used_by_whom_its_policy_allows_it(requests: Any, server: Any) -> None:
    published = publish(requests, "layer-shared")
    policy, stranger = LayerPermissions(requests.client, "layer-shared"), server.client(account_id=STRANGER)
    asked = {"LayerName": published["LayerArn"], "VersionNumber": 1}
    assert code_of_failure(stranger.get_layer_version, **asked) == "AccessDeniedException"
    policy.add("other", Principal="333333333333")
    assert code_of_failure(stranger.get_layer_version, **asked) == "AccessDeniedException"
    statement = policy.add("account", Principal=STRANGER)["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{STRANGER}:root"}
    assert stranger.get_layer_version(**asked)["LayerVersionArn"] == published["LayerVersionArn"]
    policy.remove("account")
    assert code_of_failure(stranger.get_layer_version, **asked) == "AccessDeniedException"
    policy.add("everybody")
    assert stranger.get_layer_version(**asked)["LayerVersionArn"] == published["LayerVersionArn"]


def test_what_is_allowed_to_an_organization_is_allowed_to_nobody_here(requests: Any, server: Any) -> None:
    published = publish(requests, "layer-organization")
    statement = LayerPermissions(requests.client, "layer-organization").add(OrganizationId="o-1234567890")["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    stranger = server.client(account_id=STRANGER)
    assert code_of_failure(stranger.get_layer_version, LayerName=published["LayerArn"], VersionNumber=1) == "AccessDeniedException"


def test_only_the_owner_sees_and_changes_the_policy(requests: Any, server: Any) -> None:
    published = publish(requests, "layer-owned")
    owner = LayerPermissions(requests.client, "layer-owned")
    owner.add()
    stranger = LayerPermissions(server.client(account_id=STRANGER), published["LayerArn"])
    for call in (stranger.get, stranger.add, stranger.remove):
        assert code_of_failure(call) == "AccessDeniedException"
    assert len(owner.get(LayerName=published["LayerArn"])["Policy"]["Statement"]) == 1


def _dated(answer: dict[str, Any]) -> dict[str, Any]:
    """What was replaced when it was recorded."""
    assert answer["CreatedDate"]
    return answer | {"CreatedDate": "date"}
