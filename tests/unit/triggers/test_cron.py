"""AWS's cron, against what its documentation says and against a plain search of every minute."""

import calendar
from datetime import datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.triggers.cron import parse_cron
from alonzo.triggers.errors import InvalidSchedule

START = datetime(2026, 11, 21, 12, 0)  # noqa: DTZ001 - on the wall


def times(text: str, count: int = 3, start: datetime = START) -> list[str]:
    return [found.strftime("%a %Y-%m-%d %H:%M") for found in islice(parse_cron(text).next_after(start), count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 10 * * ? *", ["Sun 2026-11-22 10:00", "Mon 2026-11-23 10:00", "Tue 2026-11-24 10:00"]),
        ("15 12 * * ? *", ["Sat 2026-11-21 12:15", "Sun 2026-11-22 12:15", "Mon 2026-11-23 12:15"]),
        ("0 18 ? * MON-FRI *", ["Mon 2026-11-23 18:00", "Tue 2026-11-24 18:00", "Wed 2026-11-25 18:00"]),
        ("0 8 1 * ? *", ["Tue 2026-12-01 08:00", "Fri 2027-01-01 08:00", "Mon 2027-02-01 08:00"]),
        ("0/15 * * * ? *", ["Sat 2026-11-21 12:15", "Sat 2026-11-21 12:30", "Sat 2026-11-21 12:45"]),
        ("*/20 12 * * ? *", ["Sat 2026-11-21 12:20", "Sat 2026-11-21 12:40", "Sun 2026-11-22 12:00"]),
        ("0/5 8-17 ? * MON-FRI *", ["Mon 2026-11-23 08:00", "Mon 2026-11-23 08:05", "Mon 2026-11-23 08:10"]),
        ("0-15/10 8-8 ? * 2,3,4,5,6,7 *", ["Mon 2026-11-23 08:00", "Mon 2026-11-23 08:10", "Tue 2026-11-24 08:00"]),
        ("30 9 L * ? *", ["Mon 2026-11-30 09:30", "Thu 2026-12-31 09:30", "Sun 2027-01-31 09:30"]),
        ("30 9 LW * ? *", ["Mon 2026-11-30 09:30", "Thu 2026-12-31 09:30", "Fri 2027-01-29 09:30"]),
        ("0 9 3W * ? *", ["Thu 2026-12-03 09:00", "Mon 2027-01-04 09:00", "Wed 2027-02-03 09:00"]),
        ("0 9 1W AUG ? *", ["Mon 2027-08-02 09:00", "Tue 2028-08-01 09:00", "Wed 2029-08-01 09:00"]),
        ("15 10 ? * 6L 2026-2027", ["Fri 2026-11-27 10:15", "Fri 2026-12-25 10:15", "Fri 2027-01-29 10:15"]),
        ("0 9 ? * 2#1 *", ["Mon 2026-12-07 09:00", "Mon 2027-01-04 09:00", "Mon 2027-02-01 09:00"]),
        ("0 9 ? * TUE#5 *", ["Tue 2026-12-29 09:00", "Tue 2027-03-30 09:00", "Tue 2027-06-29 09:00"]),
        ("0 0 ? * L *", ["Sat 2026-11-28 00:00", "Sat 2026-12-05 00:00", "Sat 2026-12-12 00:00"]),
        ("0 0 29 FEB ? *", ["Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00", "Fri 2036-02-29 00:00"]),
        ("0 0 31 2 ? *", []),
        ("0 0 1 1 ? 2020", []),
        ("0 0 1 JAN ? 2199", ["Tue 2199-01-01 00:00"]),
    ],
)
def test_times_are_those_of_the_documentation(text: str, expected: list[str]) -> None:
    assert times(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * * *", "* * * * ? * *", "* * * * * *", "* * ? * ? *", "60 * * * ? *", "* 24 * * ? *", "* * 0 * ? *", "* * 32 * ? *"),
        *("* * * 13 ? *", "* * ? * 0 *", "* * ? * 8 *", "* * ? * -1 *", "* * * * ? 1969", "* * * * ? 2200", "*/0 * * * ? *"),
        *("5-1 * * * ? *", "a * * * ? *", "1, * * * ? *", "* * 32W * ? *", "* * W * ? *", "* * ? * 2#6 *", "* * ? * #2 *", "* * ? * 9L *"),
        *("1.5 * * * ? *", "0/5, 9-18, ?, *, MON-FRI, *", "* * ? * MON#X *", "٣ * * * ? *"),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse_cron(text)


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    """A field's text and what it means."""
    parts, values = [], set()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, high))
        text, meant = draw(
            st.sampled_from(
                [
                    ("*", range(low, high + 1)),
                    (str(first), [first]),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}/{step}", range(first, high + 1, step)),
                    (f"*/{step}", range(low, high + 1, step)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                ]
            )
        )
        parts.append(text)
        values.update(meant)
    return ",".join(parts), frozenset(values)


@given(
    minutes=fields(0, 59),
    hours=fields(0, 23),
    days=fields(1, 31),
    months=fields(1, 12),
    is_by_week=st.booleans(),
    weekdays=fields(1, 7),
    start=st.datetimes(START.replace(year=2000), START.replace(year=2100)),
)
def test_the_next_time_is_the_first_minute_that_all_fields_name(  # noqa: PLR0917
    minutes: tuple[str, frozenset[int]],
    hours: tuple[str, frozenset[int]],
    days: tuple[str, frozenset[int]],
    months: tuple[str, frozenset[int]],
    is_by_week: bool,
    weekdays: tuple[str, frozenset[int]],
    start: datetime,
) -> None:
    by_day = f"? {months[0]} {weekdays[0]}" if is_by_week else f"{days[0]} {months[0]} ?"
    cron = parse_cron(f"{minutes[0]} {hours[0]} {by_day} *")

    def is_day(day: datetime) -> bool:
        weekday = calendar.weekday(day.year, day.month, day.day)
        return day.month in months[1] and ((weekday + 1) % 7 + 1 in weekdays[1] if is_by_week else day.day in days[1])

    found = next(cron.next_after(start), None)
    minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(200_000):
        if not is_day(minute):
            minute = minute.replace(hour=0, minute=0) + timedelta(days=1)
        elif minute.hour not in hours[1]:
            minute = minute.replace(minute=0) + timedelta(hours=1)
        elif minute.minute not in minutes[1]:
            minute += timedelta(minutes=1)
        else:
            assert found == minute
            return
        if minute.year > start.year + 9:
            assert found is None or found >= minute
            return


@given(st.text(alphabet="0123456789*,-/?LW#MONJA ", max_size=30))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    try:
        cron = parse_cron(text)
    except InvalidSchedule:
        return
    for found in islice(cron.next_after(START), 2):
        assert found > START
