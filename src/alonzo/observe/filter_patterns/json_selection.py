"""Patterns for messages that are JSON: `{ ($.kind = "order") && ($.items[0].price > 5 || $.free IS TRUE) }`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.observe.filter_patterns.comparisons import OPERATOR, Comparison, make_comparison
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.regular_expressions import EXPRESSIONS_MAX

_DEPTH_MAX = 32
_SPACE = re.compile(r"\s*")
_SELECTOR = re.compile(r"""\$(?:\.?\[(?:\d+|\*|'[^']*'|"[^"]*")\]|\.[\w@$:-]+)+""")
_STEP = re.compile(r"""\[(?P<index>\d+)\]|\[(?P<every>\*)\]|\[['"](?P<quoted>[^'"]*)['"]\]|\.(?P<name>[\w@$:-]+)""")
_STATE = re.compile(r"(IS\s+NOT\s+NULL|IS\s+NULL|IS\s+TRUE|IS\s+FALSE|NOT\s+EXISTS|EXISTS)(?!\w)", re.IGNORECASE)
_COMPARISON = re.compile(rf"""({OPERATOR})\s*("(?:[^"\\]|\\.)*"|%[^%]+%|[^\s"%(){{}}&|=<>!]+)""", re.DOTALL)

Condition = Callable[[Any], bool]
_STATES: Mapping[str, Callable[[list[Any]], bool]] = {
    "IS NULL": lambda found: any(value is None for value in found),
    "IS NOT NULL": lambda found: any(value is not None for value in found),
    "IS TRUE": lambda found: any(value is True for value in found),
    "IS FALSE": lambda found: any(value is False for value in found),
    "EXISTS": bool,
    "NOT EXISTS": lambda found: not found,
}


class JsonSelection:
    """What is found by name are the values that the pattern names, by their selectors."""

    is_columns = False

    def __init__(self, *, condition: Condition, selectors: tuple["_Selector", ...]) -> None:
        self._condition = condition
        self._selectors = selectors
        self.fields: frozenset[str] | None = frozenset(selector.text for selector in selectors)

    def match(self, message: str) -> Mapping[str, str] | None:
        """None, too, of a message that is not JSON."""
        if "{" not in message and "[" not in message:
            return None
        try:
            document = msgspec.json.decode(message)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        if not isinstance(document, dict | list) or not self._condition(document):
            return None
        named = ((selector.text, next(selector.find(document), None)) for selector in self._selectors)
        return {text: _text_of(value) for text, value in named if isinstance(value, str | int | float)}


def parse_json_selection(text: str, *, also: tuple[str, ...] = ()) -> JsonSelection:
    """Raises FilterPatternInvalid. `also`: further selectors."""
    parser = _Parser(text)
    parser.expect("{")
    condition = parser.either(0)
    parser.expect("}")
    parser.end()
    further = tuple(_selector_of(each) for each in also)
    return JsonSelection(condition=condition, selectors=(*parser.selectors, *further))


@dataclass(frozen=True, slots=True)
class _Selector:
    text: str
    steps: tuple[str | int | None, ...]
    """A member, an element, or None for every element."""

    def find(self, document: Any) -> Iterator[Any]:
        return _walk(document, self.steps, 0)


def _walk(value: Any, steps: tuple[str | int | None, ...], position: int) -> Iterator[Any]:
    while position < len(steps):
        step = steps[position]
        position += 1
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return
            value = value[step]
        elif not isinstance(value, list):
            return
        elif step is None:
            for each in value:
                yield from _walk(each, steps, position)
            return
        elif step < len(value):
            value = value[step]
        else:
            return
    yield value


class _Parser:
    """By recursive descent; what binds less first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._expression_count = 0
        self.selectors: list[_Selector] = []

    def either(self, depth: int) -> Condition:
        """`||`."""
        if depth > _DEPTH_MAX:
            raise FilterPatternInvalid("it is nested too deeply")
        parts = [self._both(depth)]
        while self._take("||"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else lambda document: any(part(document) for part in parts)

    def expect(self, token: str) -> None:
        if not self._take(token):
            rest = self._text[self._position : self._position + 20]
            raise FilterPatternInvalid(f"'{token}' is wanted before '{rest}'")

    def end(self) -> None:
        if self._text[self._position :].strip():
            raise FilterPatternInvalid(f"there is more behind its end: '{self._text[self._position :].strip()}'")

    def _both(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._take("&&"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else lambda document: all(part(document) for part in parts)

    def _one(self, depth: int) -> Condition:
        if self._take("("):
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        selector = self._selector()
        state = self._match(_STATE)
        if state is not None:
            holds = _STATES[" ".join(state[1].upper().split())]
            return lambda document: holds(list(selector.find(document)))
        compared = self._match(_COMPARISON)
        if compared is None:
            raise FilterPatternInvalid(f"a comparison is wanted behind '{selector.text}'")
        comparison = make_comparison(compared[1], compared[2])
        self._expression_count += comparison.is_expression
        if self._expression_count > EXPRESSIONS_MAX:
            raise FilterPatternInvalid(f"it has more than {EXPRESSIONS_MAX} regular expressions")
        return lambda document: any(_compare(comparison, value) for value in selector.find(document))

    def _selector(self) -> _Selector:
        match = self._match(_SELECTOR)
        if match is None:
            rest = self._text[self._position : self._position + 20]
            raise FilterPatternInvalid(f"a selector ($.name) is wanted before '{rest}'")
        selector = _selector_of(match[0])
        self.selectors.append(selector)
        return selector

    def _take(self, token: str) -> bool:
        self._skip()
        if self._text.startswith(token, self._position):
            self._position += len(token)
            return True
        return False

    def _match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        self._skip()
        match = expression.match(self._text, self._position)
        if match is not None:
            self._position = match.end()
        return match

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._position)
        assert space is not None
        self._position = space.end()


def _selector_of(text: str) -> _Selector:
    if _SELECTOR.fullmatch(text) is None:
        raise FilterPatternInvalid(f"'{text}' is no selector ($.name)")
    steps: list[str | int | None] = []
    for step in _STEP.finditer(text):
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(None if step["every"] else step["name"] if step["name"] is not None else step["quoted"])
    return _Selector(text, tuple(steps))


def _compare(comparison: Comparison, value: Any) -> bool:
    """Objects, arrays and null compare with nothing."""
    if isinstance(value, bool | str):
        return comparison.test(_text_of(value)) != comparison.is_negated
    if isinstance(value, int | float):
        test_number = comparison.test_number
        is_so = comparison.test(_text_of(value)) if test_number is None else test_number(value)
        return is_so != comparison.is_negated
    return False


def _text_of(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
