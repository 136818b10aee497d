"""The commands of a query, as steps through which rows go. Each takes rows and yields rows; what it must remember is bounded."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from alonzo.observe.insights.aggregates import Aggregate, wants_time
from alonzo.observe.insights.errors import QueryFailed
from alonzo.observe.insights.expressions import AggregateUse, Expression, aggregate_field
from alonzo.observe.insights.rows import Row
from alonzo.observe.insights.values import Value, is_true, number_of, sort_key, text_of

ROWS_MAX = 10_000
"""Of a result, and of what is sorted. Source: quotas of CloudWatch Logs."""
_GROUPS_MAX = 10_000

Step = Callable[[Iterable[Row]], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Column:
    """A field under a name."""

    name: str
    value: Expression


def filtered(condition: Expression) -> Step:
    """`filter`."""
    return lambda rows: (row for row in rows if is_true(condition(row)))


def computed(columns: Sequence[Column]) -> Step:
    """`fields` with expressions."""

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            row.values.update([(column.name, column.value(row)) for column in columns])
            yield row

    return run


def parsed(source: Expression, extract: Callable[[str], dict[str, str] | None]) -> Step:
    """`parse`: rows that do not match stay as they are."""

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            text = source(row)
            found = None if text is None else extract(text_of(text))
            if found:
                row.values.update(found)
            yield row

    return run


def sorted_by(keys: Sequence[tuple[Expression, bool]], *, limit: int) -> Step:
    """`sort`: by expressions, of which some descend; no more than the first `limit` are of interest."""

    def order(rows: list[Row]) -> None:
        for value, descends in reversed(keys):
            rows.sort(key=lambda row, value=value: sort_key(value(row)), reverse=descends)  # type: ignore[misc]
        del rows[limit:]

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        kept: list[Row] = []
        for row in rows:
            kept.append(row)
            if len(kept) > 2 * limit:
                order(kept)
        order(kept)
        yield from kept

    return run


def limited(count: int) -> Step:
    """`limit` behind what has an order."""

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows):
            if number >= count:
                return
            yield row

    return run


def without_duplicates(names: Sequence[str]) -> Step:
    """`dedup`: of rows that agree in these fields the first; rows that have none of them go."""

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        seen: set[tuple[str, ...]] = set()
        for row in rows:
            values = [row.get(name) for name in names]
            key = tuple(map(text_of, values))
            if all(value is None for value in values) or key in seen:
                continue
            seen.add(key)
            yield row

    return run


def aggregated(uses: Sequence[AggregateUse], columns: Sequence[Column], by: Sequence[Column]) -> Step:
    """`stats`. QueryFailed when there are too many groups."""

    is_timed = any(wants_time(make) for make, _ in uses)

    def run(rows: Iterable[Row]) -> Iterator[Row]:
        groups: dict[tuple[str, ...], tuple[list[Value], list[Aggregate]]] = {}
        for row in rows:
            values = [column.value(row) for column in by]
            key = tuple(map(text_of, values))
            group = groups.get(key)
            if group is None:
                if len(groups) >= _GROUPS_MAX:
                    raise QueryFailed(f"stats makes more than {_GROUPS_MAX} groups")
                group = groups[key] = (values, [make() for make, _ in uses])
            unix_ms = (number_of(row.get("@timestamp")) or 0.0) if is_timed else 0.0
            for aggregate, (_, fed) in zip(group[1], uses, strict=True):
                aggregate.add(fed(row), unix_ms)
        if not groups and not by:
            groups[()] = ([], [make() for make, _ in uses])
        for values, aggregates in groups.values():
            yield _row_of(columns, by, values, aggregates)

    return run


def _row_of(columns: Sequence[Column], by: Sequence[Column], values: list[Value], aggregates: list[Aggregate]) -> Row:
    results: dict[str, Value] = {aggregate_field(number): each.result() for number, each in enumerate(aggregates)}
    row = Row({column.name: value for column, value in zip(by, values, strict=True)} | results)
    row.values.update([(column.name, column.value(row)) for column in columns])
    for name in results:
        del row.values[name]
    return row
