"""What resource policies allow, and their documents."""

import fnmatch
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.functions.policies.documents import PolicyMalformed, PrincipalInvalid, read_policy, read_principal, write_policy
from alonzo.functions.policies.evaluation import ANONYMOUS, Decision, Requester, decide, is_allowed, matches_wildcards
from alonzo.model.policy import ANYONE, Condition, ConditionOperator, Effect, Principal, PrincipalKind, ResourcePolicy, Statement

INVOKE = "lambda:InvokeFunction"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:111111111111:function:f"
S3 = Requester(service="s3.amazonaws.com")
ACCOUNT_ID = "222222222222"
USER_ARN = f"arn:aws:iam::{ACCOUNT_ID}:user/ann"
USER = Requester(account_id=ACCOUNT_ID, arn=USER_ARN)
BUCKET = "arn:aws:s3:::bucket"

accounts = st.sampled_from(["222222222222", "333333333333"])
arns = st.builds(
    lambda account, who: f"arn:aws:iam::{account}:{who}", accounts, st.sampled_from(["root", "user/ann", "role/path/build", "role/run"])
)
principals = st.one_of(
    st.just(ANYONE),
    st.just(Principal(PrincipalKind.AWS, "*")),
    arns.map(lambda arn: Principal(PrincipalKind.AWS, arn)),
    st.sampled_from(["s3.amazonaws.com", "sns.amazonaws.com"]).map(lambda name: Principal(PrincipalKind.SERVICE, name)),
)
keys = st.sampled_from(["aws:SourceArn", "AWS:SourceAccount", "lambda:FunctionUrlAuthType"])
values = st.sampled_from([BUCKET, "arn:aws:s3:::buck*", "111111111111", "NONE", "*", "true", ""])
conditions = st.builds(
    Condition,
    operator=st.sampled_from([operator for operator in ConditionOperator if "Ip" not in operator]),
    key=keys,
    values=st.lists(values, min_size=1, max_size=3).map(tuple),
    if_exists=st.booleans(),
)
actions = st.sampled_from([INVOKE, "lambda:InvokeFunctionUrl", "lambda:*", "*", "lambda:Get*"])


def statements_of(effects: st.SearchStrategy[Effect]) -> st.SearchStrategy[Statement]:
    return st.builds(
        Statement,
        effect=effects,
        principals=st.lists(principals, min_size=1, max_size=3).map(tuple),
        actions=st.lists(actions, min_size=1, max_size=3).map(tuple),
        resources=st.just((FUNCTION_ARN,)),
        conditions=st.lists(conditions, max_size=2, unique_by=lambda condition: (condition.operator, condition.if_exists)).map(tuple),
    )


statements = statements_of(st.sampled_from(Effect))
policies = st.lists(statements, min_size=1, max_size=5).map(lambda items: a_policy(*items))
requesters = st.one_of(
    st.just(ANONYMOUS),
    st.builds(Requester, service=st.sampled_from(["s3.amazonaws.com", "sns.amazonaws.com"])),
    st.builds(Requester, account_id=accounts),
    st.builds(lambda arn: Requester(account_id=arn.split(":")[4], arn=arn), arns),
)
requested = st.sampled_from([INVOKE, "lambda:InvokeFunctionUrl", "lambda:GetLayerVersion"])
known = st.dictionaries(keys, values, max_size=3)


def a_policy(*items: Statement) -> ResourcePolicy:
    return ResourcePolicy(statements=items, revision_id="r")


def a_statement(
    principal: Principal = ANYONE, *given_conditions: Condition, effect: Effect = Effect.ALLOW, action: str = INVOKE
) -> Statement:
    return Statement(effect=effect, principals=(principal,), actions=(action,), resources=(FUNCTION_ARN,), conditions=given_conditions)


def a_condition(operator: ConditionOperator, key: str, *wanted: str, if_exists: bool = False) -> Condition:
    return Condition(operator=operator, key=key, values=wanted, if_exists=if_exists)


def holds(condition: Condition, request: dict[str, str]) -> bool:
    return is_allowed(a_policy(a_statement(ANYONE, condition)), INVOKE, ANONYMOUS, request)


def a_document(**changes: Any) -> str:
    """A policy of one statement, changed; None takes a member away."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": FUNCTION_ARN} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": [{k: v for k, v in statement.items() if v is not None}]})


def read(document: str) -> ResourcePolicy:
    return read_policy(document, resource_arn=FUNCTION_ARN, revision_id="r")


def test_without_a_policy_nothing_is_allowed() -> None:
    assert decide(None, INVOKE, USER, {}) is Decision.UNMENTIONED
    assert not is_allowed(None, INVOKE, ANONYMOUS, {})


def test_a_denial_is_told_from_silence() -> None:
    denied = a_policy(a_statement(), a_statement(Principal(PrincipalKind.AWS, USER_ARN), effect=Effect.DENY))
    assert decide(denied, INVOKE, USER, {}) is Decision.DENIED
    assert decide(denied, INVOKE, S3, {}) is Decision.ALLOWED
    assert decide(denied, "lambda:GetFunction", USER, {}) is Decision.UNMENTIONED


@pytest.mark.parametrize(
    ("principal", "requester", "meant"),
    [
        (ANYONE, ANONYMOUS, True),
        (ANYONE, S3, True),
        (ANYONE, USER, True),
        (Principal(PrincipalKind.AWS, "*"), USER, True),
        (Principal(PrincipalKind.AWS, "*"), S3, False),
        (Principal(PrincipalKind.SERVICE, "s3.amazonaws.com"), S3, True),
        (Principal(PrincipalKind.SERVICE, "sns.amazonaws.com"), S3, False),
        (Principal(PrincipalKind.SERVICE, "s3.amazonaws.com"), USER, False),
        (Principal(PrincipalKind.AWS, f"arn:aws:iam::{ACCOUNT_ID}:root"), USER, True),
        (Principal(PrincipalKind.AWS, f"arn:aws:iam::{ACCOUNT_ID}:root"), Requester(account_id=ACCOUNT_ID), True),
        (Principal(PrincipalKind.AWS, f"arn:aws:iam::{ACCOUNT_ID}:root"), ANONYMOUS, False),
        (Principal(PrincipalKind.AWS, "arn:aws:iam::333333333333:root"), USER, False),
        (Principal(PrincipalKind.AWS, USER_ARN), USER, True),
        (Principal(PrincipalKind.AWS, USER_ARN), Requester(account_id=ACCOUNT_ID), False),
        (Principal(PrincipalKind.AWS, f"{USER_ARN}a"), USER, False),
    ],
)
def test_whom_a_principal_means(principal: Principal, requester: Requester, meant: bool) -> None:
    assert is_allowed(a_policy(a_statement(principal)), INVOKE, requester, {}) is meant


@pytest.mark.parametrize(
    ("session", "meant"),
    [
        (f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/build/42", True),
        (f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/builder/42", False),
        ("arn:aws:sts::333333333333:assumed-role/build/42", False),
    ],
)
def test_a_role_means_its_sessions(session: str, meant: bool) -> None:
    policy = a_policy(a_statement(Principal(PrincipalKind.AWS, f"arn:aws:iam::{ACCOUNT_ID}:role/path/build")))
    assert is_allowed(policy, INVOKE, Requester(account_id=session.split(":")[4], arn=session), {}) is meant


@pytest.mark.parametrize(
    ("written", "asked", "covered"),
    [(INVOKE, "lambda:invokefunction", True), ("lambda:*", INVOKE, True), ("*", INVOKE, True), ("lambda:Invoke", INVOKE, False)],
)
def test_which_actions_are_covered(written: str, asked: str, covered: bool) -> None:
    assert is_allowed(a_policy(a_statement(action=written)), asked, S3, {}) is covered


@pytest.mark.parametrize(
    ("pattern", "arn", "matches"),
    [
        (BUCKET, BUCKET, True),
        ("arn:aws:s3:::b*", BUCKET, True),
        ("arn:aws:s3:::bucke?", BUCKET, True),
        ("arn:aws:s3:::b", BUCKET, False),
        ("arn:*:bucket", BUCKET, False),
        ("arn:aws:*:*:*:bucket", BUCKET, True),
        ("arn:aws:sns:*:111111111111:t", "arn:aws:sns:us-east-1:111111111111:t", True),
        ("arn:aws:sns:us-*:t", "arn:aws:sns:us-east-1:111111111111:t", False),
        ("arn:aws:execute-api:*:*:api/*/GET/*", "arn:aws:execute-api:us-east-1:111111111111:api/prod/GET/a:b", True),
        ("*", BUCKET, True),
        ("arn:aws:s3:::b*", "bucket", False),
    ],
)
def test_arns_are_compared_part_by_part(pattern: str, arn: str, matches: bool) -> None:
    for operator, negated in ((ConditionOperator.ARN_LIKE, False), (ConditionOperator.ARN_NOT_EQUALS, True)):
        assert holds(a_condition(operator, "AWS:SourceArn", pattern), {"aws:SourceArn": arn}) is (matches is not negated)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        (ConditionOperator.STRING_EQUALS, "a", "a", True),
        (ConditionOperator.STRING_EQUALS, "a", "A", False),
        (ConditionOperator.STRING_EQUALS, "a*", "ab", False),
        (ConditionOperator.STRING_NOT_EQUALS, "a", "b", True),
        (ConditionOperator.STRING_EQUALS_IGNORE_CASE, "a", "A", True),
        (ConditionOperator.STRING_LIKE, "a*c", "abbc", True),
        (ConditionOperator.STRING_NOT_LIKE, "a*c", "abbc", False),
        (ConditionOperator.BOOL, "true", "True", True),
        (ConditionOperator.BOOL, "true", "false", False),
        (ConditionOperator.IP_ADDRESS, "10.0.0.0/8", "10.1.2.3", True),
        (ConditionOperator.IP_ADDRESS, "10.0.0.0/8", "11.1.2.3", False),
        (ConditionOperator.NOT_IP_ADDRESS, "2001:db8::/32", "2001:db8::1", False),
        (ConditionOperator.IP_ADDRESS, "10.0.0.0/8", "somewhere", False),
    ],
)
def test_comparisons(operator: ConditionOperator, wanted: str, value: str, expected: bool) -> None:
    assert holds(a_condition(operator, "some:Key", wanted), {"Some:kEY": value}) is expected


@pytest.mark.parametrize("operator", ConditionOperator)
def test_a_request_without_the_key(operator: ConditionOperator) -> None:
    assert holds(a_condition(operator, "some:Key", "a"), {}) is ("Not" in operator)
    assert holds(a_condition(operator, "some:Key", "a", if_exists=True), {})


def test_one_of_the_values_is_enough_and_every_condition_is_needed() -> None:
    either = a_condition(ConditionOperator.STRING_EQUALS, "a:One", "1", "2")
    neither = a_condition(ConditionOperator.STRING_NOT_EQUALS, "a:Two", "1", "2")
    policy = a_policy(a_statement(ANYONE, either, neither))
    assert is_allowed(policy, INVOKE, S3, {"a:One": "2", "a:Two": "3"})
    assert not is_allowed(policy, INVOKE, S3, {"a:One": "2", "a:Two": "1"})
    assert not is_allowed(policy, INVOKE, S3, {"a:One": "3", "a:Two": "3"})


@given(pattern=st.text("ab*?[.", max_size=12), text=st.text("ab[.\n", max_size=12))
def test_wildcards_are_those_of_file_names(pattern: str, text: str) -> None:
    reference = re.compile(fnmatch.translate(pattern.replace("[", "[[]")))
    assert matches_wildcards(pattern, text) is (reference.match(text) is not None)


@given(policy=policies, action=requested, requester=requesters, request=known)
def test_the_order_of_statements_does_not_matter(
    policy: ResourcePolicy, action: str, requester: Requester, request: dict[str, str]
) -> None:
    backwards = a_policy(*reversed(policy.statements))
    assert decide(policy, action, requester, request) is decide(backwards, action, requester, request)


@given(policy=policies, more=statements_of(st.just(Effect.DENY)), action=requested, requester=requesters, request=known)
def test_a_denying_statement_never_allows_more(
    policy: ResourcePolicy, more: Statement, action: str, requester: Requester, request: dict[str, str]
) -> None:
    before = is_allowed(policy, action, requester, request)
    assert is_allowed(a_policy(*policy.statements, more), action, requester, request) <= before


@given(policy=policies, more=statements_of(st.just(Effect.ALLOW)), action=requested, requester=requesters, request=known)
def test_an_allowing_statement_never_denies_more(
    policy: ResourcePolicy, more: Statement, action: str, requester: Requester, request: dict[str, str]
) -> None:
    before, after = (decide(each, action, requester, request) for each in (policy, a_policy(*policy.statements, more)))
    assert after is before or (before is Decision.UNMENTIONED and after is Decision.ALLOWED)


@given(statement=statements, more=conditions, action=requested, requester=requesters, request=known)
def test_a_further_condition_never_covers_more(
    statement: Statement, more: Condition, action: str, requester: Requester, request: dict[str, str]
) -> None:
    narrower = Statement(
        effect=statement.effect,
        principals=statement.principals,
        actions=statement.actions,
        resources=statement.resources,
        conditions=(*statement.conditions, more),
    )
    if decide(a_policy(statement), action, requester, request) is Decision.UNMENTIONED:
        assert decide(a_policy(narrower), action, requester, request) is Decision.UNMENTIONED


@given(policy=policies, action=requested, requester=requesters, request=known)
def test_a_document_says_the_same_as_its_policy(policy: ResourcePolicy, action: str, requester: Requester, request: dict[str, str]) -> None:
    document = write_policy(policy)
    again = read(document)
    assert write_policy(again) == document
    assert decide(again, action, requester, request) is decide(policy, action, requester, request)


def test_a_document_is_read_in_all_its_forms() -> None:
    document = {
        "Statement": {
            "Sid": "s",
            "Effect": "Deny",
            "Principal": {"AWS": ["222222222222", "*"], "Service": "s3.amazonaws.com"},
            "Action": [INVOKE, "lambda:Get*"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"lambda:InvokedViaFunctionUrl": True}, "StringEquals": {"a:Count": [1, "b"]}},
        }
    }
    policy = read(json.dumps(document))
    assert policy == ResourcePolicy(
        statements=(
            Statement(
                sid="s",
                effect=Effect.DENY,
                principals=(
                    Principal(PrincipalKind.AWS, "arn:aws:iam::222222222222:root"),
                    Principal(PrincipalKind.AWS, "*"),
                    Principal(PrincipalKind.SERVICE, "s3.amazonaws.com"),
                ),
                actions=(INVOKE, "lambda:Get*"),
                resources=("*",),
                conditions=(
                    a_condition(ConditionOperator.BOOL, "lambda:InvokedViaFunctionUrl", "true", if_exists=True),
                    a_condition(ConditionOperator.STRING_EQUALS, "a:Count", "1", "b"),
                ),
            ),
        ),
        revision_id="r",
        id=None,
        language_version="2008-10-17",
    )


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not json",
        "[]",
        "[" * 10_000,
        json.dumps({"Version": "2012-10-17"}),
        json.dumps({"Version": "2012-10-17", "Statement": []}),
        json.dumps({"Version": "2020-01-01", "Statement": []}),
        a_document(Effect="Maybe"),
        a_document(Principal=None),
        a_document(NotPrincipal={"AWS": "*"}),
        a_document(Action="s3:GetObject"),
        a_document(Action=[]),
        a_document(NotAction=INVOKE),
        a_document(Resource="arn:aws:lambda:us-east-1:111111111111:function:other"),
        a_document(Resource=[]),
        a_document(Condition={"NumericEquals": {"a:Count": 1}}),
        a_document(Condition={"ForAnyValue:StringEquals": {"a:Key": "b"}}),
        a_document(Condition={"StringEquals": {"a:Key": []}}),
        a_document(Condition={"StringEquals": {"a:Key": "${aws:username}"}}),
        a_document(Condition={"IpAddress": {"aws:SourceIp": "everywhere"}}),
        json.dumps({"Version": "2012-10-17", "Statement": [json.loads(a_document(Sid="s"))["Statement"][0]] * 2}),
    ],
)
def test_a_document_that_is_no_policy_for_this(document: str) -> None:
    with pytest.raises(PolicyMalformed):
        read(document)


@pytest.mark.parametrize(
    "principal",
    ["someone", "", {}, {"AWS": []}, {"AWS": "arn:aws:s3:::bucket"}, {"Service": "example.com"}, {"Federated": "accounts.google.com"}],
)
def test_a_document_with_a_principal_that_cannot_be(principal: Any) -> None:
    with pytest.raises(PrincipalInvalid):
        read(a_document(Principal=principal))


@pytest.mark.parametrize(
    ("text", "principal"),
    [
        ("*", ANYONE),
        ("222222222222", Principal(PrincipalKind.AWS, "arn:aws:iam::222222222222:root")),
        (USER_ARN, Principal(PrincipalKind.AWS, USER_ARN)),
        ("logs.eu-west-1.amazonaws.com", Principal(PrincipalKind.SERVICE, "logs.eu-west-1.amazonaws.com")),
        ("alexa-appkit.amazon.com", Principal(PrincipalKind.SERVICE, "alexa-appkit.amazon.com")),
        ("s3.amazonaws.com.cn", Principal(PrincipalKind.SERVICE, "s3.amazonaws.com.cn")),
    ],
)
def test_a_principal_of_one_text(text: str, principal: Principal) -> None:
    assert read_principal(text, "aws") == principal


@pytest.mark.parametrize("text", ["invalid.nonaws.com", "22222222222", "arn:aws:iam::1:root", "amazonaws.com", "user/ann"])
def test_a_text_that_is_no_principal(text: str) -> None:
    with pytest.raises(PrincipalInvalid):
        read_principal(text, "aws")
