"""Token buckets: so many requests a second, and so many at once.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from collections.abc import Hashable

from alonzo.clock import Clock

_KEPT_MAX = 10_000


class RateLimits:
    """One bucket for each thing that is limited. Counted by each worker for itself."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, *, rate: float, burst: int) -> bool:
        """Whether a request may pass now."""
        now = self._clock.monotonic()
        tokens, filled_at = self._buckets.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - filled_at) * rate)
        if len(self._buckets) >= _KEPT_MAX and key not in self._buckets:
            self._buckets.clear()
        if tokens < 1.0:
            self._buckets[key] = (tokens, now)
            return False
        self._buckets[key] = (tokens - 1.0, now)
        return True
