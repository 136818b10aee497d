"""The part of CloudWatch's API about metric alarms.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html and those beside it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from alonzo.aws.api_error import ApiError
from alonzo.clock import Clock
from alonzo.edge.cloudwatch.parameters import (
    Members,
    check_period,
    check_statistic,
    described_dimensions,
    described_query,
    dimensions_of,
    invalid_value,
    moment,
    page,
    query_of,
    validation_error,
)
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.model.scope import Scope
from alonzo.observe.metrics.queries import MetricQuery
from alonzo.observe.metrics.recorder import MINUTE_SECONDS
from alonzo.triggers.alarms.alarms import Alarms
from alonzo.triggers.alarms.evaluation import OPERATORS
from alonzo.triggers.alarms.records import Alarm, AlarmState, Missing, StateChange

_SIMPLE = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})
_EVALUATED_MAX_SECONDS = 7 * 86_400
_EVALUATED_SHORT_MAX_SECONDS = 86_400
_TAGS_MAX = 50
_PAGE = 50
_NO_COMPOSITE = frozenset({"CompositeAlarm", "LogAlarm"})


class AlarmOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, alarms: Alarms, clock: Clock) -> None:
        self._alarms = alarms
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `cloudwatch` model."""
        return {
            "PutMetricAlarm": self.put_metric_alarm,
            "PutCompositeAlarm": self.put_composite_alarm,
            "DescribeAlarms": self.describe_alarms,
            "DescribeAlarmsForMetric": self.describe_alarms_for_metric,
            "DescribeAlarmHistory": self.describe_alarm_history,
            "DeleteAlarms": self.delete_alarms,
            "SetAlarmState": self.set_alarm_state,
            "EnableAlarmActions": self.enable_alarm_actions,
            "DisableAlarmActions": self.disable_alarm_actions,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    async def put_metric_alarm(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        now = self._clock.unix_ms() / 1_000
        await self._alarms.put(_alarm_of(call.caller.scope, parameters, now))
        return {}

    async def put_composite_alarm(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        del call, parameters
        raise ApiError(code="NotImplementedException", message="Alonzo evaluates metric alarms, and no composite ones.", http_status=501)

    async def describe_alarms(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        types = parameters.get("AlarmTypes") or ["MetricAlarm"]
        if set(types) <= _NO_COMPOSITE or parameters.get("ChildrenOfAlarmName") or parameters.get("ParentsOfAlarmName"):
            return {"MetricAlarms": [], "CompositeAlarms": []}
        names, prefix = parameters.get("AlarmNames"), parameters.get("AlarmNamePrefix") or ""
        if names and prefix:
            raise validation_error("AlarmNames and AlarmNamePrefix cannot be given together.")
        state, action_prefix = parameters.get("StateValue"), parameters.get("ActionPrefix") or ""
        found = [
            alarm
            for alarm in self._alarms.iter_all(call.caller.scope)
            if (not names or alarm.name in names)
            and alarm.name.startswith(prefix)
            and state in {None, alarm.state.state.value}
            and (not action_prefix or any(arn.startswith(action_prefix) for each in AlarmState for arn in alarm.actions_for(each)))
        ]
        alarms, next_token = page(found, parameters.get("NextToken"), parameters.get("MaxRecords") or _PAGE)
        return {"MetricAlarms": [_described(alarm) for alarm in alarms], "CompositeAlarms": [], "NextToken": next_token}

    async def describe_alarms_for_metric(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        dimensions, period = dimensions_of(parameters.get("Dimensions")), parameters.get("Period")
        statistic = parameters.get("Statistic") or parameters.get("ExtendedStatistic")
        found = [
            _described(alarm)
            for alarm in self._alarms.iter_all(call.caller.scope)
            if not alarm.is_math
            and (alarm.watched.namespace, alarm.watched.name) == (parameters["Namespace"], parameters["MetricName"])
            and alarm.watched.dimensions == dimensions
            and period in {None, alarm.period_seconds}
            and statistic in {None, alarm.watched.statistic}
        ]
        return {"MetricAlarms": found}

    async def describe_alarm_history(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        name, kind = parameters.get("AlarmName"), parameters.get("HistoryItemType")
        start, end = parameters.get("StartDate"), parameters.get("EndDate")
        items = [
            (alarm.name, item)
            for alarm in self._alarms.iter_all(call.caller.scope)
            if name in {None, alarm.name}
            for item in alarm.history
            if kind in {None, item.kind} and (start is None or item.at >= start.timestamp()) and (end is None or item.at <= end.timestamp())
        ]
        items.sort(key=lambda named: named[1].at, reverse=parameters.get("ScanBy", "TimestampDescending") == "TimestampDescending")
        shown, next_token = page(items, parameters.get("NextToken"), parameters.get("MaxRecords") or _PAGE)
        described = [
            {
                "AlarmName": alarm_name,
                "AlarmType": "MetricAlarm",
                "Timestamp": moment(item.at),
                "HistoryItemType": item.kind,
                "HistorySummary": item.summary,
                "HistoryData": item.data,
            }
            for alarm_name, item in shown
        ]
        return {"AlarmHistoryItems": described, "NextToken": next_token}

    async def delete_alarms(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        for name in parameters["AlarmNames"]:
            alarm = self._alarms.find(call.caller.scope, name)
            if alarm is not None:
                await self._alarms.delete(alarm)
        return {}

    async def set_alarm_state(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        alarm = self._alarms.find(call.caller.scope, parameters["AlarmName"])
        if alarm is None:
            raise ApiError(code="ResourceNotFound", message="")
        data = parameters.get("StateReasonData")
        if data is not None:
            try:
                msgspec.json.decode(data)
            except (msgspec.DecodeError, RecursionError) as error:
                raise ApiError(code="InvalidFormatFault", message="StateReasonData is not valid JSON") from error
        await self._alarms.set_state(alarm, AlarmState(parameters["StateValue"]), parameters["StateReason"], data)
        return {}

    async def enable_alarm_actions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._change_all(call, parameters["AlarmNames"], lambda alarm: msgspec.structs.replace(alarm, actions_enabled=True))

    async def disable_alarm_actions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return await self._change_all(call, parameters["AlarmNames"], lambda alarm: msgspec.structs.replace(alarm, actions_enabled=False))

    async def tag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        alarm = self._tagged(call, parameters)
        tags = alarm.tags | {tag["Key"]: tag["Value"] for tag in parameters["Tags"]}
        if len(tags) > _TAGS_MAX:
            raise invalid_value(f"A resource has at most {_TAGS_MAX} tags.")
        await self._alarms.change(alarm, lambda current: msgspec.structs.replace(current, tags=tags))
        return {}

    async def untag_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        alarm = self._tagged(call, parameters)
        tags = {key: value for key, value in alarm.tags.items() if key not in parameters["TagKeys"]}
        await self._alarms.change(alarm, lambda current: msgspec.structs.replace(current, tags=tags))
        return {}

    async def list_tags_for_resource(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(self._tagged(call, parameters).tags.items())]}

    async def _change_all(self, call: CallContext, names: list[str], change: Callable[[Alarm], Alarm]) -> Members:
        for name in names:
            alarm = self._alarms.find(call.caller.scope, name)
            if alarm is not None:
                await self._alarms.change(alarm, change)
        return {}

    def _tagged(self, call: CallContext, parameters: dict[str, Any]) -> Alarm:
        alarm = self._alarms.find(call.caller.scope, parameters["ResourceARN"].rpartition(":alarm:")[2])
        if alarm is None or alarm.arn != parameters["ResourceARN"]:
            raise ApiError(code="ResourceNotFoundException", message="Unknown resource")
        return alarm


def _alarm_of(scope: Scope, parameters: Members, now: float) -> Alarm:
    operator = parameters.get("ComparisonOperator")
    if operator not in OPERATORS or parameters.get("Threshold") is None:
        raise validation_error("Alonzo evaluates alarms with a Threshold and a ComparisonOperator, not with bands of expected values.")
    periods = parameters.get("EvaluationPeriods") or 0
    needed = parameters.get("DatapointsToAlarm")
    if periods < 1:
        raise validation_error("EvaluationPeriods must be at least 1")
    if needed is not None and not 1 <= needed <= periods:
        raise validation_error("DatapointsToAlarm must be between 1 and EvaluationPeriods")
    queries, is_math = _queries(parameters)
    period = max((query.period_seconds for query in queries), default=0) or MINUTE_SECONDS
    limit = _EVALUATED_MAX_SECONDS if period >= 3_600 else _EVALUATED_SHORT_MAX_SECONDS  # noqa: PLR2004 - an hour
    if period * periods > limit:
        raise validation_error(f"Metrics cannot be checked across more than {'a week' if limit > 86_400 else 'a day'}")  # noqa: PLR2004
    missing = parameters.get("TreatMissingData")
    if missing is not None and missing not in set(Missing):
        raise validation_error(f"Option {missing} for parameter TreatMissingData is not supported")
    return Alarm(
        scope=scope,
        name=parameters["AlarmName"],
        description=parameters.get("AlarmDescription"),
        queries=queries,
        is_math=is_math,
        period_seconds=period,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        threshold=parameters["Threshold"],
        operator=operator,
        missing=None if missing is None else Missing(missing),
        low_samples=parameters.get("EvaluateLowSampleCountPercentile"),
        unit=parameters.get("Unit"),
        actions_enabled=parameters.get("ActionsEnabled", True),
        ok_actions=tuple(parameters.get("OKActions") or ()),
        alarm_actions=tuple(parameters.get("AlarmActions") or ()),
        insufficient_data_actions=tuple(parameters.get("InsufficientDataActions") or ()),
        configured_at=now,
        state=StateChange(state=AlarmState.INSUFFICIENT_DATA, reason="Unchecked: Initial alarm creation", at=now, since=now),
        tags={tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or ()},
    )


def _queries(parameters: Members) -> tuple[tuple[MetricQuery, ...], bool]:
    given = parameters.get("Metrics")
    if given:
        queries = tuple(query_of(each) for each in given)
        if sum(query.returns for query in queries) != 1:
            raise validation_error("Exactly one element of the metrics list should return data.")
        return queries, True
    for name in ("MetricName", "Namespace", "Period"):
        if not parameters.get(name):
            raise validation_error(f"The parameter {name} is required.")
    statistic, extended = parameters.get("Statistic"), parameters.get("ExtendedStatistic")
    if (statistic is None) == (extended is None):
        raise validation_error("Exactly one of Statistic and ExtendedStatistic must be given.")
    query = MetricQuery(
        id="m1",
        namespace=parameters["Namespace"],
        name=parameters["MetricName"],
        dimensions=dimensions_of(parameters.get("Dimensions")),
        statistic=statistic or check_statistic(extended or "", "ExtendedStatistic"),
        unit=parameters.get("Unit"),
        period_seconds=check_period(parameters["Period"]),
    )
    return (query,), False


def _described(alarm: Alarm) -> Members:
    described: Members = {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured_at),
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": list(alarm.ok_actions),
        "AlarmActions": list(alarm.alarm_actions),
        "InsufficientDataActions": list(alarm.insufficient_data_actions),
        "StateValue": alarm.state.state.value,
        "StateReason": alarm.state.reason,
        "StateReasonData": alarm.state.data,
        "StateUpdatedTimestamp": moment(alarm.state.at),
        "StateTransitionedTimestamp": moment(alarm.state.since),
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "Threshold": alarm.threshold,
        "ComparisonOperator": alarm.operator,
        "TreatMissingData": None if alarm.missing is None else alarm.missing.value,
        "EvaluateLowSampleCountPercentile": alarm.low_samples,
    }
    if alarm.is_math:
        return described | {"Metrics": [described_query(query) for query in alarm.queries]}
    query = alarm.watched
    return described | {
        "MetricName": query.name,
        "Namespace": query.namespace,
        "Statistic" if query.statistic in _SIMPLE else "ExtendedStatistic": query.statistic,
        "Dimensions": described_dimensions(query.dimensions),
        "Period": query.period_seconds,
        "Unit": alarm.unit,
    }
