"""X-Ray's filter expressions, as far as they are understood here: a useful part, and the rest is refused with its name.

There are: `ok`, `error`, `fault`, `throttle`, `partial`, `responsetime`, `duration`, `http.status`, `http.url`, `http.method`,
`http.useragent`, `http.clientip`, `user`, `name`, `annotation.KEY` and `annotation[KEY]`, `service("NAME")` and `service(id(name: "NAME",
type: "TYPE"))`, each with `{ EXPRESSION }` of that service's segments if wanted; `=`, `!=`, `<`, `<=`, `>`, `>=`, `CONTAINS`, `BEGINSWITH`,
`ENDSWITH`; `!` (and NOT), AND, OR, parentheses.
Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, Protocol

from alonzo.errors import AlonzoError
from alonzo.observe.traces.facts import TraceFacts, seconds_of, service_of
from alonzo.observe.traces.trees import Document, iter_parts

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<operator><=|>=|!=|<>|[=<>!(){}\[\]:,])|(?P<word>[A-Za-z_][\w.\-]*))"""
)
_LENGTH_MAX = 2_000
_DEPTH_MAX = 32
_FLAGS = frozenset({"ok", "error", "fault", "throttle", "partial"})
_NUMBERS = frozenset({"responsetime", "duration", "http.status"})
_TEXTS = frozenset({"http.url", "http.method", "http.useragent", "http.clientip", "user", "name"})
_HTTP_NAMES = {"url": "url", "method": "method", "useragent": "user_agent", "clientip": "client_ip", "status": "status"}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "CONTAINS": lambda text, part: isinstance(text, str) and str(part) in text,
    "BEGINSWITH": lambda text, part: isinstance(text, str) and text.startswith(str(part)),
    "ENDSWITH": lambda text, part: isinstance(text, str) and text.endswith(str(part)),
}
_ORDERING = frozenset({"<", "<=", ">", ">="})

Filter = Callable[["Subject"], bool]


class FilterInvalid(AlonzoError):
    """The expression cannot be understood."""


class Subject(Protocol):
    """What an expression is about: a trace, or what one service did in it."""

    def flag(self, name: str) -> bool: ...

    def values(self, keyword: str) -> list[Any]: ...

    def annotated(self, key: str) -> list[Any]: ...

    def services(self, name: str | None, kind: str | None) -> list["Subject"]: ...


def parse_filter(text: str) -> Callable[[TraceFacts], bool]:
    """What tells whether a trace is wanted. FilterInvalid."""
    if len(text) > _LENGTH_MAX:
        raise FilterInvalid(f"The filter expression is longer than {_LENGTH_MAX} characters.")
    wanted = _Parser(_tokens(text)).parse()
    return lambda facts: wanted(_WholeTrace(facts))


class _WholeTrace:
    def __init__(self, facts: TraceFacts) -> None:
        self._facts = facts

    def flag(self, name: str) -> bool:
        if name == "partial":
            return self._facts.is_partial
        if name == "ok":
            return not any(self._facts.has(flag) for flag in ("error", "fault", "throttle"))
        return self._facts.has(name)

    def values(self, keyword: str) -> list[Any]:
        if keyword == "responsetime":
            return [self._facts.response_seconds]
        if keyword == "duration":
            return [self._facts.duration_seconds]
        if keyword == "user":
            return list(self._facts.users)
        if keyword == "name":
            return [segment["name"] for segment in self._facts.segments]
        value = self._facts.http.get(_HTTP_NAMES[keyword.removeprefix("http.")])
        return [] if value is None else [value]

    def annotated(self, key: str) -> list[Any]:
        return [value for value, _ in self._facts.annotations.get(key, ())]

    def services(self, name: str | None, kind: str | None) -> list[Subject]:
        found = [(segment, service_of(segment)) for segment in self._facts.segments]
        return [_OneSegment(segment) for segment, each in found if name in (None, each.name) and kind in (None, each.type)]


class _OneSegment:
    def __init__(self, segment: Document) -> None:
        self._segment = segment

    def flag(self, name: str) -> bool:
        if name == "partial":
            return bool(self._segment.get("in_progress"))
        if name == "ok":
            return not any(self._segment.get(flag) for flag in ("error", "fault", "throttle"))
        return self._segment.get(name) is True

    def values(self, keyword: str) -> list[Any]:
        if keyword in {"responsetime", "duration"}:
            return [seconds_of(self._segment)]
        if keyword in {"user", "name"}:
            return [self._segment[keyword]] if self._segment.get(keyword) else []
        name = _HTTP_NAMES[keyword.removeprefix("http.")]
        contents = [content for content in (self._segment.get("http") or {}).values() if isinstance(content, dict)]
        return [content[name] for content in contents if name in content]

    def annotated(self, key: str) -> list[Any]:
        found = [(part.get("annotations") or {}).get(key) for part in iter_parts(self._segment)]
        return [value for value in found if value is not None]

    def services(self, name: str | None, kind: str | None) -> list[Subject]:
        service = service_of(self._segment)
        return [self] if name in (None, service.name) and kind in (None, service.type) else []


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def parse(self) -> Filter:
        if not self._tokens:
            return lambda _: True
        parsed = self._either()
        if self._position < len(self._tokens):
            raise FilterInvalid(f"'{self._tokens[self._position][1]}' is not expected in the filter expression.")
        return parsed

    def _either(self) -> Filter:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise FilterInvalid("The filter expression is nested too deeply.")
        alternatives = [self._both()]
        while self._take_word("OR"):
            alternatives.append(self._both())
        self._depth -= 1
        return alternatives[0] if len(alternatives) == 1 else lambda subject: any(each(subject) for each in alternatives)

    def _both(self) -> Filter:
        conditions = [self._one()]
        while self._take_word("AND"):
            conditions.append(self._one())
        return conditions[0] if len(conditions) == 1 else lambda subject: all(each(subject) for each in conditions)

    def _one(self) -> Filter:
        negations = 0
        while self._take("!") or self._take_word("NOT"):
            negations += 1
        condition = self._parenthesized() if self._take("(") else self._condition()
        return (lambda subject: not condition(subject)) if negations % 2 else condition

    def _parenthesized(self) -> Filter:
        condition = self._either()
        self._expect(")")
        return condition

    def _condition(self) -> Filter:
        keyword = self._next("word")
        word = keyword.lower()
        if word in _FLAGS:
            return self._flag(word)
        if word == "service":
            return self._service()
        if word == "annotation" and self._take("["):
            key = self._next("text", "word")
            self._expect("]")
            return self._comparison(lambda subject: subject.annotated(key))
        if word.startswith("annotation."):
            key = keyword[len("annotation.") :]
            return self._comparison(lambda subject: subject.annotated(key))
        if word in _NUMBERS or word in _TEXTS:
            return self._comparison(lambda subject: subject.values(word))
        raise FilterInvalid(f"The keyword '{keyword}' of filter expressions is not supported.")

    def _flag(self, name: str) -> Filter:
        if self._take("="):
            wanted = self._next("word").lower() == "true"
            return lambda subject: subject.flag(name) is wanted
        return lambda subject: subject.flag(name)

    def _comparison(self, values: Callable[[Subject], list[Any]]) -> Filter:
        if not self._follows_comparison():
            return lambda subject: bool(values(subject))
        sign = self._tokens[self._position][1].upper()
        self._position += 1
        expected = self._value()
        if sign in _ORDERING and isinstance(expected, str):
            raise FilterInvalid(f"'{sign}' compares numbers.")
        compare = _COMPARISONS[sign]
        return lambda subject: any(_is_comparable(value, expected, sign) and compare(value, expected) for value in values(subject))

    def _service(self) -> Filter:
        self._expect("(")
        name, kind = self._service_name()
        self._expect(")")
        if not self._take("{"):
            return lambda subject: bool(subject.services(name, kind))
        within = self._either()
        self._expect("}")
        return lambda subject: any(within(each) for each in subject.services(name, kind))

    def _service_name(self) -> tuple[str | None, str | None]:
        if not self._take_word("ID"):
            return self._next("text"), None
        said: dict[str, str] = {}
        self._expect("(")
        while not self._take(")"):
            key = self._next("word").lower()
            self._expect(":")
            said[key] = self._next("text")
            self._take(",")
        return said.get("name"), said.get("type")

    def _value(self) -> str | float | bool:
        kind, text = self._tokens[self._position] if self._position < len(self._tokens) else ("", "")
        self._position += 1
        if kind == "number":
            return float(text)
        if kind == "text":
            return text
        if kind == "word" and text.lower() in {"true", "false"}:
            return text.lower() == "true"
        raise FilterInvalid("The filter expression compares with nothing.")

    def _follows_comparison(self) -> bool:
        if self._position >= len(self._tokens):
            return False
        kind, text = self._tokens[self._position]
        return kind != "text" and text.upper() in _COMPARISONS

    def _next(self, *kinds: str) -> str:
        if self._position >= len(self._tokens) or self._tokens[self._position][0] not in kinds:
            raise FilterInvalid("The filter expression ends too early, or is not well-formed.")
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _take(self, sign: str) -> bool:
        if self._position < len(self._tokens) and self._tokens[self._position] == ("operator", sign):
            self._position += 1
            return True
        return False

    def _take_word(self, word: str) -> bool:
        if self._position < len(self._tokens):
            kind, text = self._tokens[self._position]
            if kind == "word" and text.upper() == word:
                self._position += 1
                return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise FilterInvalid(f"'{sign}' is missing in the filter expression.")


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise FilterInvalid(f"The filter expression is not understood from here on: {text[position : position + 40]}")
        found = match[match.lastgroup]
        tokens.append((match.lastgroup, re.sub(r"\\(.)", r"\1", found[1:-1]) if match.lastgroup == "text" else found))
        position = match.end()
    return tokens


def _is_comparable(value: Any, expected: Any, sign: str) -> bool:
    if sign in _ORDERING:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return True
