"""What an event pattern can ask of one value: the leaves of a pattern."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from alonzo.event_sources.wildcards import Wildcard

Scalar = str | int | float | bool | None
"""A value of JSON that is neither an object nor an array."""


class Condition(Protocol):
    """Asked of every value that an event has at a field."""

    def accepts(self, value: Scalar) -> bool:
        """Whether the value is one that the pattern wants."""
        ...


@dataclass(frozen=True, slots=True)
class Equals:
    """The same value of the same type; 300 and 300.0 are the same number."""

    expected: Scalar

    def accepts(self, value: Scalar) -> bool:
        if is_number(self.expected):
            return is_number(value) and value == self.expected
        return type(value) is type(self.expected) and value == self.expected


@dataclass(frozen=True, slots=True)
class EqualsIgnoringCase:
    """The same text, whatever the case of its letters."""

    expected: str

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.lower() == self.expected.lower()


@dataclass(frozen=True, slots=True)
class BeginsWith:
    """A text that begins so."""

    start: str
    ignoring_case: bool = False

    def accepts(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        return value.lower().startswith(self.start.lower()) if self.ignoring_case else value.startswith(self.start)


@dataclass(frozen=True, slots=True)
class EndsWith:
    """A text that ends so."""

    end: str
    ignoring_case: bool = False

    def accepts(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        return value.lower().endswith(self.end.lower()) if self.ignoring_case else value.endswith(self.end)


@dataclass(frozen=True, slots=True)
class MatchesWildcard:
    """A text that a wildcard pattern describes."""

    wildcard: Wildcard

    def accepts(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.wildcard.matches(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class InRange:
    """A number between two bounds; None is no bound."""

    lower: float | None = None
    lower_included: bool = True
    upper: float | None = None
    upper_included: bool = True

    def accepts(self, value: Scalar) -> bool:
        if not is_number(value):
            return False
        assert isinstance(value, int | float)
        if self.lower is not None and (value < self.lower or (value == self.lower and not self.lower_included)):
            return False
        return self.upper is None or value < self.upper or (value == self.upper and self.upper_included)


@dataclass(frozen=True, slots=True)
class InNetwork:
    """The text of an IP address of that network."""

    network: IPv4Network | IPv6Network

    def accepts(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ip_address(value) in self.network
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class IsPresent:
    """Any value at all."""

    def accepts(self, value: Scalar) -> bool:
        del value
        return True


@dataclass(frozen=True, slots=True)
class IsAbsent:
    """Met by an event without that field, never by a value."""

    def accepts(self, value: Scalar) -> bool:
        del value
        return False


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """A value that none of the conditions accepts; the field must be there."""

    refused: tuple[Condition, ...]

    def accepts(self, value: Scalar) -> bool:
        return not any(condition.accepts(value) for condition in self.refused)


def is_number(value: object) -> bool:
    """Whether a value of JSON is a number: Python's booleans are integers, JSON's are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
