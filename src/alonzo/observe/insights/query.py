"""A whole query of Logs Insights: read once, then run over rows.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from alonzo.observe.insights.commands import (
    ROWS_MAX,
    Column,
    Step,
    aggregated,
    computed,
    filtered,
    limited,
    parsed,
    sorted_by,
    without_duplicates,
)
from alonzo.observe.insights.errors import QueryMalformed
from alonzo.observe.insights.expressions import AggregateUse, Expression, ExpressionParser
from alonzo.observe.insights.patterns import NotAnExpression, extract_with_glob, extract_with_regex
from alonzo.observe.insights.rows import Row
from alonzo.observe.insights.tokens import Kind
from alonzo.observe.insights.values import text_of

QUERY_MAX_CHARACTERS = 10_000
_DEFAULT_COLUMNS = ("@timestamp", "@message")
Result = list[tuple[str, str]]
"""Names and values of a row's fields; of what is not there none."""


@dataclass(slots=True)
class Query:
    """Made by `parse_query`."""

    steps: list[Step] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    is_ordered: bool = False
    """Whether a command has put the rows into an order, or made new ones."""
    matching_steps: int | None = None
    """How many steps, from the first on, only choose rows and add fields; None: all so far."""

    def end_matching(self) -> None:
        """What comes now sorts, counts or leaves out what has been found."""
        if self.matching_steps is None:
            self.matching_steps = len(self.steps)

    def run(self, rows: Iterable[Row], *, note_matched: Callable[[], None]) -> Iterator[Result]:
        """The result, row after row. `note_matched` is called for each row that was found. QueryFailed."""
        for number, step in enumerate(self.steps):
            rows = step(_noted(rows, note_matched) if number == self.matching_steps else rows)
        columns = self.columns or list(_DEFAULT_COLUMNS)
        for row in rows:
            found = [(name, value) for name in columns if (value := row.get(name)) is not None]
            result = [(name, text_of(value)) for name, value in found]
            if row.pointer is not None:
                result.append(("@ptr", row.pointer))
            yield result


def parse_query(text: str, *, limit: int = ROWS_MAX) -> Query:
    """QueryMalformed. `limit`: how many rows the result has where the query does not say it."""
    if len(text) > QUERY_MAX_CHARACTERS:
        raise QueryMalformed(f"the query is longer than {QUERY_MAX_CHARACTERS} characters", 0, len(text))
    return _QueryParser(text).query(limit)


class _QueryParser:
    def __init__(self, text: str) -> None:
        self._parser = ExpressionParser(text)
        self._query = Query()
        self._has_limit = False
        self._commands = {
            "fields": self._fields,
            "display": self._display,
            "filter": self._filter,
            "where": self._filter,
            "parse": self._parse,
            "stats": self._stats,
            "sort": self._sort,
            "order": self._sort,
            "limit": self._limit,
            "head": self._limit,
            "dedup": self._dedup,
        }

    def query(self, limit: int) -> Query:
        while True:
            token = self._parser.token
            command = self._commands.get(token.text.lower()) if token.kind is Kind.NAME else None
            if command is None:
                raise self._parser.unexpected()
            self._parser.take()
            command()
            if self._parser.token.kind is Kind.END:
                break
            self._parser.expect_sign("|")
        if not self._query.is_ordered:
            self._newest_first(limit)
        if not self._has_limit:
            self._query.steps.append(limited(limit))
        return self._query

    def _newest_first(self, limit: int) -> None:
        self._query.end_matching()
        self._query.steps.append(sorted_by([(lambda row: row.get("@timestamp"), True)], limit=limit))
        self._query.is_ordered = True

    def _columns(self) -> list[tuple[Column, bool]]:
        """Whether each is more than the field of its name."""
        columns = [self._column()]
        while self._parser.take_sign(","):
            columns.append(self._column())
        return columns

    def _column(self) -> tuple[Column, bool]:
        start = self._parser.token.start
        value = self._parser.expression()
        text = self._parser.text_since(start)
        if self._parser.take_word("as"):
            return Column(self._parser.name(), value), True
        plain = text.strip("`")
        return Column(plain, value), not _is_field(plain)

    def _fields(self) -> None:
        columns = self._columns()
        self._query.steps.append(computed([column for column, is_computed in columns if is_computed]))
        self._query.columns += [column.name for column, _ in columns if column.name not in self._query.columns]

    def _display(self) -> None:
        columns = self._columns()
        self._query.steps.append(computed([column for column, is_computed in columns if is_computed]))
        self._query.columns = [column.name for column, _ in columns]

    def _filter(self) -> None:
        self._query.steps.append(filtered(self._parser.expression()))

    def _parse(self) -> None:
        parser = self._parser
        source: Expression = lambda row: row.get("@message")  # noqa: E731 - what is parsed unless another field is named
        if parser.token.kind not in {Kind.STRING, Kind.REGEX}:
            name = parser.name()
            source = lambda row: row.get(name)  # noqa: E731
        token = parser.take()
        names: list[str] = []
        if token.kind is Kind.REGEX:
            try:
                extract, found = extract_with_regex(token.text)
            except NotAnExpression as error:
                raise QueryMalformed(f"Invalid regular expression: {error}", token.start, token.end) from error
            names += found
            if not names:
                raise QueryMalformed("Expected a named group in the regular expression", token.start, token.end)
        elif token.kind is Kind.STRING:
            if not parser.take_word("as"):
                raise parser.unexpected()
            names.append(parser.name())
            while parser.take_sign(","):
                names.append(parser.name())
            stars = token.text.count("*")
            if stars != len(names):
                message = f"The number of wildcards ({stars}) and of fields ({len(names)}) in parse must be the same"
                raise QueryMalformed(message, token.start, token.end)
            extract = extract_with_glob(token.text, tuple(names))
        else:
            raise parser.unexpected(token)
        self._query.steps.append(parsed(source, extract))

    def _stats(self) -> None:
        parser = self._parser
        uses: list[AggregateUse] = []
        parser.aggregates = uses
        columns = [column for column, _ in self._columns()]
        parser.aggregates = None
        by: list[Column] = []
        if parser.take_word("by"):
            by = [column for column, _ in self._columns()]
        self._query.end_matching()
        self._query.steps.append(aggregated(uses, columns, by))
        self._query.columns = [column.name for column in (*by, *columns)]
        self._query.is_ordered = True

    def _sort(self) -> None:
        parser = self._parser
        parser.take_word("by")
        keys: list[tuple[Expression, bool]] = []
        while True:
            value = parser.expression()
            descends = parser.take_word("desc")
            if not descends:
                parser.take_word("asc")
            keys.append((value, descends))
            if not parser.take_sign(","):
                break
        self._query.end_matching()
        self._query.steps.append(sorted_by(keys, limit=ROWS_MAX))
        self._query.is_ordered = True

    def _limit(self) -> None:
        token = self._parser.take()
        if token.kind is not Kind.NUMBER or not token.text.isdigit() or not 1 <= int(token.text) <= ROWS_MAX:
            raise self._parser.unexpected(token)
        count = int(token.text)
        if not self._query.is_ordered:
            self._newest_first(count)
        self._query.steps.append(limited(count))
        self._has_limit = True

    def _dedup(self) -> None:
        if not self._query.is_ordered:
            self._newest_first(ROWS_MAX)
        names = [self._parser.name()]
        while self._parser.take_sign(","):
            names.append(self._parser.name())
        self._query.steps.append(without_duplicates(names))


def _noted(rows: Iterable[Row], note: Callable[[], None]) -> Iterator[Row]:
    for row in rows:
        note()
        yield row


def _is_field(text: str) -> bool:
    return text.replace("@", "").replace(".", "").replace("_", "").isalnum() and not text[:1].isdigit()
