"""Statistics of a metric, by the names that CloudWatch has for them: `Sum`, `p99.9`, `tm90`, `TM(10%:90%)`, `PR(:300)`, `IQM`.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alonzo.errors import AlonzoError
from alonzo.observe.metrics.distribution import Distribution

_NUMBER = r"\d{1,15}(?:\.\d{1,10})?"
_SHORT = re.compile(rf"(p|tm|wm|tc|ts)({_NUMBER})", re.IGNORECASE)
_RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\(({_NUMBER})?(%)?:({_NUMBER})?(%)?\)", re.IGNORECASE)
_ALL = 100.0


class UnknownStatistic(AlonzoError):
    """There is none of that name."""


Statistic = Callable[[Distribution], float | None]
"""None: the values do not tell."""

_SIMPLE: Mapping[str, Statistic] = MappingProxyType(
    {
        "SampleCount": lambda values: values.count,
        "Sum": lambda values: values.sum,
        "Average": lambda values: values.mean if values.count else None,
        "Minimum": lambda values: values.minimum if values.count else None,
        "Maximum": lambda values: values.maximum if values.count else None,
    }
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What lies between two percentages of all values, or between two values."""

    lower: float | None
    upper: float | None
    is_percent: bool

    def cut(self, values: Distribution) -> tuple[float, float, float, float]:
        """Count and sum of what is within; how many are below and above."""
        if self.is_percent:
            low = (self.lower or 0.0) / _ALL * values.count
            high = (_ALL if self.upper is None else self.upper) / _ALL * values.count
        else:
            low = 0.0 if self.lower is None else sum(count for value, count in values.steps() if value < self.lower)
            high = values.count if self.upper is None else sum(count for value, count in values.steps() if value <= self.upper)
        count = total = passed = 0.0
        for value, weight in values.steps():
            within = min(passed + weight, high) - max(passed, low)
            passed += weight
            if within > 0:
                count += within
                total += within * value
        return count, total, low, values.count - high


def parse_statistic(name: str) -> Statistic:
    """UnknownStatistic."""
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple
    if name.upper() == "IQM":
        return _shaped(_Part(25.0, 75.0, is_percent=True), "TM")
    short = _SHORT.fullmatch(name)
    if short is not None and float(short[2]) <= _ALL:
        if short[1].lower() == "p":
            percent = float(short[2])
            return lambda values: values.percentile(percent) if values.has_shape else None
        return _shaped(_Part(None, float(short[2]), is_percent=True), short[1].upper())
    return _parse_range(name)


def _parse_range(name: str) -> Statistic:
    match = _RANGE.fullmatch(name)
    if match is None:
        raise UnknownStatistic(name)
    kind, lower, lower_sign, upper, upper_sign = match.groups()
    is_percent = bool(lower_sign or upper_sign)
    if (lower is None and upper is None) or (kind.upper() == "PR" and is_percent):
        raise UnknownStatistic(name)
    if (lower is not None and bool(lower_sign) != is_percent) or (upper is not None and bool(upper_sign) != is_percent):
        raise UnknownStatistic(name)
    part = _Part(None if lower is None else float(lower), None if upper is None else float(upper), is_percent)
    return _shaped(part, kind.upper())


def _shaped(part: _Part, kind: str) -> Statistic:
    def compute(values: Distribution) -> float | None:
        if not values.has_shape:
            return None
        count, total, below, above = part.cut(values)
        match kind:
            case "TC":
                return count
            case "TS":
                return total
            case "PR":
                return _ALL * count / values.count
            case "WM":
                lowest = values.percentile(part.lower) if part.is_percent and part.lower else part.lower or values.minimum
                highest = values.percentile(part.upper) if part.is_percent and part.upper else part.upper or values.maximum
                return (total + below * lowest + above * highest) / values.count
        return total / count if count else None

    return compute
