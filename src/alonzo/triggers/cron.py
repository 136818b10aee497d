"""AWS's dialect of cron: `cron(minutes hours day-of-month month day-of-week year)`, with `?`, `L`, `W` and `#`.

Times here are those of a clock on the wall, to the minute; time zones are none of its business.
Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based and
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from alonzo.triggers.errors import InvalidSchedule

YEAR_MIN, YEAR_MAX = 1970, 2199
_FIELDS = 6
_MONTHS = {
    name: number for number, name in enumerate(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1)
}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_SATURDAY = 7
_DAYS_A_WEEK = 7
_WEEKS_MAX = 5
_FIRST_DAY_OF_WEEKEND = 5
"""Python counts from Monday, 0."""

_DIGITS = re.compile(r"[0-9]{1,4}")
_PART = re.compile(r"(?:\*|(?P<first>[0-9A-Z]+)(?:-(?P<last>[0-9A-Z]+))?)(?:/(?P<step>[0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]

    def number(self, text: str) -> int:
        number = self.names.get(text) or (int(text) if _DIGITS.fullmatch(text) else -1)
        if not self.low <= number <= self.high:
            raise InvalidSchedule(f"{text} is no value for {self.name}")
        return number

    def parse(self, text: str) -> frozenset[int]:
        """All values that a field names in the ways that all fields have in common."""
        values: set[int] = set()
        for part in text.split(","):
            match = _PART.fullmatch(part)
            if match is None:
                raise InvalidSchedule(f"{part!r} is no value for {self.name}")
            first, last, step = match["first"], match["last"], match["step"]
            start = self.low if first is None else self.number(first)
            is_open = first is None or step is not None
            end = self.number(last) if last is not None else self.high if is_open else start
            if end < start or (step is not None and int(step) < 1):
                raise InvalidSchedule(f"{part} is no value for {self.name}")
            values.update(range(start, end + 1, int(step or 1)))
        return frozenset(values)


_MINUTES = _Field("minutes", 0, 59, {})
_HOURS = _Field("hours", 0, 23, {})
_DAY_OF_MONTH = _Field("day-of-month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_DAY_OF_WEEK = _Field("day-of-week", 1, 7, _DAYS)
_YEAR = _Field("year", YEAR_MIN, YEAR_MAX, {})


@dataclass(frozen=True, slots=True)
class Cron:
    """Made by `parse_cron`. Days are kept as they were written: which they are depends on the month."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_of_month: str
    months: frozenset[int]
    day_of_week: str
    years: frozenset[int]

    def next_after(self, moment: datetime) -> Iterator[datetime]:
        """The times after a moment, in order; all of them naive. Ends with the last year."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for year in sorted(year for year in self.years if year >= start.year):
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in self._days(year, month):
                    yield from self._times(date(year, month, day), start)

    def _times(self, day: date, start: datetime) -> Iterator[datetime]:
        if day < start.date():
            return
        for hour in self.hours:
            for minute in self.minutes:
                found = datetime.combine(day, time(hour, minute))
                if found >= start:
                    yield found

    def _days(self, year: int, month: int) -> list[int]:
        if self.day_of_week == "?":
            return sorted({day for part in self.day_of_month.split(",") for day in _days_of_month(part, year, month)})
        return sorted({day for part in self.day_of_week.split(",") for day in _days_of_week(part, year, month)})


def parse_cron(text: str) -> Cron:
    """What stands between the brackets. `InvalidSchedule`."""
    fields = text.upper().split()
    if len(fields) != _FIELDS:
        raise InvalidSchedule(f"a cron expression has six fields, and this one {len(fields)}")
    minutes, hours, day_of_month, month, day_of_week, year = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise InvalidSchedule("one of day-of-month and day-of-week must be ?, and not both")
    cron = Cron(
        minutes=tuple(sorted(_MINUTES.parse(minutes))),
        hours=tuple(sorted(_HOURS.parse(hours))),
        day_of_month=day_of_month,
        months=_MONTH.parse(month),
        day_of_week=day_of_week,
        years=_YEAR.parse(year),
    )
    cron._days(YEAR_MIN, 1)  # says what is wrong with the days
    return cron


def _days_of_month(part: str, year: int, month: int) -> list[int]:
    last = calendar.monthrange(year, month)[1]
    if part == "L":
        return [last]
    if part == "LW":
        return [_nearest_weekday(last, year, month)]
    if part.endswith("W"):
        wanted = _DAY_OF_MONTH.number(part[:-1])
        return [_nearest_weekday(wanted, year, month)] if wanted <= last else []
    return [day for day in _DAY_OF_MONTH.parse(part) if day <= last]


def _days_of_week(part: str, year: int, month: int) -> list[int]:
    if part == "L":
        return _weekdays(_SATURDAY, year, month)
    if part.endswith("L"):
        return _weekdays(_DAY_OF_WEEK.number(part[:-1]), year, month)[-1:]
    if "#" in part:
        day, _, week = part.partition("#")
        if _DIGITS.fullmatch(week) is None or not 1 <= int(week) <= _WEEKS_MAX:
            raise InvalidSchedule(f"{part} is no value for day-of-week")
        return _weekdays(_DAY_OF_WEEK.number(day), year, month)[int(week) - 1 : int(week)]
    return [day for number in _DAY_OF_WEEK.parse(part) for day in _weekdays(number, year, month)]


def _weekdays(number: int, year: int, month: int) -> list[int]:
    """The days of a month that are that day of the week, Sunday being 1."""
    first_weekday, last = calendar.monthrange(year, month)  # of Monday, 0
    first = 1 + (number - 2 - first_weekday) % _DAYS_A_WEEK
    return list(range(first, last + 1, _DAYS_A_WEEK))


def _nearest_weekday(day: int, year: int, month: int) -> int:
    """From Monday to Friday, and in the same month."""
    last = calendar.monthrange(year, month)[1]
    weekday = calendar.weekday(year, month, day)
    if weekday < _FIRST_DAY_OF_WEEKEND:
        return day
    if weekday == _FIRST_DAY_OF_WEEKEND:
        return day - 1 if day > 1 else day + 2
    return day + 1 if day < last else day - 2
