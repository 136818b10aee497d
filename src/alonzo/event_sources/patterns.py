"""EventBridge's language of event patterns: from its text to something that can be asked whether an event matches.

    {"source": ["orders"], "detail": {"total": [{"numeric": [">", 100]}], "$or": [{"city": ["Bern"]}, {"express": [true]}]}}

Filters of event source mappings are written in it, too, less some operators: see `Dialect`.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html and recorded answers of EventBridge.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any

import msgspec

from alonzo.event_sources.conditions import (
    AnythingBut,
    BeginsWith,
    Condition,
    EndsWith,
    Equals,
    EqualsIgnoringCase,
    InNetwork,
    InRange,
    IsAbsent,
    IsPresent,
    MatchesWildcard,
    Scalar,
    is_number,
)
from alonzo.event_sources.errors import InvalidPattern
from alonzo.event_sources.wildcards import Wildcard, check_complexity

_OR = "$or"
_OR_ALTERNATIVES_MIN = 2
_OR_COMBINATIONS_MAX = 1_000
"""Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-complex-example-or."""
_NUMBER_BOUND = 5_000_000_000
"""Numeric matching works with values between -5.0e9 and +5.0e9 inclusive. Source: the same page."""
_RANGE_ELEMENTS = 4


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which operators a pattern may have. `negatable`: those that may stand within `anything-but`."""

    operators: frozenset[str]
    negatable: frozenset[str]


EVENT_BUS = Dialect(
    operators=frozenset(("exists", "prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "cidr", "wildcard")),
    negatable=frozenset(("prefix", "suffix", "equals-ignore-case", "wildcard")),
)
FILTERS = Dialect(operators=EVENT_BUS.operators - {"cidr", "wildcard"}, negatable=frozenset())
"""Of event source mappings. Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax and, for
what `anything-but` may hold, the column "Pipe support" of the page above."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value at the path must meet one of the conditions. `path`: the names from the top, joined by dots."""

    path: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several patterns must match."""

    patterns: tuple["Pattern", ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Everything that an event must meet."""

    requirements: tuple[Field | Alternatives, ...]


def parse_pattern(text: str | bytes, dialect: Dialect) -> Pattern:
    """The pattern that a JSON text describes. `InvalidPattern`."""
    try:
        content = msgspec.json.decode(text)
        if not isinstance(content, dict):
            raise InvalidPattern("Filter is not an object")
        pattern = _Parser(dialect).pattern(content, "")
        combinations = _combinations(pattern)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InvalidPattern("Event pattern is not valid JSON") from error
    if combinations > _OR_COMBINATIONS_MAX:
        raise InvalidPattern(f"Event pattern has more than {_OR_COMBINATIONS_MAX} combinations of alternatives")
    for path in {field.path for field in iter_fields(pattern)}:
        check_complexity(_wildcards_of(pattern, path))
    return pattern


def iter_fields(pattern: Pattern) -> Iterator[Field]:
    """Every field that the pattern names, within alternatives, too."""
    for requirement in pattern.requirements:
        if isinstance(requirement, Field):
            yield requirement
        else:
            for alternative in requirement.patterns:
                yield from iter_fields(alternative)


class _Parser:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._operators: MappingProxyType[str, Callable[[Any], Condition]] = MappingProxyType(
            {
                "exists": _exists,
                "prefix": _begins_with,
                "suffix": _ends_with,
                "equals-ignore-case": _equals_ignoring_case,
                "numeric": _in_range,
                "cidr": _in_network,
                "wildcard": _matches_wildcard,
                "anything-but": self._anything_but,
            }
        )

    def pattern(self, content: dict[str, Any], path: str) -> Pattern:
        if not content:
            raise InvalidPattern("Empty objects are not allowed")
        requirements: list[Field | Alternatives] = []
        for name, value in content.items():
            if name == _OR and _is_alternatives(value):
                requirements.append(Alternatives(tuple(self.pattern(alternative, path) for alternative in value)))
                continue
            below = f"{path}.{name}" if path else name
            if isinstance(value, dict):
                requirements.extend(self.pattern(value, below).requirements)
            elif isinstance(value, list):
                requirements.append(Field(below, self._conditions(value)))
            else:
                raise InvalidPattern(f'"{name}" must be an object or an array')
        return Pattern(tuple(requirements))

    def _conditions(self, values: list[Any]) -> tuple[Condition, ...]:
        if not values:
            raise InvalidPattern("Empty arrays are not allowed")
        return tuple(self._condition(value) for value in values)

    def _condition(self, value: Any) -> Condition:
        if isinstance(value, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not isinstance(value, dict):
            return Equals(_checked(value))
        if len(value) != 1:
            raise InvalidPattern("Only one key allowed in match expression")
        ((operator, operand),) = value.items()
        if operator not in self._dialect.operators:
            raise InvalidPattern(f"Unrecognized match type {operator}")
        return self._operators[operator](operand)

    def _anything_but(self, operand: Any) -> Condition:
        if not isinstance(operand, dict):
            values = operand if isinstance(operand, list) else [operand]
            return AnythingBut(tuple(Equals(_checked(value)) for value in _of_one_type(values)))
        if len(operand) != 1:
            raise InvalidPattern("Only one key allowed in match expression")
        ((operator, refused),) = operand.items()
        if operator not in self._dialect.negatable:
            raise InvalidPattern(f"Unsupported anything-but pattern: {operator}")
        texts = _of_one_type(refused if isinstance(refused, list) else [refused])
        if not all(isinstance(text, str) and (text or operator not in ("prefix", "suffix")) for text in texts):
            raise InvalidPattern(f"Inside anything but, {operator} takes texts")
        return AnythingBut(tuple(self._operators[operator](text) for text in texts))


def _is_alternatives(value: Any) -> bool:
    """`$or` with anything else is a field of that name."""
    return (
        isinstance(value, list)
        and len(value) >= _OR_ALTERNATIVES_MIN
        and all(isinstance(alternative, dict) and alternative.keys().isdisjoint(EVENT_BUS.operators) for alternative in value)
    )


def _checked(value: Scalar) -> Scalar:
    if isinstance(value, int | float) and not -_NUMBER_BOUND <= value <= _NUMBER_BOUND:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    return value


def _of_one_type(values: list[Any]) -> list[Any]:
    if not values:
        raise InvalidPattern("Empty arrays are not allowed")
    if not (all(isinstance(value, str) for value in values) or all(is_number(value) for value in values)):
        raise InvalidPattern("Inside anything but list, either all values are number or string")
    return values


def _text(operand: Any, operator: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPattern(f"{operator} match pattern must be a string")
    return operand


def _text_and_case(operand: Any, operator: str) -> tuple[str, bool]:
    if isinstance(operand, dict) and operand.keys() == {"equals-ignore-case"}:
        return _text(operand["equals-ignore-case"], operator), True
    return _text(operand, operator), False


def _exists(operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    return IsPresent() if operand else IsAbsent()


def _begins_with(operand: Any) -> Condition:
    return BeginsWith(*_text_and_case(operand, "prefix"))


def _ends_with(operand: Any) -> Condition:
    return EndsWith(*_text_and_case(operand, "suffix"))


def _equals_ignoring_case(operand: Any) -> Condition:
    return EqualsIgnoringCase(_text(operand, "equals-ignore-case"))


def _matches_wildcard(operand: Any) -> Condition:
    return MatchesWildcard(Wildcard(_text(operand, "wildcard")))


def _in_network(operand: Any) -> Condition:
    text = _text(operand, "cidr")
    if "/" not in text:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    try:
        return InNetwork(ip_network(text, strict=False))
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR: {error}") from error


def _in_range(operand: Any) -> Condition:
    """`[op, number]`, or a lower bound and then an upper one."""
    if not isinstance(operand, list) or len(operand) not in (2, _RANGE_ELEMENTS):
        raise InvalidPattern("Value of numeric must be an array of an operator and a number, once or twice")
    operators, numbers = operand[::2], operand[1::2]
    if not all(is_number(number) for number in numbers):
        raise InvalidPattern("Value of numeric operators must be numeric")
    for number in numbers:
        _checked(number)
    match operators:
        case ["="]:
            return InRange(lower=numbers[0], upper=numbers[0])
        case [">" | ">=" as lower]:
            return InRange(lower=numbers[0], lower_included=lower == ">=")
        case ["<" | "<=" as upper]:
            return InRange(upper=numbers[0], upper_included=upper == "<=")
        case [">" | ">=" as lower, "<" | "<=" as upper]:
            if numbers[0] >= numbers[1]:
                raise InvalidPattern("Bottom must be less than top")
            return InRange(lower=numbers[0], lower_included=lower == ">=", upper=numbers[1], upper_included=upper == "<=")
        case _:
            raise InvalidPattern("Bad numeric range operator")


def _combinations(pattern: Pattern) -> int:
    count = 1
    for requirement in pattern.requirements:
        if isinstance(requirement, Alternatives):
            count *= sum(map(_combinations, requirement.patterns))
    return count


def _wildcards_of(pattern: Pattern, path: str) -> list[Wildcard]:
    asked = [condition for field in iter_fields(pattern) if field.path == path for condition in field.conditions]
    refused = [below for condition in asked if isinstance(condition, AnythingBut) for below in condition.refused]
    return [condition.wildcard for condition in (*asked, *refused) if isinstance(condition, MatchesWildcard)]
