"""When schedules are due, and what becomes of times at which nothing ran."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alonzo.model.scope import Scope
from alonzo.triggers.schedule import Progress, Schedule, after_time, begin, due_time

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


def a_schedule(expression: str = "rate(1 hour)", **members: Any) -> Schedule:
    kind = members.pop("kind", "schedule")
    return Schedule(kind=kind, arn="arn", scope=Scope("0" * 12, "us-east-1"), name="n", expression=expression, targets=[], **members)


def progress(**members: Any) -> Progress:
    return begin(a_schedule(**members), now=NOW)


def test_a_rule_waits_for_its_first_period_and_a_schedule_does_not() -> None:
    assert progress(kind="rule").next_at == NOW + HOUR
    assert progress().next_at == NOW
    assert progress(starts_at=NOW + 90).next_at == NOW + 90
    assert progress(starts_at=NOW - 90).next_at == NOW - 90 + HOUR


def test_nothing_is_due_after_the_end() -> None:
    last = progress(ends_at=NOW + HOUR)
    last = after_time(last, passed_at=NOW)
    assert last.next_at == NOW + HOUR
    assert after_time(last, passed_at=NOW + HOUR).next_at is None
    assert progress(starts_at=NOW + DAY, ends_at=NOW + HOUR).next_at is None


@pytest.mark.parametrize(("seconds_ago", "is_due"), [(-10, True), (10, True), (59, True), (61, False)])
def test_a_single_time_that_is_a_little_past_still_counts(seconds_ago: int, is_due: bool) -> None:
    at = NOW - seconds_ago
    expression = f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})"
    assert progress(expression=expression, ends_at=NOW - DAY).next_at == (at if is_due else None)


def test_what_is_a_little_late_is_not_skipped() -> None:
    begun = progress(expression="rate(1 minute)")
    assert due_time(begun, now=NOW + 60) == NOW


@pytest.mark.parametrize(
    ("expression", "hours_late", "expected"),
    [
        ("rate(1 hour)", 5.5, 5.0),
        ("rate(2 hours)", 5.5, 4.0),
        ("rate(7 days)", 23.0, 0.0),
        ("rate(7 days)", 25.0, None),
        ("rate(1 hour)", 240.5, 240.0),
    ],
)
def test_of_missed_times_the_latest_is_made_up_for(expression: str, hours_late: float, expected: float | None) -> None:
    due = due_time(progress(expression=expression), now=NOW + hours_late * HOUR)
    assert due == (None if expected is None else NOW + expected * HOUR)


def test_after_the_end_the_latest_before_it_is_made_up_for() -> None:
    begun = progress(ends_at=NOW + 2.5 * HOUR)
    due = due_time(begun, now=NOW + 5 * HOUR)
    assert due == NOW + 2 * HOUR
    assert after_time(begun, passed_at=due).next_at is None


def test_a_window_has_one_place_for_each_time() -> None:
    begun = progress(window_minutes=15)
    places = {after_time(begun, passed_at=NOW + hour * HOUR).fires_at for hour in range(20)}
    assert begun.fires_at is not None
    assert NOW <= begun.fires_at < NOW + 15 * MINUTE
    assert len({place % HOUR for place in places if place is not None}) > 10
    assert after_time(begun, passed_at=NOW).fires_at == after_time(begun, passed_at=NOW).fires_at
