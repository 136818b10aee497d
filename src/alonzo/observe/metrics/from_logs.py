"""Metrics that are counted of log events: what a metric filter reads in a message that its pattern chooses.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html; of the
messages: AWS's answers, as people have reported them. Pure.
"""

from dataclasses import dataclass

from alonzo.model.log_group import MetricFilter
from alonzo.observe.filter_patterns.comparisons import number_of
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.pattern import FilterPattern, parse_filter_pattern
from alonzo.observe.metrics.recorder import Dimensions

DIMENSIONS_MAX = 3
_SELECTS = "$"
_VALUE_MAX = 2.0**360
"""Source: API_MetricDatum."""

_DIMENSION_MAX_CHARACTERS = 1_024


class MetricTransformationInvalid(ValueError):
    """What a filter says of its metric cannot be. The message is AWS's."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Invalid metric transformation: {message}")


class DimensionsUnsupported(ValueError):
    """The pattern names no fields that could be dimensions."""

    def __init__(self) -> None:
        super().__init__("The specified filter pattern does not support dimensions")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a chosen event says. `value`: None if it has no number there, or lacks a dimension: then it counts nothing."""

    value: float | None
    dimensions: Dimensions


class LogMetricReader:
    """Of one filter. FilterPatternInvalid, MetricTransformationInvalid, DimensionsUnsupported."""

    def __init__(self, of: MetricFilter) -> None:
        selectors = tuple(text for text in (of.value, *of.dimensions.values()) if text.startswith(_SELECTS))
        pattern = _parsed(of, selectors)
        _check_dimensions(of, pattern)
        self._pattern = pattern
        self._number = _number(of.value)
        self._field = None if self._number is not None else _field_of(pattern, of.value)
        if self._number is None and self._field is None:
            raise MetricTransformationInvalid(f"metric value {of.value} must be a valid number")
        self._dimensions: list[tuple[str, str]] = []
        for name, selector in sorted(of.dimensions.items()):
            field = _field_of(pattern, selector)
            if field is None:
                raise MetricTransformationInvalid("dimension value must be valid selector")
            self._dimensions.append((name, field))

    def read(self, message: str) -> Reading | None:
        """None of a message that the pattern does not choose."""
        found = self._pattern.match(message)
        if found is None:
            return None
        dimensions = tuple((name, _dimension(found.get(field, ""))) for name, field in self._dimensions)
        if not all(value for _, value in dimensions):
            return Reading(None, ())
        return Reading(self._number if self._field is None else _number(found.get(self._field, "")), dimensions)


def _parsed(of: MetricFilter, selectors: tuple[str, ...]) -> FilterPattern:
    plain = parse_filter_pattern(of.pattern)
    if plain.is_columns or plain.fields is None or not selectors:
        return plain
    try:
        return parse_filter_pattern(of.pattern, also=selectors)
    except FilterPatternInvalid as error:  # the pattern itself is right
        if of.value in selectors and _field_of(plain, of.value) is None and not of.dimensions:
            raise MetricTransformationInvalid(f"metric value {of.value} must be a valid number") from error
        raise MetricTransformationInvalid("dimension value must be valid selector") from error


def _check_dimensions(of: MetricFilter, pattern: FilterPattern) -> None:
    if not of.dimensions:
        return
    if of.default is not None:
        raise MetricTransformationInvalid("dimensions and default value are mutually exclusive properties")
    if len(of.dimensions) > DIMENSIONS_MAX:
        raise MetricTransformationInvalid(f"there can be at most {DIMENSIONS_MAX} dimensions")
    if pattern.fields is None:
        raise DimensionsUnsupported


def _field_of(pattern: FilterPattern, selector: str) -> str | None:
    """Under which name the pattern finds it: columns have `ip` for `$ip`, and `$3` for one without a name."""
    fields = pattern.fields or frozenset()
    if not selector.startswith(_SELECTS):
        return None
    return next((field for field in (selector, selector.removeprefix(_SELECTS)) if field in fields), None)


def _dimension(text: str) -> str:
    """What can be kept: a message may have halves of characters, which no metric could be written with."""
    return text[:_DIMENSION_MAX_CHARACTERS].encode("utf-8", "replace").decode()


def _number(text: str) -> float | None:
    number = number_of(text)
    return number if number is not None and abs(number) < _VALUE_MAX else None
