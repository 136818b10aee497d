"""What a resource policy says of a request. Who may do something without it, such as the owner, is for those who ask.

A request is allowed if a statement allows it and none denies it. What a policy cannot tell is no: a request lacks a key that a condition
wants, a principal has another form than those here.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address, ip_network
from types import MappingProxyType

from alonzo.model.policy import Condition, ConditionOperator, Effect, Principal, PrincipalKind, ResourcePolicy, Statement

_ARN_PARTS = 6
_ROLE_PREFIX, _SESSION_PREFIX = "role/", "assumed-role/"


class Decision(Enum):
    """What a policy says of a request."""

    ALLOWED = auto()
    DENIED = auto()
    """A statement denies it: nothing else may allow it."""
    UNMENTIONED = auto()
    """The policy does not allow it; another one might."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asks: an AWS service, or somebody of an account (`arn` None: nobody in particular), or with nothing set anybody at all."""

    account_id: str | None = None
    arn: str | None = None
    service: str | None = None


ANONYMOUS = Requester()


def is_allowed(policy: ResourcePolicy | None, action: str, principal: Requester, conditions: Mapping[str, str]) -> bool:
    """Whether the policy allows an action (`lambda:InvokeFunction`); None is the policy of a resource that has none.

    `conditions`: what is known of the request, by IAM's keys in any case: `aws:SourceArn`, `lambda:FunctionUrlAuthType`, …
    """
    return decide(policy, action, principal, conditions) is Decision.ALLOWED


def decide(policy: ResourcePolicy | None, action: str, principal: Requester, conditions: Mapping[str, str]) -> Decision:
    """As `is_allowed`, and tells a denial from silence: for requests that something else might allow."""
    known = {key.lower(): value for key, value in conditions.items()}
    statements = () if policy is None else policy.statements
    effects = {statement.effect for statement in statements if _covers(statement, action, principal, known)}
    if Effect.DENY in effects:
        return Decision.DENIED
    return Decision.ALLOWED if Effect.ALLOW in effects else Decision.UNMENTIONED


def matches_wildcards(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern of `*` (anything) and `?` (any character). O(pattern × text), whatever the pattern."""
    at_pattern = at_text = 0
    after_star = star_text = -1
    while at_text < len(text):
        if at_pattern < len(pattern) and pattern[at_pattern] == "*":
            at_pattern += 1
            after_star, star_text = at_pattern, at_text
        elif at_pattern < len(pattern) and pattern[at_pattern] in ("?", text[at_text]):
            at_pattern += 1
            at_text += 1
        elif after_star >= 0:
            star_text += 1
            at_pattern, at_text = after_star, star_text
        else:
            return False
    return not pattern[at_pattern:].strip("*")


def _covers(statement: Statement, action: str, requester: Requester, known: Mapping[str, str]) -> bool:
    return (
        any(matches_wildcards(pattern.lower(), action.lower()) for pattern in statement.actions)
        and any(_is_meant(principal, requester) for principal in statement.principals)
        and all(_holds(condition, known) for condition in statement.conditions)
    )


def _is_meant(principal: Principal, requester: Requester) -> bool:
    if principal.kind is PrincipalKind.ANYONE:
        return True
    if principal.kind is PrincipalKind.SERVICE:
        return requester.service == principal.name
    if requester.service is not None:
        return False
    if principal.name == "*":
        return True
    _, _, _, _, account_id, who = principal.name.split(":", _ARN_PARTS - 1)
    if account_id != requester.account_id:
        return False
    return who == "root" or (requester.arn is not None and requester.arn in (principal.name, *_sessions_of(requester.arn, account_id, who)))


def _sessions_of(arn: str, account_id: str, who: str) -> tuple[str, ...]:
    """The ARN of the requester itself if it is a session of the role `who`: a role is its sessions, whose ARNs leave its path out."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if not who.startswith(_ROLE_PREFIX) or len(parts) != _ARN_PARTS or parts[4] != account_id:
        return ()
    role_name = who.rpartition("/")[2]
    return (arn,) if parts[5].startswith(f"{_SESSION_PREFIX}{role_name}/") else ()


def _holds(condition: Condition, known: Mapping[str, str]) -> bool:
    comparison = _COMPARISONS[condition.operator]
    value = known.get(condition.key.lower())
    if value is None:
        return condition.if_exists or comparison.negated
    return any(comparison.compare(wanted, value) for wanted in condition.values) is not comparison.negated


def _equals(wanted: str, value: str) -> bool:
    return wanted == value


def _equals_ignoring_case(wanted: str, value: str) -> bool:
    return wanted.casefold() == value.casefold()


def _matches_arn(pattern: str, arn: str) -> bool:
    """Part by part: no wildcard reaches over a colon, but for those of the last part."""
    wanted, parts = pattern.split(":", _ARN_PARTS - 1), arn.split(":", _ARN_PARTS - 1)
    if len(wanted) != len(parts):
        return pattern == "*"
    return all(map(matches_wildcards, wanted, parts))


def _is_in_network(network: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Comparison:
    compare: Callable[[str, str], bool]
    negated: bool = False


_COMPARISONS: Mapping[ConditionOperator, _Comparison] = MappingProxyType(
    {
        ConditionOperator.STRING_EQUALS: _Comparison(_equals),
        ConditionOperator.STRING_NOT_EQUALS: _Comparison(_equals, negated=True),
        ConditionOperator.STRING_EQUALS_IGNORE_CASE: _Comparison(_equals_ignoring_case),
        ConditionOperator.STRING_NOT_EQUALS_IGNORE_CASE: _Comparison(_equals_ignoring_case, negated=True),
        ConditionOperator.STRING_LIKE: _Comparison(matches_wildcards),
        ConditionOperator.STRING_NOT_LIKE: _Comparison(matches_wildcards, negated=True),
        # IAM treats the two alike: "ArnEquals and ArnLike behave identically."
        ConditionOperator.ARN_EQUALS: _Comparison(_matches_arn),
        ConditionOperator.ARN_NOT_EQUALS: _Comparison(_matches_arn, negated=True),
        ConditionOperator.ARN_LIKE: _Comparison(_matches_arn),
        ConditionOperator.ARN_NOT_LIKE: _Comparison(_matches_arn, negated=True),
        ConditionOperator.BOOL: _Comparison(_equals_ignoring_case),
        ConditionOperator.IP_ADDRESS: _Comparison(_is_in_network),
        ConditionOperator.NOT_IP_ADDRESS: _Comparison(_is_in_network, negated=True),
    }
)
