"""Policies that authorizers return: whether they allow a request (`execute-api:Invoke` of a method's ARN).

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from collections.abc import Mapping
from typing import Any

from alonzo.functions.policies.evaluation import Decision, matches_wildcards

_ACTION = "execute-api:Invoke"


def decide(document: Any, arn: str) -> Decision:
    """What a policy document says of a method. Statements with conditions are not understood: what they allow is not allowed.

    `ValueError` for what is no policy.
    """
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise ValueError("the policyDocument is no policy")
    decision = Decision.UNMENTIONED
    for statement in _listed(document["Statement"]):
        if not isinstance(statement, Mapping):
            raise ValueError("the policyDocument has a statement that is none")  # noqa: TRY004 - it is the document that is wrong
        effect = statement.get("Effect")
        if effect not in {"Allow", "Deny"}:
            raise ValueError(f"the policyDocument has an Effect {str(effect)[:64]!r}")
        if not _covers(statement, arn):
            continue
        if effect == "Deny":
            return Decision.DENIED
        if not statement.get("Condition"):
            decision = Decision.ALLOWED
    return decision


def _covers(statement: Mapping[str, Any], arn: str) -> bool:
    actions = [str(action) for action in _listed(statement.get("Action"))]
    if not any(matches_wildcards(action.lower(), _ACTION.lower()) for action in actions):
        return False
    return any(matches_wildcards(str(resource), arn) for resource in _listed(statement.get("Resource")))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
