"""Values in patterns of JSON and of columns, and how they are compared with what a message has."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.regular_expressions import compile_expression

OPERATOR = r"!=|<=|>=|=|<|>"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`test` of a text, `test_number` of a number (None: as of its text). `!=` is for whoever asks to turn round."""

    is_negated: bool
    test: Callable[[str], bool]
    test_number: Callable[[float], bool] | None
    is_expression: bool


def make_comparison(sign: str, value: str) -> Comparison:
    """`value` as it stands in the pattern: a number, a word with `*`, a text in quotes, an expression in `%`. FilterPatternInvalid."""
    if sign in _ORDERS:
        number = number_of(value)
        if number is None:
            raise FilterPatternInvalid(f"'{value}' is not a number, which {sign} wants")
        order = _ORDERS[sign]

        def is_so(text: str) -> bool:
            found = number_of(text)
            return found is not None and order(found, number)

        return Comparison(False, is_so, lambda found: order(found, number), False)
    is_negated = sign == "!="
    if value.startswith("%"):
        return Comparison(is_negated, compile_expression(value[1:-1]), None, True)
    if value.startswith('"'):
        return Comparison(is_negated, _text_test(_ESCAPED.sub(r"\1", value[1:-1])), None, False)
    wanted = number_of(value)
    return Comparison(is_negated, _text_test(value), None if wanted is None else lambda found: found == wanted, False)


def number_of(text: str) -> float | None:
    """None of a text that is no number."""
    return float(text) if _NUMBER.fullmatch(text) else None


def _text_test(wanted: str) -> Callable[[str], bool]:
    """`*` stands for any characters."""
    if "*" not in wanted:
        return lambda value: value == wanted
    first, *middle, last = wanted.split("*")

    def test(value: str) -> bool:
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        position, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, position, end)
            if found < 0:
                return False
            position = found + len(part)
        return True

    return test
