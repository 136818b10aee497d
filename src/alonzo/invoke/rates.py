"""So many in so much time: a bucket that refills continuously."""

from typing import Protocol

from alonzo.model.scope import Scope


class BeginningRate(Protocol):
    """How many may still begin."""

    def take(self, now: float, *, capacity: float, per_second: float) -> float:
        """As `Rate.take`."""
        ...

    def is_full(self, now: float) -> bool:
        """As `Rate.is_full`."""
        ...


class Rates(Protocol):
    """Where those of accounts and functions come from."""

    def requests(self, scope: Scope, name: str) -> BeginningRate:
        """Of the invocations of a function with reserved concurrency, or of all others (`*`)."""
        ...

    def environments(self, scope: Scope, name: str) -> BeginningRate:
        """Of a function's new environments."""
        ...


class Rate:
    """How many may still begin, for a limit that is said anew each time: limits change while they are in force.

    Kept is one number: the instant at which the bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
    """

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        self._full_at = 0.0

    def take(self, now: float, *, capacity: float, per_second: float) -> float:
        """Take one of `capacity`, refilled at `per_second` (more than 0). Seconds until there will be one; 0.0: it is taken."""
        full_at = max(self._full_at, now) + 1 / per_second
        late_seconds = full_at - now - capacity / per_second
        if late_seconds > _ROUNDING_SECONDS:
            return late_seconds
        self._full_at = full_at
        return 0.0

    def is_full(self, now: float) -> bool:
        """Whether nothing is known of it any more."""
        return self._full_at <= now


_ROUNDING_SECONDS = 1e-6
"""What a sum of many fractions may be off."""


class OwnRates:
    """Of a node that shares its limits with nobody."""

    def requests(self, scope: Scope, name: str) -> Rate:
        """As the protocol says."""
        del scope, name
        return Rate()

    def environments(self, scope: Scope, name: str) -> Rate:
        """As the protocol says."""
        del scope, name
        return Rate()


class TokenAllowance:
    """What one of several workers has been granted of a rate (`leases.py`), whatever that is."""

    __slots__ = ("__weakref__", "count")

    def __init__(self) -> None:
        self.count = 0

    def take(self, now: float, *, capacity: float, per_second: float) -> float:
        """As `Rate.take`; how long it takes until there is more is not known here."""
        del now, capacity, per_second
        if self.count <= 0:
            return 1.0
        self.count -= 1
        return 0.0

    def is_full(self, now: float) -> bool:
        """As `Rate.is_full`."""
        del now
        return self.count <= 0
