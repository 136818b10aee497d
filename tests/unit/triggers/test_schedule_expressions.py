"""Rates, times of day in time zones, and single times."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.triggers.errors import InvalidSchedule
from alonzo.triggers.schedule_expressions import parse_timing


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def times(expression: str, zone: str, after: str, count: int) -> list[str]:
    found = parse_timing(expression, zone=zone).upcoming(after=at(after), anchor_at=at(after), until=at("2199-12-31"))
    return [datetime.fromtimestamp(each, UTC).strftime("%Y-%m-%dT%H:%M") for each in islice(found, count)]


def test_a_rate_counts_from_its_anchor() -> None:
    timing = parse_timing("rate(5 minutes)")
    assert timing.next_after(99.0, anchor_at=100.0) == 100.0
    assert timing.next_after(100.0, anchor_at=100.0) == 400.0
    assert timing.next_after(399.9, anchor_at=100.0) == 400.0
    assert timing.latest(after=100.0, anchor_at=100.0, until=1_000.0) == 1_000.0
    assert timing.latest(after=100.0, anchor_at=100.0, until=399.0) is None


def test_times_of_day_follow_the_time_zone() -> None:
    assert times("cron(0 8 * * ? *)", "Europe/Zurich", "2026-10-23T12:00", 3) == [
        "2026-10-24T06:00",
        "2026-10-25T07:00",
        "2026-10-26T07:00",
    ]
    assert times("cron(0 8 ? * MON *)", "Asia/Kolkata", "2026-11-21", 2) == ["2026-11-23T02:30", "2026-11-30T02:30"]


def test_a_time_that_is_left_out_in_spring_is_skipped() -> None:
    """2026-03-29 in Zurich: 02:00 is 03:00."""
    assert times("cron(30 2 * * ? *)", "Europe/Zurich", "2026-03-27T12:00", 3) == [
        "2026-03-28T01:30",
        "2026-03-30T00:30",
        "2026-03-31T00:30",
    ]


def test_a_time_that_comes_twice_in_autumn_counts_once() -> None:
    """2026-10-25 in Zurich: 03:00 is 02:00."""
    assert times("cron(0/30 2 * * ? *)", "Europe/Zurich", "2026-10-24T12:00", 4) == [
        "2026-10-25T00:00",
        "2026-10-25T00:30",
        "2026-10-26T01:00",
        "2026-10-26T01:30",
    ]


def test_rates_know_nothing_of_summer_time() -> None:
    assert times("rate(1 day)", "Europe/Zurich", "2026-10-24T06:00", 2) == ["2026-10-25T06:00", "2026-10-26T06:00"]


def test_a_single_time_is_due_once() -> None:
    assert times("at(2026-12-24T18:00:00)", "America/New_York", "2026-01-01", 2) == ["2026-12-24T23:00"]
    assert times("at(2026-12-24T18:00:00)", "America/New_York", "2026-12-25", 2) == []
    assert times("at(2026-03-29T02:30:00)", "Europe/Zurich", "2026-01-01", 2) == ["2026-03-29T01:30"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "rate()", "rate(0 minutes)", "rate(-1 minutes)", "rate(1.5 hours)", "rate(5 seconds)", "rate(5  minutes)", "rate(5 weeks)"),
        *("at(2026-13-01T00:00:00)", "at(2026-12-24)", "at(2026-12-24T18:00:00Z)", "cron(0 8 * * *)", "0 8 * * ? *", " rate(1 minute)"),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_timing(text)


@pytest.mark.parametrize("text", ["rate(1 minutes)", "rate(5 minute)", "at(2026-12-24T18:00:00)"])
def test_rules_refuse_what_schedules_take(text: str) -> None:
    parse_timing(text)
    with pytest.raises(InvalidSchedule):
        parse_timing(text, for_rule=True)


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../etc/passwd", "/etc/passwd", "Europe", "UTC\0"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_timing("cron(0 8 * * ? *)", zone=zone)


@given(
    expression=st.sampled_from(["cron(*/10 * * * ? *)", "cron(30 1-3 * * ? *)", "rate(7 minutes)", "cron(0 0 ? * SUN *)"]),
    zone=st.sampled_from(["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]),
    after=st.integers(int(at("2005-01-01")), int(at("2040-01-01"))),
)
def test_times_go_forward_and_the_latest_is_one_of_them(expression: str, zone: str, after: int) -> None:
    timing = parse_timing(expression, zone=zone)
    found = list(islice(timing.upcoming(after=after, anchor_at=after, until=at("2199-01-01")), 20))
    assert found == sorted(set(found))
    assert all(each > after for each in found)
    assert timing.latest(after=after, anchor_at=after, until=found[-1] + 1) == found[-1]
