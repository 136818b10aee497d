"""The part of CloudWatch's API that takes metrics and answers questions about them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/.
"""

import math
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.clock import Clock
from alonzo.edge.cloudwatch.parameters import (
    Members,
    bad_expression,
    check_period,
    check_statistic,
    described_dimensions,
    dimensions_of,
    invalid_value,
    moment,
    page,
    query_of,
    unit_matches,
    validation_error,
)
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.observe.metrics.expressions import BadExpression
from alonzo.observe.metrics.queries import MetricQuery, Span, evaluate_queries, in_periods
from alonzo.observe.metrics.recorder import MINUTE_SECONDS, NO_UNIT, Dimensions, MetricRecorder, MetricSet
from alonzo.observe.metrics.sources import KnownMetrics, MetricSource
from alonzo.observe.metrics.statistics import parse_statistic

_PAST_MAX_SECONDS = 14 * 86_400
_FUTURE_MAX_SECONDS = 2 * 3_600
_DATA_MAX = 1_000
_VALUES_MAX = 150
_VALUE_MAX = 2.0**360
"""Source of these: API_PutMetricData and API_MetricDatum."""

_STATISTICS_DATA_MAX = 1_440
_DATAPOINTS_MAX = 100_800
_PERIODS_MAX = 2 * _DATAPOINTS_MAX
_LIST_PAGE = 500
_RECENTLY_SECONDS = 3 * 3_600


class MetricOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, recorder: MetricRecorder, source: MetricSource, clock: Clock) -> None:
        self._recorder = recorder
        self._source = source
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `cloudwatch` model."""
        return {
            "PutMetricData": self.put_metric_data,
            "GetMetricData": self.get_metric_data,
            "GetMetricStatistics": self.get_metric_statistics,
            "ListMetrics": self.list_metrics,
        }

    async def put_metric_data(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        namespace = parameters["Namespace"]
        if namespace.startswith("AWS/"):
            raise invalid_value(f"The value {namespace} for parameter Namespace is invalid.")
        data = [*parameters.get("MetricData", ())]
        data += [datum for group in parameters.get("EntityMetricData", ()) for datum in group.get("MetricData", ())]
        if not data:
            raise ApiError(code="MissingRequiredParameterException", message="The parameter MetricData is required.")
        if len(data) > _DATA_MAX:
            raise invalid_value(f"The collection MetricData must not have a size greater than {_DATA_MAX}.")
        now = self._clock.unix_ms() / 1_000
        for number, datum in enumerate(data, start=1):
            _check_datum(datum, f"MetricData.member.{number}", now)
        for datum in data:
            self._put(call, namespace, datum, now)
        return {}

    async def get_metric_data(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        queries = [query_of(each) for each in parameters["MetricDataQueries"]]
        if len({query.id for query in queries}) != len(queries):
            raise validation_error("The values for parameter id in MetricDataQueries must be unique.")
        span = _span(parameters)
        try:
            results = await evaluate_queries(self._source, call.caller.scope, await self._existing(call, queries), span)
        except BadExpression as error:
            raise bad_expression(error) from error
        is_descending = parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        size = min(parameters.get("MaxDatapoints") or _DATAPOINTS_MAX, _DATAPOINTS_MAX)
        returned = [query for query in queries if query.returns]
        each_size, described, next_token = max(size // max(len(returned), 1), 1), [], None
        for query in returned:
            points, token = page(sorted(results[query.id].items(), reverse=is_descending), parameters.get("NextToken"), each_size)
            next_token = next_token or token
            described.append(
                {
                    "Id": query.id,
                    "Label": query.label or query.name or query.id,
                    "Timestamps": [moment(time) for time, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete" if token is None else "PartialData",
                }
            )
        return {"MetricDataResults": described, "Messages": [], "NextToken": next_token}

    async def get_metric_statistics(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        period = max(check_period(parameters["Period"]), MINUTE_SECONDS)
        names, extended = parameters.get("Statistics") or [], parameters.get("ExtendedStatistics") or []
        if not names and not extended:
            raise ApiError(
                code="InvalidParameterCombinationException",
                message="At least one of the parameters Statistics, ExtendedStatistics is required.",
            )
        for name in (*names, *extended):
            check_statistic(name, "Statistics" if name in names else "ExtendedStatistics")
        span = _span(parameters)
        count = len(span.times(period))
        if count > _STATISTICS_DATA_MAX:
            raise ApiError(
                code="InvalidParameterCombinationException",
                message=f"You have requested up to {count} datapoints, which exceeds the limit of {_STATISTICS_DATA_MAX}. You may "
                "reduce the datapoints requested by increasing Period, or decreasing the time range.",
            )
        of = MetricSet(call.caller.scope, parameters["Namespace"], dimensions_of(parameters.get("Dimensions")))
        name = parameters["MetricName"]
        unit = (await self._units(of)).get(name)
        datapoints: list[Members] = []
        if unit_matches(parameters.get("Unit"), unit):
            minutes = await self._source.read(of, name, start=span.start, end=span.end)
            for time, values in in_periods(minutes, span, period).items():
                datapoint: Members = {"Timestamp": moment(time), "Unit": unit or NO_UNIT}
                datapoint |= {each: parse_statistic(each)(values) for each in names}
                found = {each: value for each in extended if (value := parse_statistic(each)(values)) is not None}
                datapoints.append(datapoint | ({"ExtendedStatistics": found} if found else {}))
        return {"Label": name, "Datapoints": datapoints}

    async def list_metrics(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        filters = [(each["Name"], each.get("Value")) for each in parameters.get("Dimensions") or ()]
        namespace, wanted = parameters.get("Namespace"), parameters.get("MetricName")
        oldest = self._clock.unix_ms() / 1_000 - (_RECENTLY_SECONDS if parameters.get("RecentlyActive") else _PAST_MAX_SECONDS)
        found: set[tuple[str, Dimensions, str]] = set()
        async for known in self._source.list_known(call.caller.scope):
            if known.newest_minute < oldest or (namespace and known.of.namespace != namespace) or not _has_dimensions(known, filters):
                continue
            found |= {(known.of.namespace, known.of.dimensions, name) for name in known.units if wanted in {None, name}}
        listed, next_token = page(sorted(found), parameters.get("NextToken"), _LIST_PAGE)
        metrics = [
            {"Namespace": namespace, "MetricName": name, "Dimensions": described_dimensions(dimensions)}
            for namespace, dimensions, name in listed
        ]
        return {"Metrics": metrics, "NextToken": next_token}

    def _put(self, call: CallContext, namespace: str, datum: Members, now: float) -> None:
        of = MetricSet(call.caller.scope, namespace, dimensions_of(datum.get("Dimensions")))
        given_at = datum.get("Timestamp")
        point = self._recorder.point(
            of, datum["MetricName"], unit=datum.get("Unit") or NO_UNIT, unix_seconds=now if given_at is None else given_at.timestamp()
        )
        summary = datum.get("StatisticValues")
        if summary is not None:
            point.add_summary(count=summary["SampleCount"], total=summary["Sum"], minimum=summary["Minimum"], maximum=summary["Maximum"])
            return
        values = datum.get("Values") or [datum["Value"]]
        for value, weight in zip(values, datum.get("Counts") or [1.0] * len(values), strict=True):
            point.add(value, weight)

    async def _existing(self, call: CallContext, queries: list[MetricQuery]) -> list[MetricQuery]:
        """Queries for another unit than a metric has find nothing: they become those for a metric that is not there."""
        checked = []
        for query in queries:
            if query.unit is not None and query.expression is None:
                unit = (await self._units(query.metric_set(call.caller.scope))).get(query.name)
                if not unit_matches(query.unit, unit):
                    checked.append(MetricQuery(id=query.id, statistic=query.statistic, period_seconds=query.period_seconds))
                    continue
            checked.append(query)
        return checked

    async def _units(self, of: MetricSet) -> dict[str, str]:
        known = await self._source.find_known(of)
        return {} if known is None else known.units


def _has_dimensions(known: KnownMetrics, filters: list[tuple[str, str | None]]) -> bool:
    dimensions = dict(known.of.dimensions)
    return all(name in dimensions and value in {None, dimensions[name]} for name, value in filters)


def _span(parameters: Members) -> Span:
    """Times are rounded down to the minute: values are kept so."""
    start, end = parameters["StartTime"].timestamp(), parameters["EndTime"].timestamp()
    if start >= end:
        raise validation_error("The parameter StartTime must be less than the parameter EndTime.")
    first = max(int(start), 0) // MINUTE_SECONDS * MINUTE_SECONDS
    last = max(math.ceil(end / MINUTE_SECONDS) * MINUTE_SECONDS, first + MINUTE_SECONDS)
    if (last - first) // MINUTE_SECONDS > _PERIODS_MAX * MINUTE_SECONDS:
        raise validation_error("The time range is too long.")
    return Span(first, last)


def _check_datum(datum: Members, path: str, now: float) -> None:
    kinds = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(kinds) != 1:
        raise ApiError(
            code="InvalidParameterCombinationException",
            message=f"Exactly one of the parameters {path}.Value, {path}.Values and {path}.StatisticValues must be specified.",
        )
    given_at = datum.get("Timestamp")
    if given_at is not None and not now - _PAST_MAX_SECONDS <= given_at.timestamp() <= now + _FUTURE_MAX_SECONDS:
        raise invalid_value(
            f"The parameter {path}.Timestamp must specify a time no more than two weeks in the past and two hours in the future."
        )
    summary = datum.get("StatisticValues") or {}
    counts, values = datum.get("Counts"), datum.get("Values")
    if values is not None and (len(values) > _VALUES_MAX or (counts is not None and len(counts) != len(values))):
        raise invalid_value(f"{path}.Values and {path}.Counts must be of the same size and have at most {_VALUES_MAX} members.")
    for value in (datum.get("Value", 0.0), *(values or ()), *(counts or ()), *summary.values()):
        if not math.isfinite(value) or abs(value) > _VALUE_MAX:
            raise invalid_value(f"The value {value} for parameter {path}.Value is invalid.")
    if any(count < 0 for count in counts or ()) or (summary and (summary["SampleCount"] <= 0 or summary["Minimum"] > summary["Maximum"])):
        raise invalid_value(f"The values of {path} do not fit together.")
