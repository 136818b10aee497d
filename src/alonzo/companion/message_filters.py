"""Filter policies of SNS subscriptions: which messages a subscriber gets.

A policy is checked by moto when it is set; what it cannot say of a message is no. Sources:
https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html and, of the operators,
https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html, https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html.
"""

import ipaddress
import json
import operator
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT = object()


def matches_attributes(policy: Mapping[str, Any], attributes: Mapping[str, Any] | None) -> bool:
    """`attributes`: as a notification has them, `{"Type", "Value"}`."""
    return _matches(policy, {name: _value_of(attribute) for name, attribute in (attributes or {}).items()})


def matches_body(policy: Mapping[str, Any], message: str) -> bool:
    """False of a message that is no JSON object."""
    try:
        body = json.loads(message)
    except ValueError:
        return False
    return isinstance(body, dict) and _matches(policy, body)


def _value_of(attribute: Mapping[str, Any]) -> Any:
    value, kind = attribute["Value"], str(attribute["Type"])
    try:
        if kind.startswith("Number"):
            return float(value)
        return json.loads(value) if kind == "String.Array" else value
    except ValueError:
        return value


def _matches(policy: Mapping[str, Any], value: Any) -> bool:
    """Of an array one element must do for all that the policy says of it."""
    if isinstance(value, list):
        return any(_matches(policy, each) for each in value)
    if not isinstance(value, dict):
        return False
    for name, wanted in policy.items():
        if name == "$or" and isinstance(wanted, list):
            if not any(_matches(each, value) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            if not _matches(wanted, value.get(name, {})):
                return False
        elif not any(_meets(rule, value.get(name, _ABSENT)) for rule in wanted):
            return False
    return True


def _meets(rule: Any, value: Any) -> bool:
    if isinstance(rule, dict):
        ((keyword, argument),) = rule.items()
        if keyword == "exists":
            return (value is not _ABSENT) == bool(argument)
    if isinstance(value, list):
        return any(_meets(rule, each) for each in value)
    if value is _ABSENT:
        return False
    return _OPERATORS[keyword](argument, value) if isinstance(rule, dict) else _equal(rule, value)


def _equal(wanted: Any, value: Any) -> bool:
    """Numbers by value, but `true` is not 1."""
    return (type(wanted) is type(value) and wanted == value) or (_is_number(wanted) and _is_number(value) and float(wanted) == float(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        ((keyword, inner),) = argument.items()
        inners = inner if isinstance(inner, list) else [inner]
        return not any(_OPERATORS[keyword](each, value) for each in inners)
    return not any(_equal(each, value) for each in (argument if isinstance(argument, list) else [argument]))


def _numeric(argument: list[Any], value: Any) -> bool:
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return _is_number(value) and all(_COMPARISONS[sign](float(value), float(limit)) for sign, limit in pairs)


def _cidr(argument: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(str(value)) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


def _wildcard(argument: str, value: Any) -> bool:
    """Only `*` is special."""
    return isinstance(value, str) and fnmatchcase(value, argument.replace("[", "[[]").replace("?", "[?]"))


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": lambda argument, value: isinstance(value, str) and value.startswith(argument),
    "suffix": lambda argument, value: isinstance(value, str) and value.endswith(argument),
    "equals-ignore-case": lambda argument, value: isinstance(value, str) and value.lower() == argument.lower(),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "wildcard": _wildcard,
}
