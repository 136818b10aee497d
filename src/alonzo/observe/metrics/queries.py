"""Metrics asked for over a time, in periods: statistics of stored minutes, and math with them."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from alonzo.model.scope import Scope
from alonzo.observe.metrics.distribution import Distribution
from alonzo.observe.metrics.expressions import BadExpression, Inputs, Series, evaluate_expression, ids_of
from alonzo.observe.metrics.recorder import MINUTE_SECONDS, Dimensions, MetricSet
from alonzo.observe.metrics.sources import MetricSource
from alonzo.observe.metrics.statistics import parse_statistic


class MetricQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One metric with a statistic, or, with `expression`, what is computed with others. `period_seconds` 0: that of what it uses."""

    id: str
    namespace: str = ""
    name: str = ""
    dimensions: Dimensions = ()
    statistic: str = ""
    unit: str | None = None
    period_seconds: int = 0
    expression: str | None = None
    label: str | None = None
    returns: bool = True

    def metric_set(self, scope: Scope) -> MetricSet:
        """Where its values are."""
        return MetricSet(scope, self.namespace, self.dimensions)


class Span(msgspec.Struct, frozen=True):
    """From when until before when, in seconds since the epoch."""

    start: int
    end: int

    def times(self, period: int) -> range:
        """The starts of its periods."""
        return range(self.start, self.end, period)


async def evaluate_queries(source: MetricSource, scope: Scope, queries: Sequence[MetricQuery], span: Span) -> dict[str, Series]:
    """The result of each, by id. BadExpression, UnknownStatistic, StoreError. Periods are counted from the span's start."""
    period_of: dict[str, int] = {}
    results: dict[str, Series] = {}
    for query in queries:
        if query.expression is None:
            period_of[query.id] = query_period(query)
            results[query.id] = await _statistics(source, scope, query, span)
    waiting = [query for query in queries if query.expression is not None]
    metrics = [query.id for query in queries if query.expression is None]
    ids = {query.id for query in queries}
    while waiting:
        ready = [query for query in waiting if ids_of(query.expression or "") & ids <= results.keys()]
        if not ready:
            raise BadExpression(f"the expressions {', '.join(query.id for query in waiting)} need each other")
        for query in ready:
            used = ids_of(query.expression or "") & ids or set(metrics)
            period = max((period_of[each] for each in used), default=query.period_seconds or MINUTE_SECONDS)
            period_of[query.id] = period
            inputs = Inputs(series=results, metrics=metrics, periods=period_of, period=period, times=span.times(period))
            results = results | {query.id: evaluate_expression(query.expression or "", inputs)}
        waiting = [query for query in waiting if query.id not in results]
    return results


def query_period(query: MetricQuery) -> int:
    """Values are kept a minute at a time: shorter periods are a minute, too."""
    return max(query.period_seconds, MINUTE_SECONDS)


async def _statistics(source: MetricSource, scope: Scope, query: MetricQuery, span: Span) -> Series:
    compute = parse_statistic(query.statistic)
    minutes = await source.read(query.metric_set(scope), query.name, start=span.start, end=span.end)
    results: Series = {}
    for time, values in in_periods(minutes, span, query_period(query)).items():
        value = compute(values)
        if value is not None and math.isfinite(value):
            results[time] = value
    return results


def in_periods(minutes: Mapping[int, Distribution], span: Span, period: int) -> dict[int, Distribution]:
    """Minutes put together, by the starts of periods."""
    periods: dict[int, Distribution] = {}
    for minute in sorted(minutes):
        start = span.start + (minute - span.start) // period * period
        periods.setdefault(start, Distribution()).merge(minutes[minute])
    return periods
