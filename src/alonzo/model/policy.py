"""Resource policies as records: who may do what with a function, a version, an alias or a layer version.

The words are those of IAM's policy language, taken apart so that a policy can be asked and not only shown.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from enum import StrEnum

import msgspec


class Effect(StrEnum):
    """What a statement does to the requests that it covers."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalKind(StrEnum):
    """How a statement names those it is about. `ANYONE` is a principal of `*` without a kind."""

    ANYONE = "*"
    AWS = "AWS"
    SERVICE = "Service"


class Principal(msgspec.Struct, frozen=True):
    """`name`: an ARN of IAM or STS, or `*`, for AWS; a domain such as `s3.amazonaws.com` for a service; `*` for anyone."""

    kind: PrincipalKind
    name: str


ANYONE = Principal(PrincipalKind.ANYONE, "*")


class ConditionOperator(StrEnum):
    """The comparisons that are understood. Those with `Not` hold, too, for a request that does not have the key."""

    STRING_EQUALS = "StringEquals"
    STRING_NOT_EQUALS = "StringNotEquals"
    STRING_EQUALS_IGNORE_CASE = "StringEqualsIgnoreCase"
    STRING_NOT_EQUALS_IGNORE_CASE = "StringNotEqualsIgnoreCase"
    STRING_LIKE = "StringLike"
    STRING_NOT_LIKE = "StringNotLike"
    ARN_EQUALS = "ArnEquals"
    ARN_NOT_EQUALS = "ArnNotEquals"
    ARN_LIKE = "ArnLike"
    ARN_NOT_LIKE = "ArnNotLike"
    BOOL = "Bool"
    IP_ADDRESS = "IpAddress"
    NOT_IP_ADDRESS = "NotIpAddress"


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of one key of the request with some values. Keys know no case; with `if_exists` a request without the key passes."""

    operator: ConditionOperator
    key: str
    values: tuple[str, ...]
    if_exists: bool = False


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Covers requests of any of the principals, for any of the actions, that meet all conditions."""

    sid: str | None = None
    effect: Effect = Effect.ALLOW
    principals: tuple[Principal, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """What the policy belongs to, as its author wrote it; not asked when the policy is."""
    conditions: tuple[Condition, ...] = ()


class ResourcePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of one resource; without statements there is none."""

    statements: tuple[Statement, ...]
    revision_id: str
    id: str | None = "default"
    language_version: str = "2012-10-17"
