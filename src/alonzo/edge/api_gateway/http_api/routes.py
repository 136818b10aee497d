"""Which route of an HTTP API a request takes.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html ("Routing API requests"): a full match of
path and method, then one with a greedy variable, then `$default`. Of several full matches, and of several greedy ones, the one with more
that is literal before its first variable wins; a method of its own wins over ANY.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import msgspec

DEFAULT_ROUTE = "$default"
_VARIABLE = re.compile(r"\{([^{}+]+)(\+?)\}")

Target = TypeVar("Target")


class FoundRoute(msgspec.Struct, Generic[Target], frozen=True):
    """A route with what its variables stand for."""

    key: str
    target: Target
    variables: dict[str, str]


class _Segment(NamedTuple):
    """`variable` None: the path must have `text` there."""

    text: str
    variable: str | None
    is_greedy: bool


@dataclass(frozen=True, slots=True)
class _Pattern(Generic[Target]):
    key: str
    method: str
    segments: tuple[_Segment, ...]
    is_greedy: bool
    target: Target

    @property
    def rank(self) -> tuple[object, ...]:
        """The lowest is tried first."""
        shape = tuple(segment.variable is not None for segment in self.segments)
        return (self.is_greedy, -len(self.segments) if self.is_greedy else 0, shape, self.method == "ANY")


class RouteTable(Generic[Target]):
    """The routes of an API, by their keys."""

    def __init__(self, routes: Mapping[str, Target]) -> None:
        self._default = FoundRoute(DEFAULT_ROUTE, routes[DEFAULT_ROUTE], {}) if DEFAULT_ROUTE in routes else None
        patterns = [pattern for key, target in routes.items() if (pattern := _pattern(key, target)) is not None]
        self._patterns = sorted(patterns, key=lambda pattern: pattern.rank)

    def find(self, method: str, path: str) -> FoundRoute[Target] | None:
        """`path` is decoded and without the stage. A slash at its end makes no difference."""
        segments = _segments(path)
        for pattern in self._patterns:
            if pattern.method == method or pattern.method == "ANY":  # noqa: PLR1714 - a set would be made for each request
                variables = _match(pattern.segments, segments, is_greedy=pattern.is_greedy)
                if variables is not None:
                    return FoundRoute(pattern.key, pattern.target, variables)
        return self._default

    def find_explicit(self, method: str, path: str) -> FoundRoute[Target] | None:
        """As `find`, without `$default`."""
        found = self.find(method, path)
        return None if found is self._default else found


def match_path(pattern: str, path: str) -> dict[str, str] | None:
    """What the variables of a resource's path (`/pets/{id}`, `/{proxy+}`) stand for; None if it is another path."""
    segments = _read(pattern)
    return _match(segments, _segments(path), is_greedy=_is_greedy(segments))


def _pattern(key: str, target: Target) -> _Pattern[Target] | None:
    method, _, path = key.partition(" ")
    if not path.startswith("/"):
        return None
    segments = _read(path)
    return _Pattern(key, method, segments, _is_greedy(segments), target)


def _read(pattern: str) -> tuple[_Segment, ...]:
    read = []
    for text in _segments(pattern):
        match = _VARIABLE.fullmatch(text)
        read.append(_Segment(text, None, False) if match is None else _Segment(text, match[1], bool(match[2])))
    return tuple(read)


def _is_greedy(segments: tuple[_Segment, ...]) -> bool:
    return bool(segments) and segments[-1].is_greedy


def _segments(path: str) -> list[str]:
    stripped = path.strip("/")
    return stripped.split("/") if stripped else []


def _match(wanted: tuple[_Segment, ...], given: list[str], *, is_greedy: bool) -> dict[str, str] | None:
    if len(given) < len(wanted) or (len(given) > len(wanted) and not is_greedy):
        return None
    variables: dict[str, str] = {}
    for index, (text, variable, is_rest) in enumerate(wanted):
        if variable is None:
            if text != given[index]:
                return None
        elif is_rest:
            variables[variable] = "/".join(given[index:])
        elif not given[index]:
            return None
        else:
            variables[variable] = given[index]
    return variables
