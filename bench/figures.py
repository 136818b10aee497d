"""What a measurement yields: a figure, the raw limit beside it, and what SPECIFICATION.md promises."""

import math
from collections.abc import Sequence

import msgspec


class Limit(msgspec.Struct, frozen=True):
    """What the same machine does at best in the same run, in the figure's unit; `name` says doing what."""

    value: float
    name: str


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A bound of SPECIFICATION.md, in the figure's unit. Exactly one of the two is given."""

    below: float | None = None
    at_least: float | None = None

    def is_kept_by(self, value: float) -> bool:
        """Whether a figure stays within it."""
        return (self.below is None or value < self.below) and (self.at_least is None or value >= self.at_least)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    `row` is the name that SPECIFICATION.md refers to. `failure_count`: how many of the measured operations went wrong; a promise is not
    kept when there are any. `note` tells what else was seen.
    """

    row: str
    value: float
    unit: str
    limit: Limit
    promise: Promise | None = None
    failure_count: int = 0
    note: str = ""

    @property
    def ratio(self) -> float:
        """The figure as a multiple of its limit: above 1 for durations and sizes, below 1 for rates."""
        return self.value / self.limit.value if self.limit.value else math.inf

    @property
    def is_kept(self) -> bool | None:
        """Whether the promise is kept; None when there is none."""
        if self.promise is None:
            return None
        return self.failure_count == 0 and self.promise.is_kept_by(self.value)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all are not above (nearest rank); ValueError when there are no values."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]
