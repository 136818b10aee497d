"""API keys and usage plans: who may call how often.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html. What is used is counted by each
worker for itself, in memory.
"""

from datetime import datetime, timedelta

from alonzo.clock import Clock
from alonzo.edge.api_gateway.rest_api.configuration import ApiKey, RestApi, UsagePlan
from alonzo.edge.api_gateway.rest_api.gateway_responses import Refused, ResponseType
from alonzo.edge.api_gateway.throttling import RateLimits

_COUNTED_MAX = 100_000


class Usage:
    """Checks keys and counts what they are used for."""

    def __init__(self, *, limits: RateLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._counts: dict[tuple[str, str, str], int] = {}

    def check(self, api: RestApi, stage: str, value: str | None) -> tuple[str, ApiKey]:
        """The key of a request, counted. `Refused`."""
        found = None if value is None else _find(api, stage, value)
        if value is None or found is None:
            raise Refused(ResponseType.INVALID_API_KEY)
        plan, key = found
        throttle = plan.throttle
        if throttle is not None and not self._limits.take((plan.plan_id, key.key_id), rate=throttle.rate, burst=throttle.burst):
            raise Refused(ResponseType.THROTTLED)
        if plan.quota is not None:
            limit, period = plan.quota
            counter = (plan.plan_id, key.key_id, _period_of(self._clock.now(), period))
            if self._counts.get(counter, 0) >= limit:
                raise Refused(ResponseType.QUOTA_EXCEEDED)
            if len(self._counts) >= _COUNTED_MAX:
                self._counts.clear()
            self._counts[counter] = self._counts.get(counter, 0) + 1
        return value, key


def _find(api: RestApi, stage: str, value: str) -> tuple[UsagePlan, ApiKey] | None:
    for plan in api.plans:
        key = plan.keys.get(value)
        if key is not None and key.is_enabled and stage in plan.stages:
            return plan, key
    return None


def _period_of(now: datetime, period: str) -> str:
    match period:
        case "WEEK":
            return f"week of {(now - timedelta(days=(now.weekday() + 1) % 7)):%Y-%m-%d}"
        case "MONTH":
            return f"{now:%Y-%m}"
        case _:
            return f"{now:%Y-%m-%d}"
