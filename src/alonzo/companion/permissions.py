"""Whether the resource policy of a function of the node lets a service invoke it, for services that ask before they take a configuration.

Source: https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html.
"""

import json
from fnmatch import fnmatchcase
from typing import Any

from alonzo.companion.functions import Functions

_ACTIONS = ("lambda:InvokeFunction", "lambda:*", "*")
_LIKE = frozenset({"arnlike", "arnequals", "stringlike"})


def service_may_invoke(functions: Functions, arn: str, *, service: str, source_arn: str, source_account: str) -> bool:
    """False of a function that is not there, too. Raises botocore's ClientError when the node does not answer."""
    elements = arn.split(":")
    client = functions.client(elements[4], elements[3])
    try:
        policy = json.loads(client.get_policy(FunctionName=arn)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return False
    known = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
    effects = {each["Effect"] for each in policy["Statement"] if _covers(each, service, known)}
    return effects == {"Allow"}


def _covers(statement: dict[str, Any], service: str, known: dict[str, str]) -> bool:
    if not any(action in _ACTIONS for action in _as_list(statement.get("Action"))):
        return False
    principal = statement.get("Principal")
    if principal != "*" and service not in _as_list(principal.get("Service") if isinstance(principal, dict) else None):
        return False
    return all(
        any(_matches(operator, str(wanted), known.get(key.lower())) for wanted in _as_list(values))
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    )


def _matches(operator: str, wanted: str, value: str | None) -> bool:
    if value is None:
        return False
    name = operator.lower()
    if name in _LIKE:
        return fnmatchcase(value, wanted.replace("[", "[[]"))
    return name == "stringequals" and value == wanted


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
