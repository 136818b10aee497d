"""Resource policies of REST APIs: who may invoke what from where, before and beside what authorizers say.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies.html and
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from alonzo.functions.policies.evaluation import Decision, Requester, decide, matches_wildcards
from alonzo.model.policy import ANYONE, Condition, ConditionOperator, Effect, Principal, PrincipalKind, ResourcePolicy, Statement
from alonzo.model.scope import Scope

_ACTION = "execute-api:Invoke"
_ACCOUNT = re.compile(r"[0-9]{12}")
_PRINCIPAL = re.compile(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)
_IF_EXISTS = "IfExists"
_MEMBERS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})

_log = logging.getLogger(__name__)


class ApiPolicy(NamedTuple):
    """`statements`: each with the resources that it is about, as patterns of ARNs."""

    statements: tuple[tuple[tuple[str, ...], Statement], ...]

    def decide(self, arn: str, requester: Requester, known: Mapping[str, str]) -> Decision:
        """What it says of a request. `known`: the request, by IAM's keys (`aws:SourceIp`)."""
        about = tuple(statement for resources, statement in self.statements if any(matches_wildcards(each, arn) for each in resources))
        return decide(ResourcePolicy(statements=about, revision_id=""), _ACTION, requester, known)


def read_api_policy(text: str | None, *, scope: Scope, api_id: str) -> ApiPolicy | None:
    """The policy of an API; None if it has none. One that is not understood allows nothing, and the log says so."""
    if not text:
        return None
    try:
        statements = _listed(_document(text)["Statement"])
        return ApiPolicy(tuple(_read(each, scope, api_id) for each in statements))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("the resource policy of the API %s is not understood and allows nothing: %s", api_id, error)
        return ApiPolicy(())


def refusal_message(arn: str, user_arn: str | None, decision: Decision) -> str:
    """In AWS's words, which show four digits of the account."""
    parts = arn.split(":", 5)
    parts[4] = "********" + parts[4][-4:]
    message = f"User: {user_arn or 'anonymous'} is not authorized to perform: {_ACTION} on resource: {':'.join(parts)}"
    return f"{message} with an explicit deny" if decision is Decision.DENIED else message


def _document(text: str) -> Any:
    """GetRestApi tells policies with their quotation marks escaped."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(json.loads(f'"{text}"'))


def _read(statement: Mapping[str, Any], scope: Scope, api_id: str) -> tuple[tuple[str, ...], Statement]:
    if unknown := statement.keys() - _MEMBERS:
        raise ValueError(f"{', '.join(sorted(unknown))} is not here")
    prefix = f"arn:{scope.partition}:execute-api:{scope.region}:{scope.account_id}:{api_id}/"
    resources = tuple(re.sub(r"^execute-api:/+", prefix, str(each)) for each in _listed(statement["Resource"]))
    read = Statement(
        effect=Effect(statement["Effect"]),
        principals=_principals(statement["Principal"], scope),
        actions=tuple(str(each) for each in _listed(statement["Action"])),
        resources=resources,
        conditions=tuple(
            _condition(operator, key, values)
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, values in keys.items()
        ),
    )
    return resources, read


def _principals(given: Any, scope: Scope) -> tuple[Principal, ...]:
    if given == "*":
        return (ANYONE,)
    principals: list[Principal] = []
    for kind, names in given.items():
        for name in _listed(names):
            if kind == "AWS" and name == "*":
                principals.append(ANYONE)
            elif kind == "AWS":
                arn = f"arn:{scope.partition}:iam::{name}:root" if _ACCOUNT.fullmatch(name) else name
                if _PRINCIPAL.fullmatch(arn) is None:
                    raise ValueError(f"{name} is no principal")
                principals.append(Principal(PrincipalKind.AWS, arn))
            else:
                principals.append(Principal(PrincipalKind(kind), name))
    return tuple(principals)


def _condition(operator: str, key: str, values: Any) -> Condition:
    return Condition(
        operator=ConditionOperator(operator.removesuffix(_IF_EXISTS)),
        key=key,
        values=tuple(_text(each) for each in _listed(values)),
        if_exists=operator.endswith(_IF_EXISTS),
    )


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
