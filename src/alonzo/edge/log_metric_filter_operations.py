"""The part of the CloudWatch Logs API with which metrics are counted of log events, and filter patterns tried.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html.
"""

from typing import Any

from alonzo.clock import Clock
from alonzo.edge.log_requests import checked_pattern, group_of, invalid, offset_of
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.log_group import MetricFilter
from alonzo.model.scope import Scope
from alonzo.observe.metrics.from_logs import DimensionsUnsupported, LogMetricReader, MetricTransformationInvalid
from alonzo.triggers.log_groups import LogGroups

_LIMIT = 50
_ABSENT = {
    "applyOnTransformedLogs": "Alonzo does not transform log events.",
    "fieldSelectionCriteria": "Metric filters of Alonzo have events of one account and region only: there is nothing to select.",
    "emitSystemFieldDimensions": "Metric filters of Alonzo have events of one account and region only: there are no such dimensions.",
}
Members = dict[str, Any]


class LogMetricFilterOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, groups: LogGroups, clock: Clock) -> None:
        self._groups = groups
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `logs` model."""
        return {
            "DeleteMetricFilter": self.delete_metric_filter,
            "DescribeMetricFilters": self.describe_metric_filters,
            "PutMetricFilter": self.put_metric_filter,
            "TestMetricFilter": self.test_metric_filter,
        }

    async def put_metric_filter(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, group, name = call.caller.scope, group_of(parameters), parameters["filterName"]
        for member, message in _ABSENT.items():
            if parameters.get(member):
                raise invalid(message)
        checked_pattern(parameters["filterPattern"])
        (transformation,) = parameters["metricTransformations"]
        earlier = next((each for each in self._groups.metric_filters_of(scope, group) if each.name == name), None)
        new = MetricFilter(
            name=name,
            pattern=parameters["filterPattern"],
            created_unix_ms=self._clock.unix_ms() if earlier is None else earlier.created_unix_ms,
            metric=transformation["metricName"],
            namespace=transformation["metricNamespace"],
            value=transformation["metricValue"],
            default=transformation.get("defaultValue"),
            dimensions=transformation.get("dimensions") or {},
            unit=transformation.get("unit"),
        )
        try:
            LogMetricReader(new)
        except (MetricTransformationInvalid, DimensionsUnsupported) as error:
            raise invalid(str(error)) from error
        await self._groups.put_metric_filter(scope, group, new)
        return {}

    async def describe_metric_filters(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        scope, metric, namespace = call.caller.scope, parameters.get("metricName"), parameters.get("metricNamespace")
        if (metric is None) != (namespace is None):
            raise invalid("metricName and metricNamespace must be specified together.")
        prefix = parameters.get("filterNamePrefix") or ""
        found = [
            (each.name, group, each)
            for group, filters in await self._filters(scope, parameters)
            for each in filters
            if each.name.startswith(prefix) and (metric is None or (each.metric, each.namespace) == (metric, namespace))
        ]
        found.sort(key=lambda each: each[:2])
        start, limit = offset_of(parameters.get("nextToken")), parameters.get("limit") or _LIMIT
        return {
            "metricFilters": [_described(group, each) for _, group, each in found[start : start + limit]],
            "nextToken": str(start + limit) if start + limit < len(found) else None,
        }

    async def delete_metric_filter(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._groups.delete_metric_filter(call.caller.scope, group_of(parameters), parameters["filterName"])
        return {}

    async def test_metric_filter(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        del call
        pattern = checked_pattern(parameters["filterPattern"])
        matches = []
        for number, message in enumerate(parameters["logEventMessages"], start=1):
            found = pattern.match(message)
            if found is not None:
                extracted = {name if name.startswith("$") else f"${name}": value for name, value in found.items()}
                matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": extracted})
        return {"matches": matches}

    async def _filters(self, scope: Scope, parameters: dict[str, Any]) -> list[tuple[str, tuple[MetricFilter, ...]]]:
        if parameters.get("logGroupName") is None:
            return [(group, kept.metric_filters) for of, group, kept in self._groups.iter_kept() if of == scope]
        group = group_of(parameters)
        await self._groups.check_group(scope, group)
        return [(group, self._groups.metric_filters_of(scope, group))]


def _described(group: str, each: MetricFilter) -> Members:
    transformation: Members = {"metricName": each.metric, "metricNamespace": each.namespace, "metricValue": each.value}
    if each.default is not None:
        transformation["defaultValue"] = each.default
    if each.dimensions:
        transformation["dimensions"] = each.dimensions
    if each.unit is not None:
        transformation["unit"] = each.unit
    return {
        "filterName": each.name,
        "filterPattern": each.pattern,
        "metricTransformations": [transformation],
        "creationTime": each.created_unix_ms,
        "logGroupName": group,
        "applyOnTransformedLogs": False,
    }
