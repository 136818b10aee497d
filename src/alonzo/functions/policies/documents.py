"""Resource policies as JSON documents: written as AWS writes them, read from what clients send.

Source of the form: recorded answers, and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from ipaddress import ip_network
from typing import Any, Literal

import msgspec

from alonzo.functions.errors import InvalidParameter
from alonzo.functions.policies.evaluation import matches_wildcards
from alonzo.model.policy import ANYONE, Condition, ConditionOperator, Effect, Principal, PrincipalKind, ResourcePolicy, Statement

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:(root|(user|role|assumed-role|federated-user)/\S+)")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com)")
"""Alexa's services are below amazon.com. Source: https://docs.aws.amazon.com/lambda/latest/dg/services-alexa.html"""
_ACTION = re.compile(r"\*|lambda:[a-zA-Z*?]+")
_IF_EXISTS = "IfExists"
_IP_OPERATORS = frozenset({ConditionOperator.IP_ADDRESS, ConditionOperator.NOT_IP_ADDRESS})

_OneOrMore = str | list[str]
_Value = str | bool | int


class PrincipalInvalid(InvalidParameter):
    """Neither `*`, nor an account, nor an ARN of one of its principals, nor a service."""

    def __init__(self) -> None:
        super().__init__("The provided principal was invalid. Please check the principal and try again.")


class PolicyMalformed(InvalidParameter):
    """The text is not a policy document, or not one for this resource, or it uses what is not understood here."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The resource policy is invalid: {reason}")


def read_principal(text: str, partition: str) -> Principal:
    """The principal as AddPermission and AddLayerVersionPermission take it: one text. `PrincipalInvalid`."""
    if text == "*":
        return ANYONE
    if _SERVICE.fullmatch(text):
        return Principal(PrincipalKind.SERVICE, text)
    return _read_aws_principal(text, partition)


def write_statement(statement: Statement) -> str:
    """One statement as JSON without spaces."""
    return msgspec.json.encode(_statement_members(statement)).decode()


def write_policy(policy: ResourcePolicy) -> str:
    """A policy as JSON without spaces: what its size is counted of."""
    members: dict[str, Any] = {"Version": policy.language_version}
    if policy.id is not None:
        members["Id"] = policy.id
    members["Statement"] = [_statement_members(statement) for statement in policy.statements]
    return msgspec.json.encode(members).decode()


def read_policy(document: str, *, resource_arn: str, revision_id: str) -> ResourcePolicy:
    """The policy of a resource that a document describes. `PolicyMalformed`, `PrincipalInvalid`."""
    if "${" in document:
        raise PolicyMalformed("policy variables are not supported")
    try:
        read = msgspec.json.decode(document, type=_PolicyDocument)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PolicyMalformed(str(error)) from error
    statements = read.Statement if isinstance(read.Statement, list) else [read.Statement]
    if not statements:
        raise PolicyMalformed("it has no statement")
    sids = [statement.Sid for statement in statements if statement.Sid is not None]
    if len(sids) != len(set(sids)):
        raise PolicyMalformed("statement ids must be unique")
    return ResourcePolicy(
        statements=tuple(_read_statement(statement, resource_arn) for statement in statements),
        revision_id=revision_id,
        id=read.Id,
        language_version=read.Version,
    )


class _StatementDocument(msgspec.Struct, forbid_unknown_fields=True):
    Effect: Effect
    Principal: str | dict[str, _OneOrMore]
    Action: _OneOrMore
    Resource: _OneOrMore
    Sid: str | None = None
    Condition: dict[str, dict[str, _Value | list[_Value]]] = {}


class _PolicyDocument(msgspec.Struct, forbid_unknown_fields=True):
    Statement: _StatementDocument | list[_StatementDocument]
    Version: Literal["2012-10-17", "2008-10-17"] = "2008-10-17"
    Id: str | None = None


def _read_statement(read: _StatementDocument, resource_arn: str) -> Statement:
    actions, resources = _several(read.Action), _several(read.Resource)
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise PolicyMalformed(f"'{action}' is not an action of Lambda")
    for resource in resources:
        if not matches_wildcards(resource, resource_arn):
            raise PolicyMalformed(f"the resource of a statement must be {resource_arn}")
    if not actions or not resources:
        raise PolicyMalformed("a statement needs an action and a resource")
    return Statement(
        sid=read.Sid,
        effect=read.Effect,
        principals=_read_principals(read.Principal, partition=resource_arn.split(":")[1]),
        actions=actions,
        resources=resources,
        conditions=tuple(
            _read_condition(operator, key, values) for operator, keys in read.Condition.items() for key, values in keys.items()
        ),
    )


def _read_principals(read: str | dict[str, _OneOrMore], *, partition: str) -> tuple[Principal, ...]:
    if isinstance(read, str):
        if read != "*":
            raise PrincipalInvalid
        return (ANYONE,)
    principals: list[Principal] = []
    for kind, names in read.items():
        for name in _several(names):
            if kind == PrincipalKind.AWS:
                principals.append(Principal(PrincipalKind.AWS, "*") if name == "*" else _read_aws_principal(name, partition))
            elif kind == PrincipalKind.SERVICE and _SERVICE.fullmatch(name):
                principals.append(Principal(PrincipalKind.SERVICE, name))
            else:
                raise PrincipalInvalid
    if not principals:
        raise PrincipalInvalid
    return tuple(principals)


def _read_aws_principal(text: str, partition: str) -> Principal:
    if _ACCOUNT_ID.fullmatch(text):
        return Principal(PrincipalKind.AWS, f"arn:{partition}:iam::{text}:root")
    if not _PRINCIPAL_ARN.fullmatch(text):
        raise PrincipalInvalid
    return Principal(PrincipalKind.AWS, text)


def _read_condition(operator: str, key: str, read: _Value | list[_Value]) -> Condition:
    try:
        known = ConditionOperator(operator.removesuffix(_IF_EXISTS))
    except ValueError as error:
        raise PolicyMalformed(f"the condition operator {operator} is not supported") from error
    values = tuple(_value_text(value) for value in (read if isinstance(read, list) else [read]))
    if not values:
        raise PolicyMalformed(f"the condition on {key} has no value")
    for value in values if known in _IP_OPERATORS else ():
        try:
            ip_network(value, strict=False)
        except ValueError as error:
            raise PolicyMalformed(f"'{value}' is not a range of IP addresses") from error
    return Condition(operator=known, key=key, values=values, if_exists=operator.endswith(_IF_EXISTS))


def _several(read: _OneOrMore) -> tuple[str, ...]:
    return (read,) if isinstance(read, str) else tuple(read)


def _value_text(value: _Value) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _statement_members(statement: Statement) -> dict[str, Any]:
    members: dict[str, Any] = {} if statement.sid is None else {"Sid": statement.sid}
    members |= {
        "Effect": statement.effect.value,
        "Principal": _principal_members(statement.principals),
        "Action": _one_or_more(statement.actions),
        "Resource": _one_or_more(statement.resources),
    }
    if statement.conditions:
        members["Condition"] = _condition_members(statement.conditions)
    return members


def _principal_members(principals: tuple[Principal, ...]) -> str | dict[str, _OneOrMore]:
    if any(principal.kind is PrincipalKind.ANYONE for principal in principals):
        return "*"
    kinds = dict.fromkeys(principal.kind for principal in principals)
    return {kind.value: _one_or_more(tuple(who.name for who in principals if who.kind is kind)) for kind in kinds}


def _condition_members(conditions: tuple[Condition, ...]) -> dict[str, dict[str, _OneOrMore]]:
    members: dict[str, dict[str, _OneOrMore]] = {}
    for condition in conditions:
        operator = condition.operator.value + (_IF_EXISTS if condition.if_exists else "")
        members.setdefault(operator, {})[condition.key] = _one_or_more(condition.values)
    return members


def _one_or_more(texts: tuple[str, ...]) -> _OneOrMore:
    return texts[0] if len(texts) == 1 else list(texts)
