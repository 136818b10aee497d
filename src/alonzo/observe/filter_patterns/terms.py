"""Patterns of terms, for messages of any form: `ERROR timeout`, `?ERROR ?WARN`, `ERROR -"known problem"`, `%[45]\\d\\d%`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.regular_expressions import compile_expression

_TERM = re.compile(r"""\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<expression>[^%]+)%|(?P<word>\w+))(?=\s|$)""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NOTHING: Mapping[str, str] = MappingProxyType({})

Test = Callable[[str], bool]


class Terms:
    """All that are required, none that is excluded, and one of the optional ones where there are no others."""

    is_columns = False
    fields: frozenset[str] | None = None

    def __init__(self, *, required: tuple[Test, ...], excluded: tuple[Test, ...], optional: tuple[Test, ...]) -> None:
        self._required = required
        self._excluded = excluded
        self._optional = optional if not required and not excluded else ()

    def match(self, message: str) -> Mapping[str, str] | None:
        """Nothing is found by name."""
        if not all(test(message) for test in self._required) or any(test(message) for test in self._excluded):
            return None
        if self._optional and not any(test(message) for test in self._optional):
            return None
        return _NOTHING


def parse_terms(text: str) -> Terms:
    """Raises FilterPatternInvalid."""
    found: dict[str, list[Test]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text.rstrip()):
        match = _TERM.match(text, position)
        if match is None:
            raise FilterPatternInvalid(f"Invalid character(s) in term '{text[position:].split(maxsplit=1)[0]}'")
        found[match["sign"]].append(_test_of(match))
        position = match.end()
    return Terms(required=tuple(found[""]), excluded=tuple(found["-"]), optional=tuple(found["?"]))


def _test_of(match: re.Match[str]) -> Test:
    if match["expression"] is not None:
        return compile_expression(match["expression"])
    term = match["word"] if match["quoted"] is None else _ESCAPED.sub(r"\1", match["quoted"])
    return lambda message: term in message
