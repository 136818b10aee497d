"""Which requests are traced when nobody has decided before: the first of each second, and one in twenty of the others, for each function.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html, "the sampling rate is 1 request per second and 5 percent of
additional requests"; it cannot be configured for functions.
"""

from collections.abc import Callable, Hashable

from alonzo.clock import Clock

FIXED_RATE = 0.05
RESERVOIR_SIZE = 1
_REMEMBERED_MAX = 10_000


class Sampler:
    """One a process, as X-Ray's daemons each have a reservoir. `random` gives numbers from 0 to 1."""

    def __init__(self, *, clock: Clock, random: Callable[[], float]) -> None:
        self._clock = clock
        self._random = random
        self._second = -1.0
        self._seen: set[Hashable] = set()
        """Who had its first request of this second."""

    def decide(self, service: Hashable) -> bool:
        """Whether a new request to it is traced."""
        second = self._clock.monotonic() // 1
        if second == self._second and service in self._seen:
            return self._random() < FIXED_RATE
        if second != self._second or len(self._seen) >= _REMEMBERED_MAX:
            self._second = second
            self._seen.clear()
        self._seen.add(service)
        return True
