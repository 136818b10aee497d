"""What requests of CloudWatch have in common: dimensions, queries, pages, errors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from alonzo.aws.api_error import ApiError
from alonzo.observe.metrics.expressions import BadExpression
from alonzo.observe.metrics.queries import MetricQuery
from alonzo.observe.metrics.recorder import NO_UNIT, Dimensions
from alonzo.observe.metrics.statistics import UnknownStatistic, parse_statistic

Members = dict[str, Any]


def dimensions_of(given: Sequence[Members] | None) -> Dimensions:
    """Dimensions in the order that makes them comparable."""
    return tuple(sorted({each["Name"]: each["Value"] for each in given or ()}.items()))


def described_dimensions(dimensions: Dimensions) -> list[Members]:
    """As answers have them."""
    return [{"Name": name, "Value": value} for name, value in dimensions]


def query_of(given: Members) -> MetricQuery:
    """A `MetricDataQuery`. ApiError."""
    stat, expression = given.get("MetricStat"), given.get("Expression")
    if (stat is None) == (expression is None):
        raise validation_error(f"Exactly one of MetricStat and Expression must be given for the query {given['Id']}.")
    returns = given.get("ReturnData", True)
    if stat is None:
        return MetricQuery(
            id=given["Id"], expression=expression, label=given.get("Label"), returns=returns, period_seconds=given.get("Period") or 0
        )
    metric = stat["Metric"]
    check_statistic(stat["Stat"], "Stat")
    return MetricQuery(
        id=given["Id"],
        namespace=metric.get("Namespace") or "",
        name=metric.get("MetricName") or "",
        dimensions=dimensions_of(metric.get("Dimensions")),
        statistic=stat["Stat"],
        unit=stat.get("Unit"),
        period_seconds=check_period(stat["Period"]),
        label=given.get("Label"),
        returns=returns,
    )


def described_query(query: MetricQuery) -> Members:
    """As answers have it."""
    described: Members = {"Id": query.id, "Label": query.label, "ReturnData": query.returns}
    if query.expression is not None:
        return described | {"Expression": query.expression, "Period": query.period_seconds or None}
    metric = {"Namespace": query.namespace, "MetricName": query.name, "Dimensions": described_dimensions(query.dimensions)}
    return described | {
        "MetricStat": {"Metric": metric, "Period": query.period_seconds, "Stat": query.statistic, "Unit": query.unit},
    }


def check_period(period: int) -> int:
    """Source: API_MetricStat, `Period`."""
    if period in {1, 5, 10, 20, 30} or (period > 0 and period % 60 == 0):
        return period
    raise validation_error("Period must be 1, 5, 10, 20, 30, or a multiple of 60")


def check_statistic(name: str, parameter: str) -> str:
    """Whether there is one of that name. ApiError."""
    try:
        parse_statistic(name)
    except UnknownStatistic as error:
        raise invalid_value(f"The value {name} for parameter {parameter} is not supported.") from error
    return name


def unit_matches(wanted: str | None, known: str | None) -> bool:
    """Whether values of a metric are asked for that has that unit."""
    return wanted is None or wanted == (known or NO_UNIT)


def page(items: Sequence[Any], token: str | None, size: int) -> tuple[Sequence[Any], str | None]:
    """A page of them, and the token of the next."""
    start = 0
    if token:
        if not (token.isascii() and token.isdigit()):
            raise ApiError(code="InvalidNextToken", message="The value of the next token is invalid.")
        start = int(token)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None


def moment(unix_seconds: float) -> datetime:
    """As answers have times."""
    return datetime.fromtimestamp(unix_seconds, UTC)


def validation_error(message: str) -> ApiError:
    """Members that do not fit together."""
    return ApiError(code="ValidationError", message=message, http_status=400)


def invalid_value(message: str) -> ApiError:
    """A value that may not be."""
    return ApiError(code="InvalidParameterValueException", message=message)


def bad_expression(error: BadExpression) -> ApiError:
    """Math that cannot be done."""
    return validation_error(f"Error in expression: {error}")
