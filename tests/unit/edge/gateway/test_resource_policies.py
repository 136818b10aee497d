"""What resource policies of REST APIs say of requests."""

import json
from typing import Any

import pytest

from alonzo.edge.api_gateway.rest_api.resource_policies import read_api_policy, refusal_message
from alonzo.functions.policies.evaluation import ANONYMOUS, Decision, Requester
from alonzo.model.scope import Scope

_SCOPE = Scope("123456789012", "eu-west-1")
_ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/dev/GET/pets/7"
_ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
_OWNER = Requester(account_id="123456789012", arn="arn:aws:iam::123456789012:root")


def _decide(*statements: dict[str, Any], requester: Requester = ANONYMOUS, source_ip: str = "10.1.2.3") -> Decision:
    policy = read_api_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), scope=_SCOPE, api_id="abc")
    assert policy is not None
    return policy.decide(_ARN, requester, {"aws:SourceIp": source_ip, "aws:SecureTransport": "false"})


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        ({}, Decision.ALLOWED),
        ({"Resource": "execute-api:/dev/GET/pets/*"}, Decision.ALLOWED),
        ({"Resource": ["arn:aws:execute-api:eu-west-1:123456789012:abc/*/GET/*"]}, Decision.ALLOWED),
        ({"Resource": "arn:aws:execute-api:eu-west-1:123456789012:other/*"}, Decision.UNMENTIONED),
        ({"Resource": "execute-api:/prod/*"}, Decision.UNMENTIONED),
        ({"Action": "execute-api:*", "Principal": {"AWS": "*"}}, Decision.ALLOWED),
        ({"Action": ["execute-api:ManageConnections"]}, Decision.UNMENTIONED),
        ({"Principal": {"AWS": ["123456789012"]}}, Decision.UNMENTIONED),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.1.0.0/16"]}}}, Decision.ALLOWED),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.1.0.0/16"}}}, Decision.UNMENTIONED),
        ({"Condition": {"Bool": {"aws:SecureTransport": True}}}, Decision.UNMENTIONED),
        ({"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}, Decision.UNMENTIONED),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}}, Decision.ALLOWED),
    ],
)
def test_one_statement(changes: dict[str, Any], decision: Decision) -> None:
    assert _decide(_ALLOW | changes) is decision


def test_denials_count_more() -> None:
    deny = _ALLOW | {"Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    assert _decide(_ALLOW, deny) is Decision.ALLOWED
    assert _decide(_ALLOW, deny, source_ip="192.0.2.1") is Decision.DENIED


def test_accounts() -> None:
    assert _decide(_ALLOW | {"Principal": {"AWS": "123456789012"}}, requester=_OWNER) is Decision.ALLOWED
    assert _decide(_ALLOW | {"Principal": {"AWS": "arn:aws:iam::210987654321:root"}}, requester=_OWNER) is Decision.UNMENTIONED


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"Statement": 1}',
        '{"Statement": [null]}',
        json.dumps({"Statement": {**_ALLOW, "NotPrincipal": "*"}}),
        json.dumps({"Statement": {**_ALLOW, "Principal": {"AWS": "nobody"}}}),
        json.dumps({"Statement": {**_ALLOW, "Condition": {"NumericEquals": {"a": 1}}}}),
        json.dumps({"Statement": {**_ALLOW, "Effect": "Perhaps"}}),
    ],
)
def test_what_is_not_understood_allows_nothing(text: str) -> None:
    policy = read_api_policy(text, scope=_SCOPE, api_id="abc")
    assert policy is not None
    assert policy.decide(_ARN, ANONYMOUS, {}) is Decision.UNMENTIONED


def test_policies_as_the_api_tells_them() -> None:
    escaped = json.dumps(json.dumps({"Statement": _ALLOW}))[1:-1]
    policy = read_api_policy(escaped, scope=_SCOPE, api_id="abc")
    assert policy is not None
    assert policy.decide(_ARN, ANONYMOUS, {}) is Decision.ALLOWED
    assert read_api_policy("", scope=_SCOPE, api_id="abc") is None


def test_refusals_are_in_aws_s_words() -> None:
    told = "execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********9012:abc/dev/GET/pets/7"
    assert refusal_message(_ARN, None, Decision.UNMENTIONED) == f"User: anonymous is not authorized to perform: {told}"
    denied = f"User: {_OWNER.arn} is not authorized to perform: {told} with an explicit deny"
    assert refusal_message(_ARN, _OWNER.arn, Decision.DENIED) == denied
