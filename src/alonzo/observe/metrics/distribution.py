"""How values are distributed, in bounded memory: count, sum, least, greatest, and logarithmic buckets from which percentiles are read.

The buckets are those of OpenTelemetry's exponential histograms with base 2^(1/32): a value that is read from one is at most 1.1 % off.
Where values lie so far apart that there would be too many buckets, each two become one. Distributions can be added up, in any order.
Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec

BUCKETS_PER_OCTAVE = 32
BUCKETS_MAX = 160


class Distribution(msgspec.Struct, array_like=True, omit_defaults=True, gc=False):
    """Bucket `i` holds values from 2^((i-1)/resolution), not included, to 2^(i/resolution), included.

    `low_count`: of values that are zero or less. `shapeless_count`: of values of which nothing but sum and extremes is known.
    """

    count: float = 0.0
    sum: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    low_count: float = 0.0
    shapeless_count: float = 0.0
    resolution: int = BUCKETS_PER_OCTAVE
    buckets: dict[int, float] = {}

    def add(self, value: float, weight: float = 1.0) -> None:
        """One more value, or so many times the same."""
        self.count += weight
        self.sum += value * weight
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        if value <= 0.0:
            self.low_count += weight
            return
        index = math.ceil(math.log2(value) * self.resolution)
        buckets = self.buckets
        buckets[index] = buckets.get(index, 0.0) + weight
        if len(buckets) > BUCKETS_MAX:
            self._widen()

    def add_all(self, values: Sequence[float]) -> None:
        """Several values that differ, at half of what they cost one by one."""
        if not values:
            return
        self.count += len(values)
        self.sum += sum(values)
        self.minimum = min(self.minimum, *values)
        self.maximum = max(self.maximum, *values)
        resolution, buckets, log2, ceil = self.resolution, self.buckets, math.log2, math.ceil
        for value in values:
            if value <= 0.0:
                self.low_count += 1.0
            else:
                index = ceil(log2(value) * resolution)
                buckets[index] = buckets.get(index, 0.0) + 1.0
        while len(self.buckets) > BUCKETS_MAX:
            self._widen()

    def add_summary(self, *, count: float, total: float, minimum: float, maximum: float) -> None:
        """Values of which no more is known. If they are all the same, they are known."""
        if minimum == maximum or count == 1:
            self.add(minimum, count)
            return
        self.count += count
        self.sum += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        self.shapeless_count += count

    def merge(self, other: "Distribution") -> None:
        """The values of another one, too."""
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.low_count += other.low_count
        self.shapeless_count += other.shapeless_count
        while self.resolution > other.resolution:
            self._widen()
        factor = other.resolution // self.resolution
        for index, count in other.buckets.items():
            own = -(-index // factor)
            self.buckets[own] = self.buckets.get(own, 0.0) + count
        while len(self.buckets) > BUCKETS_MAX:
            self._widen()

    def copy(self) -> "Distribution":
        """One of its own."""
        other = Distribution()
        other.merge(self)
        return other

    @property
    def mean(self) -> float:
        """The sum by the count."""
        return self.sum / self.count

    @property
    def has_shape(self) -> bool:
        """Whether percentiles are known. Source: the page that `statistics.py` names, "Percentiles"."""
        return self.count > 0 and not self.shapeless_count and self.minimum >= 0

    def steps(self) -> Iterator[tuple[float, float]]:
        """Values that stand for those near them, rising, and how many there are of each."""
        if self.low_count:
            yield self.minimum, self.low_count
        for index in sorted(self.buckets):
            middle = 2.0 ** max((index - 0.5) / self.resolution, -1_074)
            yield min(max(middle, self.minimum), self.maximum), self.buckets[index]

    def percentile(self, percent: float) -> float:
        """The value that so many percent of all do not exceed; for one that `has_shape`."""
        wanted, passed = percent / 100 * self.count, 0.0
        if percent <= 0:
            return self.minimum
        for value, count in self.steps():
            passed += count
            if passed >= wanted:
                return value if passed < self.count else min(value, self.maximum)
        return self.maximum

    def count_up_to(self, power_of_two: int) -> float:
        """How many values are at most 2^that: exact, since buckets end there."""
        limit = power_of_two * self.resolution
        return self.low_count + sum(count for index, count in self.buckets.items() if index <= limit)

    def _widen(self) -> None:
        self.resolution //= 2
        if not self.resolution:  # 160 octaves of doubles are more than two billion billion billion: what is less is as good as the least
            self.resolution = 1
            lowest = sorted(self.buckets)[: len(self.buckets) - BUCKETS_MAX + 1]
            self.buckets[lowest[-1]] = sum(self.buckets.pop(index) for index in lowest)
            return
        merged: dict[int, float] = {}
        for index, count in self.buckets.items():
            merged[-(-index // 2)] = merged.get(-(-index // 2), 0.0) + count
        self.buckets = merged
