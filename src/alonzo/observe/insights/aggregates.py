"""What `stats` computes over many rows.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Stats.html.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from alonzo.observe.insights.values import Value, is_less, number_of, text_of

_VALUES_MAX = 100_000
"""Of percentiles and medians; with more, every second, fourth, ... value is looked at, so that memory is bounded."""
_DISTINCT_MAX = 500_000


class Aggregate(Protocol):
    """One for each group of rows."""

    def add(self, value: Value, unix_ms: float) -> None:
        """Of another row."""

    def result(self) -> Value:
        """Of all rows."""


class _Count:
    def __init__(self) -> None:
        self._count = 0

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        self._count += value is not None

    def result(self) -> Value:
        return self._count


class _Distinct:
    def __init__(self) -> None:
        self._seen: set[str] = set()

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        if value is not None and len(self._seen) < _DISTINCT_MAX:
            self._seen.add(text_of(value))

    def result(self) -> Value:
        return len(self._seen)


class _Sum:
    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        number = number_of(value)
        if number is not None:
            self.total += number
            self.count += 1

    def result(self) -> Value:
        return self.total


class _Average(_Sum):
    def result(self) -> Value:
        return self.total / self.count if self.count else None


class _Variance:
    """Welford's method."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        number = number_of(value)
        if number is None:
            return
        self._count += 1
        difference = number - self._mean
        self._mean += difference / self._count
        self._squares += difference * (number - self._mean)

    def result(self) -> Value:
        return (self._squares / self._count) ** 0.5 if self._count else None


class _Extreme:
    def __init__(self, is_better: Callable[[Value, Value], bool]) -> None:
        self._is_better = is_better
        self._found: Value = None

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        if value is not None and (self._found is None or self._is_better(value, self._found)):
            self._found = value

    def result(self) -> Value:
        return self._found


class _InTime:
    """Of rows with the same time the first."""

    def __init__(self, *, is_latest: bool) -> None:
        self._sign = -1 if is_latest else 1
        self._at: float | None = None
        self._found: Value = None

    def add(self, value: Value, unix_ms: float) -> None:
        if value is not None and (self._at is None or self._sign * unix_ms < self._sign * self._at):
            self._at, self._found = unix_ms, value

    def result(self) -> Value:
        return self._found


class _Percentile:
    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._values: list[float] = []
        self._step, self._seen = 1, 0

    def add(self, value: Value, unix_ms: float) -> None:
        del unix_ms
        number = number_of(value)
        if number is None:
            return
        self._seen += 1
        if self._seen % self._step:
            return
        self._values.append(number)
        if len(self._values) > _VALUES_MAX:
            del self._values[::2]
            self._step *= 2

    def result(self) -> Value:
        if not self._values:
            return None
        values = sorted(self._values)
        place = (len(values) - 1) * self._percent / 100
        below = int(place)
        above = min(below + 1, len(values) - 1)
        return values[below] + (values[above] - values[below]) * (place - below)


AGGREGATES: Mapping[str, Callable[[], Aggregate]] = MappingProxyType(
    {
        "count": _Count,
        "count_distinct": _Distinct,
        "sum": _Sum,
        "avg": _Average,
        "stddev": _Variance,
        "min": lambda: _Extreme(is_less),
        "max": lambda: _Extreme(lambda value, found: is_less(found, value)),
        "median": lambda: _Percentile(50),
        "earliest": lambda: _InTime(is_latest=False),
        "latest": lambda: _InTime(is_latest=True),
        "sortsFirst": lambda: _Extreme(is_less),
        "sortsLast": lambda: _Extreme(lambda value, found: is_less(found, value)),
    }
)
"""Those of one argument, by name."""


def wants_time(make: Callable[[], Aggregate]) -> bool:
    """Whether `add` looks at the time of a row, which takes as long to find as the rest."""
    return isinstance(make(), _InTime)


def percentile(percent: float) -> Callable[[], Aggregate]:
    """`pct(field, percent)`."""
    return lambda: _Percentile(percent)
