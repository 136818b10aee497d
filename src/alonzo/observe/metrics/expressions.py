"""Metric math: `100 * errors / invocations`, `SUM(METRICS())`, `IF(m1 > 10, m1, 0)`, `FILL(m1, 0)`.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html. Left out is what searches for metrics or
models them: SEARCH, ANOMALY_DETECTION_BAND, SQL, and functions that sort or label.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from alonzo.errors import AlonzoError

Series = dict[int, float]
"""Values by the start of their period, in seconds since the epoch."""
Value = float | Series | list[Series]

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z][A-Za-z0-9_]*)|(<=|>=|==|!=|&&|\|\||[-+*/^()\[\],<>])|\"([^\"]*)\")")
_DEPTH_MAX = 32
_LENGTH_MAX = 2_048
_TOO_GREAT = 1e300


class BadExpression(AlonzoError):
    """It cannot be read or not be computed; the message says why, for whoever has written it."""


def _safely(operation: Callable[[float, float], float]) -> Callable[[float, float], float | None]:
    """None where there is no result: a point that is left out, as CloudWatch does for a division by zero."""

    def compute(left: float, right: float) -> float | None:
        try:
            result = operation(left, right)
        except (ArithmeticError, ValueError):
            return None
        return result if isinstance(result, int | float) and math.isfinite(result) else None

    return compute


_OPERATORS: Mapping[str, tuple[int, Callable[[float, float], float | None]]] = MappingProxyType(
    {
        "OR": (1, _safely(lambda left, right: float(bool(left) or bool(right)))),
        "||": (1, _safely(lambda left, right: float(bool(left) or bool(right)))),
        "AND": (2, _safely(lambda left, right: float(bool(left) and bool(right)))),
        "&&": (2, _safely(lambda left, right: float(bool(left) and bool(right)))),
        "<": (3, _safely(lambda left, right: float(left < right))),
        ">": (3, _safely(lambda left, right: float(left > right))),
        "<=": (3, _safely(lambda left, right: float(left <= right))),
        ">=": (3, _safely(lambda left, right: float(left >= right))),
        "==": (3, _safely(lambda left, right: float(left == right))),
        "!=": (3, _safely(lambda left, right: float(left != right))),
        "+": (4, _safely(lambda left, right: left + right)),
        "-": (4, _safely(lambda left, right: left - right)),
        "*": (5, _safely(lambda left, right: left * right)),
        "/": (5, _safely(lambda left, right: left / right)),
        "^": (6, _safely(lambda left, right: left**right)),
    }
)
_UNARY_STRENGTH = 6


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an expression may speak of: series by id, those that METRICS() means among them, the period, and all starts of periods."""

    series: Mapping[str, Value]
    metrics: Sequence[str]
    periods: Mapping[str, int]
    period: int
    times: Sequence[int]


def evaluate_expression(text: str, inputs: Inputs) -> Series:
    """BadExpression. A number becomes a series of it."""
    if len(text) > _LENGTH_MAX:
        raise BadExpression("the expression is too long")
    value = _Parser(text, inputs).parse()
    if isinstance(value, list):
        if len(value) != 1:
            raise BadExpression("the expression gives several time series where one is asked for")
        return value[0]
    return value if isinstance(value, dict) else dict.fromkeys(inputs.times, value)


def ids_of(text: str) -> set[str]:
    """The ids of other queries that an expression may speak of."""
    return {match[2] for match in _TOKEN.finditer(text) if match[2] and match[2][0].islower()}


class _Parser:
    """Reads and computes at once, by precedence climbing."""

    def __init__(self, text: str, inputs: Inputs) -> None:
        self._inputs = inputs
        self._tokens = list(_tokens(text))
        self._position = 0
        self._depth = 0

    def parse(self) -> Value:
        value = self._expression(0)
        if self._position < len(self._tokens):
            raise BadExpression(f"unexpected '{self._tokens[self._position]}'")
        return value

    def _peek(self) -> str | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _next(self) -> str:
        word = self._peek()
        if word is None:
            raise BadExpression("the expression ends too early")
        self._position += 1
        return word

    def _expect(self, wanted: str) -> None:
        word = self._next()
        if word != wanted:
            raise BadExpression(f"'{wanted}' expected instead of '{word}'")

    def _expression(self, strength: int) -> Value:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise BadExpression("the expression is nested too deeply")
        left = self._operand()
        while (word := self._peek()) is not None and word in _OPERATORS and _OPERATORS[word][0] > strength:
            self._position += 1
            own_strength, operation = _OPERATORS[word]
            left = _combine(left, self._expression(own_strength), operation)
        self._depth -= 1
        return left

    def _operand(self) -> Value:
        word = self._next()
        if word == "-":
            return _combine(0.0, self._expression(_UNARY_STRENGTH), _OPERATORS["-"][1])
        if word == "(":
            value = self._expression(0)
            self._expect(")")
            return value
        if word == "[":
            return [each for item in self._items("]") for each in _all_series(item)]
        if word[0].isdigit():
            return float(word)
        if word.startswith('"'):
            raise BadExpression("text is not expected here")
        if self._peek() == "(":
            self._position += 1
            return self._call(word.upper())
        if word not in self._inputs.series:
            raise BadExpression(f"'{word}' is not the id of a metric or an expression")
        return self._inputs.series[word]

    def _items(self, end: str) -> list[Value]:
        items: list[Value] = []
        if self._peek() == end:
            self._position += 1
            return items
        while True:
            items.append(self._expression(0))
            word = self._next()
            if word == end:
                return items
            if word != ",":
                raise BadExpression(f"',' or '{end}' expected instead of '{word}'")

    def _call(self, name: str) -> Value:  # noqa: PLR0911 - one a kind
        match name:
            case "METRICS":
                return self._metrics()
            case "PERIOD":
                return self._period()
            case "FILL":
                return self._fill()
        arguments = self._items(")")
        if name == "IF":
            return _choose(arguments)
        if name in _AGGREGATES and len(arguments) == 1:
            return _aggregate(arguments[0], _AGGREGATES[name])
        if name in _POINTWISE and len(arguments) == 1:
            return _map(arguments[0], _POINTWISE[name])
        if name in _SUCCESSIVE and len(arguments) == 1:
            return _map_series(arguments[0], lambda series: _SUCCESSIVE[name](series, self._inputs.period))
        raise BadExpression(f"the function {name} is not known here, or not with {len(arguments)} arguments")

    def _metrics(self) -> list[Series]:
        word = self._next()
        pattern = ""
        if word.startswith('"'):
            pattern = word[1:]
            word = self._next()
        if word != ")":
            raise BadExpression("')' expected after METRICS(")
        return [each for name in self._inputs.metrics if pattern in name for each in _all_series(self._inputs.series[name])]

    def _period(self) -> float:
        word = self._next()
        self._expect(")")
        if word not in self._inputs.periods:
            raise BadExpression(f"'{word}' is not the id of a metric")
        return float(self._inputs.periods[word])

    def _fill(self) -> Value:
        value = self._expression(0)
        self._expect(",")
        kind = self._peek()
        if kind in {"REPEAT", "LINEAR"}:
            self._position += 1
            self._expect(")")
            filler = _repeated if kind == "REPEAT" else _interpolated
            return _map_series(value, lambda series: filler(series, self._inputs.times))
        filling = self._expression(0)
        self._expect(")")

        def fill(series: Series) -> Series:
            if isinstance(filling, float):
                return dict.fromkeys(self._inputs.times, filling) | series
            (others,) = _all_series(filling)
            return others | series

        return _map_series(value, fill)


def _tokens(text: str) -> Iterator[str]:
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise BadExpression(f"'{text[position : position + 20]}' cannot be read")
        position = match.end()
        number, name, sign, quoted = match.groups()
        yield f'"{quoted}' if quoted is not None else number or name or sign


def _all_series(value: Value) -> list[Series]:
    if isinstance(value, float | int):
        raise BadExpression("a time series is expected instead of a number")
    return value if isinstance(value, list) else [value]


def _map_series(value: Value, change: Callable[[Series], Series]) -> Value:
    if isinstance(value, list):
        return [change(each) for each in value]
    return change(_all_series(value)[0])


def _map(value: Value, change: Callable[[float], float]) -> Value:
    operation = _safely(lambda number, _: change(number))
    return _combine(value, 0.0, operation)


def _combine(left: Value, right: Value, operation: Callable[[float, float], float | None]) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            raise BadExpression("arrays of different lengths cannot be combined")
        return [_pair(one, other, operation) for one, other in zip(left, right, strict=True)]
    if isinstance(left, list):
        return [_pair(each, right, operation) for each in left if not isinstance(right, list)]
    if isinstance(right, list):
        return [_pair(left, each, operation) for each in right]
    if isinstance(left, dict) or isinstance(right, dict):
        return _pair(left, right, operation)
    result = operation(left, right)
    if result is None:
        raise BadExpression("a number of the expression cannot be computed")
    return result


def _pair(left: float | Series, right: float | Series, operation: Callable[[float, float], float | None]) -> Series:
    """Where both have a value."""
    result: Series = {}
    times = [each.keys() for each in (left, right) if isinstance(each, dict)]
    for time in set(times[0]).intersection(*times):
        value = operation(left[time] if isinstance(left, dict) else left, right[time] if isinstance(right, dict) else right)
        if value is not None:
            result[time] = value
    return result


def _choose(arguments: list[Value]) -> Value:
    """IF(condition, then, otherwise)."""
    if len(arguments) not in {2, 3} or any(isinstance(each, list) for each in arguments):
        raise BadExpression("IF takes a condition and one or two values, each a number or a time series")
    condition, then = arguments[0], arguments[1]
    otherwise: Value = arguments[2] if len(arguments) > 2 else {}  # noqa: PLR2004
    if not isinstance(condition, dict):
        return then if condition else otherwise
    result: Series = {}
    for time, holds in condition.items():
        chosen = then if holds else otherwise
        value = chosen.get(time) if isinstance(chosen, dict) else chosen
        if isinstance(value, float | int):
            result[time] = value
    return result


def _aggregate(value: Value, compute: Callable[[Sequence[float]], float]) -> Value:
    """Of an array: over its series, at each time; of one series: of all its values."""
    if isinstance(value, list):
        times = sorted({time for series in value for time in series})
        return {time: compute([series[time] for series in value if time in series]) for time in times}
    if isinstance(value, float | int):
        return value
    return compute(list(value.values())) if value else {}


def _repeated(series: Series, times: Sequence[int]) -> Series:
    result: Series = {}
    last: float | None = None
    for time in times:
        last = series.get(time, last)
        if last is not None:
            result[time] = last
    return result


def _interpolated(series: Series, times: Sequence[int]) -> Series:
    known = sorted(series)
    result = dict(series)
    for before, after in pairwise(known):
        slope = (series[after] - series[before]) / (after - before)
        result |= {time: series[before] + slope * (time - before) for time in times if before < time < after}
    return result


def _differences(series: Series, period: int) -> Series:
    del period
    times = sorted(series)
    return {after: series[after] - series[before] for before, after in pairwise(times)}


def _rates(series: Series, period: int) -> Series:
    times = sorted(series)
    return {after: (series[after] - series[before]) / (after - before or period) for before, after in pairwise(times)}


def _running_sums(series: Series, period: int) -> Series:
    del period
    total, result = 0.0, {}
    for time in sorted(series):
        total += series[time]
        result[time] = total
    return result


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values)) if abs(mean) < _TOO_GREAT else 0.0


_AGGREGATES: Mapping[str, Callable[[Sequence[float]], float]] = MappingProxyType(
    {
        "SUM": sum,
        "AVG": lambda values: sum(values) / len(values),
        "MIN": min,
        "MAX": max,
        "STDDEV": _deviation,
        "DATAPOINT_COUNT": lambda values: float(len(values)),
    }
)
_POINTWISE: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor, "LOG": math.log, "LOG10": math.log10}
)
_SUCCESSIVE: Mapping[str, Callable[[Series, int], Series]] = MappingProxyType(
    {"RATE": _rates, "DIFF": _differences, "RUNNING_SUM": _running_sums}
)
