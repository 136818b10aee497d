"""Expressions of queries: read into functions of a row.

Precedence, the loosest first: or, and, not, comparisons, + and -, * / %, ^, minus.
"""

import math
from collections.abc import Callable

from alonzo.observe.insights.aggregates import AGGREGATES, Aggregate, percentile
from alonzo.observe.insights.errors import QueryMalformed
from alonzo.observe.insights.functions import FUNCTIONS
from alonzo.observe.insights.patterns import NotAnExpression, search_with
from alonzo.observe.insights.rows import Row
from alonzo.observe.insights.tokens import Kind, Token, tokens_of, unexpected
from alonzo.observe.insights.values import Instant, Value, are_equal, is_less, is_true, number_of, text_of

Expression = Callable[[Row], Value]
AggregateUse = tuple[Callable[[], Aggregate], Expression]
"""What makes the aggregate, and what it is fed with."""

_DEPTH_MAX = 50
_PERIODS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "mo": 2_592_000_000}
_PERIODS |= {"q": 7_776_000_000, "y": 31_536_000_000}
_FUNCTIONS = {name.lower(): function for name, function in FUNCTIONS.items()}
_AGGREGATES = {name.lower(): make for name, make in AGGREGATES.items()}
_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "=": are_equal,
    "==": are_equal,
    "!=": lambda left, right: left is not None and right is not None and not are_equal(left, right),
    "<": is_less,
    ">": lambda left, right: is_less(right, left),
    "<=": lambda left, right: is_less(left, right) or are_equal(left, right),
    ">=": lambda left, right: is_less(right, left) or are_equal(left, right),
}


class ExpressionParser:
    """Goes through the words of a query; `parser.py` reads the commands between the expressions."""

    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens = tokens_of(query)
        self._position = 0
        self._depth = 0
        self.aggregates: list[AggregateUse] | None = None
        """Where `stats` collects those that its expressions use; None: none may be used."""

    @property
    def token(self) -> Token:
        """The next word."""
        return self._tokens[self._position]

    def take(self) -> Token:
        """The next word, and go on."""
        token = self.token
        if token.kind is not Kind.END:
            self._position += 1
        return token

    def take_sign(self, *signs: str) -> bool:
        """Go on if the next word is one of these."""
        found = self.token.is_sign(*signs)
        self._position += found
        return found

    def take_word(self, *words: str) -> bool:
        """Go on if the next word is one of these."""
        found = self.token.is_word(*words)
        self._position += found
        return found

    def expect_sign(self, sign: str) -> None:
        """QueryMalformed when the next word is another one."""
        if not self.take_sign(sign):
            raise self.unexpected()

    def unexpected(self, token: Token | None = None) -> QueryMalformed:
        """That the next word (or this one) may not stand there."""
        return unexpected(self.query, token or self.token)

    def text_since(self, start: int) -> str:
        """What the query says from there to the last word taken."""
        return self.query[start : self._tokens[self._position - 1].end].strip()

    def name(self) -> str:
        """The name of a field."""
        token = self.take()
        if token.kind not in {Kind.NAME, Kind.QUOTED_NAME}:
            raise self.unexpected(token)
        return token.text

    def expression(self) -> Expression:
        """A whole one. QueryMalformed."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise QueryMalformed("the query is nested too deeply", self.token.start, self.token.end)
        left = self._conjunction()
        while self.take_word("or"):
            left = _either(left, self._conjunction())
        self._depth -= 1
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.take_word("and"):
            left = _both(left, self._negation())
        return left

    def _negation(self) -> Expression:
        is_negated = False
        while self.take_word("not"):
            is_negated = not is_negated
        value = self._comparison()
        return (lambda row: not is_true(value(row))) if is_negated else value

    def _comparison(self) -> Expression:
        left = self._sum()
        token = self.token
        if token.kind is Kind.SIGN and token.text in _COMPARISONS:
            self.take()
            return _compared(_COMPARISONS[token.text], left, self._sum())
        if self.take_sign("=~"):
            return self._like(left)
        is_negated = self.take_word("not")
        if self.take_word("like"):
            result = self._like(left)
        elif self.take_word("in"):
            result = self._in(left)
        elif is_negated:
            raise self.unexpected()
        else:
            return left
        return (lambda row: not is_true(result(row))) if is_negated else result

    def _like(self, left: Expression) -> Expression:
        token = self.take()
        if token.kind is Kind.REGEX:
            try:
                search = search_with(token.text)
            except NotAnExpression as error:
                raise QueryMalformed(f"Invalid regular expression: {error}", token.start, token.end) from error
            return lambda row: (value := left(row)) is not None and search(text_of(value))
        if token.kind is Kind.STRING:
            return lambda row: (value := left(row)) is not None and token.text in text_of(value)
        raise self.unexpected(token)

    def _in(self, left: Expression) -> Expression:
        self.expect_sign("[")
        values = [self._sum()]
        while self.take_sign(","):
            values.append(self._sum())
        self.expect_sign("]")
        return lambda row: any(are_equal(left(row), value(row)) for value in values)

    def _sum(self) -> Expression:
        left = self._product()
        while self.token.is_sign("+", "-"):
            left = _computed(self.take().text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while self.token.is_sign("*", "/", "%"):
            left = _computed(self.take().text, left, self._power())
        return left

    def _power(self) -> Expression:
        left = self._signed()
        while self.take_sign("^"):
            left = _computed("^", left, self._signed())
        return left

    def _signed(self) -> Expression:
        is_negative = False
        while self.take_sign("-"):
            is_negative = not is_negative
        value = self._primary()
        return _computed("-", _constant(0), value) if is_negative else value

    def _primary(self) -> Expression:
        token = self.take()
        if token.is_sign("("):
            value = self.expression()
            self.expect_sign(")")
            return value
        if token.kind is Kind.NAME and self.take_sign("("):
            return self._call(token)
        if token.kind in {Kind.NUMBER, Kind.STRING} or token.is_word("true", "false"):
            return _constant(_literal(token))
        if token.kind in {Kind.NAME, Kind.QUOTED_NAME}:
            return _field(token.text)
        raise self.unexpected(token)

    def _call(self, name: Token) -> Expression:
        key = name.text.lower()
        if key in {"bin", "datefloor", "dateceil"}:
            return self._bin(key)
        if key in _AGGREGATES or key == "pct":
            return self._aggregate(name, key)
        if key not in _FUNCTIONS:
            raise self.unexpected(name)
        function, least, most = _FUNCTIONS[key]
        arguments: list[Expression] = []
        while not self.take_sign(")"):
            if arguments:
                self.expect_sign(",")
            arguments.append(self.expression())
        if not least <= len(arguments) <= most:
            message = f"Invalid arguments for function {name.text}: between {least} and {most} are expected"
            raise QueryMalformed(message, name.start, self.token.start)
        return lambda row: function(*(argument(row) for argument in arguments))

    def _bin(self, key: str) -> Expression:
        value = _field("@timestamp")
        if key != "bin":
            value = self.expression()
            self.expect_sign(",")
        token = self.take()
        unit = token.text.lstrip("0123456789").lower()
        period = _PERIODS.get(unit, _PERIODS.get(unit[:2] if unit.startswith(("ms", "mo")) else unit[:1], 0))
        count = int(token.text[: len(token.text) - len(unit)] or 0) if token.kind is Kind.PERIOD else 0
        if not count or not period:
            raise self.unexpected(token)
        self.expect_sign(")")
        length = count * period
        up = length if key == "dateceil" else 0

        def floor(row: Row) -> Value:
            number = number_of(value(row))
            return None if number is None else Instant(int((number - (1 if up else 0)) // length * length + up))

        return floor

    def _aggregate(self, name: Token, key: str) -> Expression:
        uses = self.aggregates
        if uses is None:
            raise self.unexpected(name)
        if key == "count" and (self.token.is_sign("*", ")")):
            self.take_sign("*")
            fed: Expression = _constant(1)
        else:
            self.aggregates = None  # none within another
            fed = self.expression()
            self.aggregates = uses
        make = _AGGREGATES.get(key)
        if make is None:
            self.expect_sign(",")
            percent = self.take()
            if percent.kind is not Kind.NUMBER or not 0 <= float(percent.text) <= 100:  # noqa: PLR2004 - per cent
                raise self.unexpected(percent)
            make = percentile(float(percent.text))
        self.expect_sign(")")
        uses.append((make, fed))
        return _field(aggregate_field(len(uses) - 1))


def aggregate_field(number: int) -> str:
    """Under which an expression finds the result of an aggregate. No query can name it."""
    return f"`{number}"


def _literal(token: Token) -> Value:
    if token.kind is Kind.STRING:
        return token.text
    if token.kind is Kind.NAME:
        return token.text.lower() == "true"
    number = float(token.text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _field(name: str) -> Expression:
    return lambda row: row.get(name)


def _constant(value: Value) -> Expression:
    return lambda row: value


def _either(left: Expression, right: Expression) -> Expression:
    return lambda row: is_true(left(row)) or is_true(right(row))


def _both(left: Expression, right: Expression) -> Expression:
    return lambda row: is_true(left(row)) and is_true(right(row))


def _compared(compare: Callable[[Value, Value], bool], left: Expression, right: Expression) -> Expression:
    return lambda row: compare(left(row), right(row))


def _computed(sign: str, left: Expression, right: Expression) -> Expression:
    def compute(row: Row) -> Value:
        first, second = number_of(left(row)), number_of(right(row))
        if first is None or second is None:
            return None
        try:
            result = _calculate(sign, first, second)
        except (ZeroDivisionError, OverflowError):
            return None
        return result if math.isfinite(result) else None

    return compute


def _calculate(sign: str, first: float, second: float) -> float:
    match sign:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/":
            return first / second
        case "%":
            return first % second
        case _:
            result = float(first) ** float(second)
            return result if isinstance(result, float) else math.nan
