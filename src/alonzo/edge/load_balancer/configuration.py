"""A load balancer as its requests need it, read from Elastic Load Balancing's answers (shapes of botocore's `elbv2`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """`function_arn` None: nothing is registered. `is_lambda` False: its targets are machines, which are not here."""

    arn: str
    is_lambda: bool
    function_arn: str | None
    has_multi_value_headers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """All kinds in one: what is empty is not asked. `queries` are pairs of a key, perhaps, and a value."""

    field: str
    values: tuple[str, ...]
    header: str
    queries: tuple[tuple[str | None, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """`groups`: ARNs of target groups with their weights, of the kind `forward`."""

    kind: str
    groups: tuple[tuple[str, int], ...]
    redirect: Mapping[str, str]
    fixed: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule whose conditions all hold is taken; one without conditions is the default."""

    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Its rules, in their order."""

    port: int
    protocol: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """With all that it needs."""

    arn: str
    listeners: tuple[Listener, ...]
    groups: Mapping[str, TargetGroup]

    def find_listener(self, port: int | None) -> Listener | None:
        """That of a port, else the one that is meant by a port that no listener has: the only one, the one of HTTP, the first."""
        for listener in self.listeners:
            if listener.port == port:
                return listener
        return next((each for each in self.listeners if each.protocol == "HTTP"), self.listeners[0] if self.listeners else None)


def read_listener(given: Mapping[str, Any], rules: list[dict[str, Any]]) -> Listener:
    """Out of DescribeListeners and DescribeRules."""
    ordered = sorted(rules, key=lambda rule: (rule.get("IsDefault") or rule.get("Priority") == "default", _number(rule.get("Priority"))))
    read = [_rule(each) for each in ordered]
    if not any(not rule.conditions for rule in read):
        read.append(Rule(conditions=(), actions=tuple(_action(each) for each in _in_order(given.get("DefaultActions") or []))))
    return Listener(port=int(given.get("Port") or 80), protocol=given.get("Protocol") or "HTTP", rules=tuple(read))


def read_group(given: Mapping[str, Any], targets: list[str], attributes: Mapping[str, str]) -> TargetGroup:
    """Out of DescribeTargetGroups, DescribeTargetHealth and DescribeTargetGroupAttributes."""
    return TargetGroup(
        arn=given["TargetGroupArn"],
        is_lambda=given.get("TargetType") == "lambda",
        function_arn=targets[0] if targets else None,
        has_multi_value_headers=attributes.get("lambda.multi_value_headers.enabled") == "true",
    )


def _rule(given: Mapping[str, Any]) -> Rule:
    return Rule(
        conditions=tuple(_condition(each) for each in given.get("Conditions") or ()),
        actions=tuple(_action(each) for each in _in_order(given.get("Actions") or [])),
    )


def _condition(given: Mapping[str, Any]) -> Condition:
    field = given.get("Field") or ""
    configuration: Mapping[str, Any] = next((value for name, value in given.items() if name.endswith("Config") and value), {})
    values = configuration.get("Values") or given.get("Values") or ()
    queries = [(each.get("Key"), each.get("Value") or "") for each in values if isinstance(each, Mapping)]
    return Condition(
        field=field,
        values=tuple(each for each in values if isinstance(each, str)),
        header=configuration.get("HttpHeaderName") or "",
        queries=tuple(queries),
    )


def _action(given: Mapping[str, Any]) -> Action:
    forward = (given.get("ForwardConfig") or {}).get("TargetGroups") or ()
    groups = tuple((each["TargetGroupArn"], int(each.get("Weight", 1))) for each in forward)
    if not groups and given.get("TargetGroupArn"):
        groups = ((given["TargetGroupArn"], 1),)
    return Action(
        kind=given.get("Type") or "",
        groups=groups,
        redirect=given.get("RedirectConfig") or {},
        fixed=given.get("FixedResponseConfig") or {},
    )


def _in_order(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(actions, key=lambda action: action.get("Order") or 0)


def _number(priority: Any) -> int:
    return int(priority) if str(priority or "").isdecimal() else 1 << 30
