"""What Lambda authorizers have said, remembered for as long as they are configured to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from alonzo.clock import Clock
from alonzo.edge.api_gateway.policies import decide
from alonzo.functions.policies.evaluation import Decision

_KEPT_MAX = 10_000
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class MalformedAuthorization(ValueError):
    """The authorizer has returned something that decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Either `is_authorized` decides (a simple response), or the policy."""

    is_authorized: bool | None
    policy: Any = None
    principal_id: str | None = None
    context: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    usage_key: str | None = None

    def decide(self, arn: str) -> Decision:
        """What it says of a method. `MalformedAuthorization`."""
        if self.is_authorized is not None:
            return Decision.ALLOWED if self.is_authorized else Decision.UNMENTIONED
        try:
            return decide(self.policy, arn)
        except ValueError as error:
            raise MalformedAuthorization(str(error)) from error


def read_simple(answer: Any) -> Authorization:
    """`isAuthorized`, and perhaps a `context`. `MalformedAuthorization`."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("isAuthorized"), bool):
        raise MalformedAuthorization("the authorizer's answer has no isAuthorized")
    context = answer.get("context")
    return Authorization(is_authorized=answer["isAuthorized"], context=context if isinstance(context, Mapping) else _NOTHING)


def read_policy_answer(answer: Any, *, flat_context: bool) -> Authorization:
    """`principalId`, `policyDocument`, `context`, `usageIdentifierKey`. `MalformedAuthorization`.

    `flat_context`: of texts, numbers and truth values only, as REST APIs take it.
    """
    if not isinstance(answer, Mapping) or "policyDocument" not in answer or not isinstance(answer.get("principalId"), str):
        raise MalformedAuthorization("the authorizer's answer has no policyDocument, or no principalId")
    context = answer.get("context") or _NOTHING
    if not isinstance(context, Mapping) or (flat_context and any(isinstance(value, dict | list) for value in context.values())):
        raise MalformedAuthorization("the authorizer's context is no object of plain values")
    key = answer.get("usageIdentifierKey")
    return Authorization(
        is_authorized=None,
        policy=answer["policyDocument"],
        principal_id=answer["principalId"],
        context=context,
        usage_key=key if isinstance(key, str) else None,
    )


class AuthorizerResults:
    """Bounded: the oldest go first."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[float, Authorization]] = {}

    def find(self, key: tuple[str, ...]) -> Authorization | None:
        """None: nobody has been asked, or too long ago."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] < self._clock.monotonic():
            del self._kept[key]
            return None
        return found[1]

    def keep(self, key: tuple[str, ...], authorization: Authorization, *, ttl_seconds: int) -> None:
        """Nothing is kept with a time of 0."""
        if ttl_seconds <= 0:
            return
        while len(self._kept) >= _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._clock.monotonic() + ttl_seconds, authorization)

    def clear(self) -> None:
        """After a change of what decides."""
        self._kept.clear()
