"""Which state an alarm gets: the examples of AWS's page on missing data, and its words.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html.
"""

from typing import Any

import msgspec
import pytest

from alonzo.model.scope import Scope
from alonzo.observe.metrics.queries import MetricQuery
from alonzo.triggers.alarms.evaluation import judge, reason_of
from alonzo.triggers.alarms.records import Alarm, AlarmState, Missing, StateChange

OK, ALARM, INSUFFICIENT = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
_VALUES = {"0": 0.0, "X": 9.0, "-": None}
RETAIN = INSUFFICIENT
"""The state in which alarms of these tests are before."""


def an_alarm(**changes: Any) -> Alarm:
    query = MetricQuery(id="m1", namespace="N", name="m", statistic="Sum", period_seconds=60)
    alarm = Alarm(
        scope=Scope("000000000000", "us-east-1"),
        name="a",
        queries=(query,),
        period_seconds=60,
        evaluation_periods=3,
        threshold=5.0,
        operator="GreaterThanThreshold",
        configured_at=0.0,
        state=StateChange(state=RETAIN, reason="", at=0.0, since=0.0),
    )
    return msgspec.structs.replace(alarm, **changes)


def points(text: str) -> list[tuple[int, float | None]]:
    return [(1_700_000_040 + 60 * index, _VALUES[each]) for index, each in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", OK, OK, OK, OK),
        ("- - - - 0", OK, OK, OK, OK),
        ("- - - - -", INSUFFICIENT, RETAIN, ALARM, OK),
        ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
        ("- - X - -", ALARM, RETAIN, ALARM, OK),
    ],
)
def test_missing_data_of_three_out_of_three(
    text: str, missing: AlarmState, ignore: AlarmState, breaching: AlarmState, not_breaching: AlarmState
) -> None:
    wanted = {Missing.MISSING: missing, Missing.IGNORE: ignore, Missing.BREACHING: breaching, Missing.NOT_BREACHING: not_breaching}
    assert {each: judge(an_alarm(missing=each), points(text)).state for each in Missing} == wanted


@pytest.mark.parametrize(("text", "expected"), [("0 0 X 0 X", ALARM), ("0 0 X 0 0", OK), ("X X 0 0 0", OK), ("0 X - X -", ALARM)])
def test_two_out_of_three(text: str, expected: AlarmState) -> None:
    assert judge(an_alarm(datapoints_to_alarm=2), points(text)).state is expected


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        ("GreaterThanThreshold", [6.0]),
        ("GreaterThanOrEqualToThreshold", [5.0, 6.0]),
        ("LessThanThreshold", [4.0]),
        ("LessThanOrEqualToThreshold", [4.0, 5.0]),
    ],
)
def test_operators(operator: str, breaching: list[float]) -> None:
    alarm = an_alarm(operator=operator, evaluation_periods=1)
    found = [value for value in (4.0, 5.0, 6.0) if judge(alarm, [(0, None), (60, None), (120, value)]).state is ALARM]
    assert found == breaching


def test_reasons_are_in_aws_words() -> None:
    alarm = an_alarm(evaluation_periods=1)
    crossed = "Threshold Crossed: 1 out of the last 1 datapoints"
    assert reason_of(alarm, judge(alarm, points("0 0 X"))) == (
        f"{crossed} [9.0 (14/11/23 22:16:00)] was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert reason_of(alarm, judge(alarm, points("X X 0"))) == (
        f"{crossed} [0.0 (14/11/23 22:16:00)] was not greater than the threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert reason_of(alarm, judge(alarm, points("- - -"))) == "Insufficient Data: 1 datapoint was unknown."
