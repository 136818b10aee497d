"""Which state an alarm is in, by its last periods: pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html, "Evaluating an alarm", and of the page on
missing data the tables of examples, which a test holds this to.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from alonzo.triggers.alarms.records import Alarm, AlarmState, Missing

_EXTRA_PERIODS = 2
"""So many more are looked at, in case that some have no values."""

_OPERATORS: Mapping[str, tuple[Callable[[float, float], bool], str]] = MappingProxyType(
    {
        "GreaterThanThreshold": (operator.gt, "greater than"),
        "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
        "LessThanThreshold": (operator.lt, "less than"),
        "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
    }
)
OPERATORS = frozenset(_OPERATORS)


class Verdict(msgspec.Struct, frozen=True):
    """The state that follows; `considered`: the values that it follows from, with the starts of their periods."""

    state: AlarmState
    considered: tuple[tuple[int, float], ...]


def range_periods(alarm: Alarm) -> int:
    """How many periods are looked at."""
    return alarm.evaluation_periods + _EXTRA_PERIODS


def judge(alarm: Alarm, points: Sequence[tuple[int, float | None]]) -> Verdict:
    """`points`: the value of each period of the range, the oldest first."""
    breaches = _OPERATORS[alarm.operator][0]
    wanted, needed = alarm.evaluation_periods, alarm.datapoints_to_alarm or alarm.evaluation_periods
    real = tuple((time, value) for time, value in points if value is not None)[-wanted:]
    missing = alarm.missing or Missing.MISSING
    if not real:
        return Verdict(_EMPTY.get(missing, alarm.state.state), ())
    count = sum(breaches(value, alarm.threshold) for _, value in real)
    filled = wanted - len(real)
    if count >= needed or (missing is Missing.BREACHING and filled and count + filled >= needed):
        return Verdict(AlarmState.ALARM, real)
    if filled and missing is Missing.IGNORE and count + filled >= needed:
        return Verdict(alarm.state.state, real)
    if filled and missing is Missing.MISSING and count == len(real):
        # The page's words: the oldest that breaches is as old as Datapoints to Alarm, and all after it breach or are missing.
        age = len(points) - next(index for index, (_, value) in enumerate(points) if value is not None)
        if age >= needed:
            return Verdict(AlarmState.ALARM, real)
    return Verdict(AlarmState.OK, real)


_EMPTY: Mapping[Missing, AlarmState] = MappingProxyType(
    {Missing.MISSING: AlarmState.INSUFFICIENT_DATA, Missing.BREACHING: AlarmState.ALARM, Missing.NOT_BREACHING: AlarmState.OK}
)


def reason_of(alarm: Alarm, verdict: Verdict) -> str:
    """As AWS words it."""
    wanted, needed = alarm.evaluation_periods, alarm.datapoints_to_alarm or alarm.evaluation_periods
    words = _OPERATORS[alarm.operator][1]
    if not verdict.considered:
        unknown = f"{wanted} datapoint{'s were' if wanted > 1 else ' was'} unknown"
        if verdict.state is AlarmState.INSUFFICIENT_DATA:
            return f"Insufficient Data: {unknown}."
        treated = "Breaching" if verdict.state is AlarmState.ALARM else "NonBreaching"
        missing = f"no datapoints were received for {wanted} period{'s' if wanted > 1 else ''}"
        return f"Threshold Crossed: {missing} and {wanted} missing datapoint{'s were' if wanted > 1 else ' was'} treated as [{treated}]."
    breaches = _OPERATORS[alarm.operator][0]
    is_alarm = verdict.state is AlarmState.ALARM
    fitting = [(time, value) for time, value in reversed(verdict.considered) if breaches(value, alarm.threshold) is is_alarm]
    shown = ", ".join(f"{value} ({datetime.fromtimestamp(time, UTC):%d/%m/%y %H:%M:%S})" for time, value in fitting)
    verb = "was" if len(fitting) == 1 else "were"
    minimum = needed if is_alarm else wanted - needed + 1
    return (
        f"Threshold Crossed: {len(fitting)} out of the last {wanted} datapoints [{shown}] {verb} {'' if is_alarm else 'not '}{words} the "
        f"threshold ({alarm.threshold}) (minimum {minimum} datapoint{'s' if minimum > 1 else ''} for "
        f"{'OK -> ALARM' if is_alarm else 'ALARM -> OK'} transition)."
    )


def reason_data_of(alarm: Alarm, verdict: Verdict, *, now: float) -> str:
    """The same as JSON."""
    watched = alarm.watched
    data = {
        "version": "1.0",
        "queryDate": amazon_time(now),
        "startDate": amazon_time(verdict.considered[0][0]) if verdict.considered else None,
        "statistic": watched.statistic or None,
        "period": alarm.period_seconds,
        "recentDatapoints": [value for _, value in verdict.considered],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [{"timestamp": amazon_time(time), "value": value} for time, value in reversed(verdict.considered)],
    }
    return msgspec.json.encode({name: value for name, value in data.items() if value is not None}).decode()


def amazon_time(unix_seconds: float) -> str:
    """As CloudWatch writes times: `2026-11-21T22:44:04.123+0000`."""
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03d}+0000"
