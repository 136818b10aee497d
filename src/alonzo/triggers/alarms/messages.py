"""What those are told whom an alarm calls: topics and functions.

Sources: a notification as AWS sends it, https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html, and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html, and of events
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html.
"""

from typing import Any

import msgspec

from alonzo.observe.metrics.queries import MetricQuery
from alonzo.triggers.alarms.evaluation import amazon_time
from alonzo.triggers.alarms.records import Alarm, StateChange

EVENT_SOURCE = "aws.cloudwatch"
EVENT_TYPE = "CloudWatch Alarm State Change"

_SIMPLE = {"Sum": "SUM", "Average": "AVERAGE", "Minimum": "MINIMUM", "Maximum": "MAXIMUM", "SampleCount": "SAMPLE_COUNT"}


def subject_of(alarm: Alarm) -> str:
    """Of a message to a topic."""
    return f'{alarm.state.state.value}: "{alarm.name}" in {alarm.scope.region}'[:100]


def topic_message(alarm: Alarm, previous: StateChange) -> str:
    """What subscribers of a topic get."""
    scope, state = alarm.scope, alarm.state
    return _json(
        {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": scope.account_id,
            "AlarmConfigurationUpdatedTimestamp": amazon_time(alarm.configured_at),
            "NewStateValue": state.state.value,
            "NewStateReason": state.reason,
            "StateChangeTime": amazon_time(state.at),
            "Region": scope.region,
            "AlarmArn": alarm.arn,
            "OldStateValue": previous.state.value,
            "OKActions": alarm.ok_actions,
            "AlarmActions": alarm.alarm_actions,
            "InsufficientDataActions": alarm.insufficient_data_actions,
            "Trigger": _trigger(alarm),
        }
    )


def function_event(alarm: Alarm, previous: StateChange) -> str:
    """What a function gets."""
    return _json(
        {
            "source": EVENT_SOURCE,
            "alarmArn": alarm.arn,
            "accountId": alarm.scope.account_id,
            "time": amazon_time(alarm.state.at),
            "region": alarm.scope.region,
            "alarmData": _change(alarm, previous),
        }
    )


def bus_event(alarm: Alarm, previous: StateChange) -> str:
    """The detail of the event on the account's bus."""
    return _json(_change(alarm, previous))


def _change(alarm: Alarm, previous: StateChange) -> dict[str, Any]:
    return {
        "alarmName": alarm.name,
        "state": _state(alarm.state),
        "previousState": _state(previous),
        "configuration": {
            **({} if alarm.description is None else {"description": alarm.description}),
            "metrics": [_metric(query) for query in alarm.queries],
        },
    }


def _trigger(alarm: Alarm) -> dict[str, Any]:
    common = {
        "Period": alarm.period_seconds,
        "EvaluationPeriods": alarm.evaluation_periods,
        **({} if alarm.datapoints_to_alarm is None else {"DatapointsToAlarm": alarm.datapoints_to_alarm}),
        "ComparisonOperator": alarm.operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": "" if alarm.missing is None else alarm.missing.value,
        "EvaluateLowSampleCountPercentile": alarm.low_samples or "",
    }
    if alarm.is_math:
        return {**common, "Metrics": [_metric(query) for query in alarm.queries]}
    query = alarm.watched
    statistic = (
        {"StatisticType": "Statistic", "Statistic": _SIMPLE[query.statistic]}
        if query.statistic in _SIMPLE
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": query.statistic}
    )
    dimensions = [{"value": value, "name": name} for name, value in query.dimensions]
    return {"MetricName": query.name, "Namespace": query.namespace, **statistic, "Unit": alarm.unit, "Dimensions": dimensions, **common}


def _metric(query: MetricQuery) -> dict[str, Any]:
    label = {} if query.label is None else {"label": query.label}
    if query.expression is not None:
        return {"id": query.id, "expression": query.expression, **label, "returnData": query.returns}
    metric = {"namespace": query.namespace, "name": query.name, "dimensions": dict(query.dimensions)}
    stat = {"metric": metric, "period": query.period_seconds, "stat": query.statistic}
    return {"id": query.id, "metricStat": stat, **label, "returnData": query.returns}


def _state(change: StateChange) -> dict[str, Any]:
    data = {} if change.data is None else {"reasonData": change.data}
    return {"value": change.state.value, "reason": change.reason, **data, "timestamp": amazon_time(change.at)}


def _json(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()
