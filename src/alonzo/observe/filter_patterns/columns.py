"""Patterns for messages of columns: `[ip, user, ..., status_code = 4* || status_code = 5*, bytes > 1000]`.

Columns are divided by spaces; what stands in quotes or in brackets is one.
"""

import re
from collections.abc import Callable, Mapping

from alonzo.observe.filter_patterns.comparisons import OPERATOR, Comparison, make_comparison
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.regular_expressions import EXPRESSIONS_MAX

_ELLIPSIS = "..."
_MESSAGE_COLUMN = re.compile(r'"([^"]{0,8192})"|\[([^\]]{0,8192})\]|(\S+)')
"""Bounded, so that what is opened and never closed is not looked for to the end again and again."""
_MESSAGE_COLUMNS_MAX = 1_000
_COLUMN = re.compile(r"""\s*((?:"(?:[^"\\]|\\.)*"|%[^%]+%|[^,"%\]])*)(,|\])""", re.DOTALL)
_NAME = re.compile(r"[\w$.-]+")
_CONDITION = re.compile(rf"""\s*([\w$.-]+)\s*({OPERATOR})\s*("(?:[^"\\]|\\.)*"|%[^%]+%|[^\s"%&|,\]]+)\s*(&&|\|\||$)""", re.DOTALL)

Named = Mapping[str, str]
Condition = Callable[[Named], bool]


class Columns:
    """`names` before and behind the place of `...`; without one all are before, and there must be as many as in the message."""

    is_columns = True

    def __init__(self, *, before: tuple[str, ...], behind: tuple[str, ...] | None, conditions: tuple[Condition, ...]) -> None:
        self._before = before
        self._behind = behind
        self._conditions = conditions
        self.fields: frozenset[str] | None = frozenset((*before, *(behind or ())))

    def match(self, message: str) -> Mapping[str, str] | None:
        """What is found are the columns that have names."""
        named = self._name(message)
        if named is None or not all(condition(named) for condition in self._conditions):
            return None
        return named

    def _name(self, message: str) -> dict[str, str] | None:
        values: list[str] = []
        for match in _MESSAGE_COLUMN.finditer(message):
            values.append(next(group for group in match.groups() if group is not None))
            if len(values) > _MESSAGE_COLUMNS_MAX:
                return None
        behind = self._behind or ()
        if len(values) < len(self._before) + len(behind) or (self._behind is None and len(values) != len(self._before)):
            return None
        named = dict(zip(self._before, values, strict=False))
        if behind:
            named |= dict(zip(behind, values[-len(behind) :], strict=True))
        return named


def parse_columns(text: str) -> Columns:
    """Raises FilterPatternInvalid."""
    before: list[str] = []
    behind: list[str] | None = None
    conditions: list[Condition] = []
    expressions: list[Comparison] = []
    for number, column in enumerate(_split(text), start=1):
        if column == _ELLIPSIS:
            if behind is not None:
                raise FilterPatternInvalid("it has more than one '...'")
            behind = []
            continue
        name, condition = _parse_column(column, number, expressions)
        (before if behind is None else behind).append(name)
        if condition is not None:
            conditions.append(condition)
    names = [*before, *(behind or ())]
    if len(set(names)) != len(names):
        raise FilterPatternInvalid("two columns have the same name")
    if len(expressions) > EXPRESSIONS_MAX:
        raise FilterPatternInvalid(f"it has more than {EXPRESSIONS_MAX} regular expressions")
    return Columns(before=tuple(before), behind=None if behind is None else tuple(behind), conditions=tuple(conditions))


def _split(text: str) -> list[str]:
    columns, position, end = [], 1, ","
    while end == ",":
        match = _COLUMN.match(text, position)
        if match is None:
            raise FilterPatternInvalid("']' is wanted at its end")
        columns.append(match[1].strip())
        position, end = match.end(), match[2]
    if text[position:].strip():
        raise FilterPatternInvalid(f"there is more behind its end: '{text[position:].strip()}'")
    return columns


def _parse_column(column: str, number: int, expressions: list[Comparison]) -> tuple[str, Condition | None]:
    if not column:
        return f"${number}", None
    if _NAME.fullmatch(column):
        return column, None
    first: str | None = None
    alternatives: list[list[Condition]] = [[]]
    position = 0
    while True:
        match = _CONDITION.match(column, position)
        if match is None:
            raise FilterPatternInvalid(f"'{column}' is neither the name of a column nor a condition on one")
        first = first or match[1]
        comparison = make_comparison(match[2], match[3])
        expressions += [comparison] if comparison.is_expression else []
        alternatives[-1].append(_condition(match[1], comparison))
        position = match.end()
        if match[4] == "":
            break
        if match[4] == "||":
            alternatives.append([])
    return first, lambda named: any(all(condition(named) for condition in each) for each in alternatives)


def _condition(name: str, comparison: Comparison) -> Condition:
    def holds(named: Named) -> bool:
        value = named.get(name)
        return value is not None and comparison.test(value) != comparison.is_negated

    return holds
