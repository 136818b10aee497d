"""When a schedule is due: `rate(5 minutes)`, `cron(0 8 ? * MON-FRI *)`, `at(2026-12-24T18:00:00)`, and the days between which it holds.

Instants are Unix seconds. Rules are evaluated in UTC, schedules in their time zones: an hour that a change to summer time leaves out has no
invocation, one that comes twice has its first alone, and rates know nothing of it.
Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alonzo.triggers.cron import YEAR_MAX, YEAR_MIN, Cron, parse_cron
from alonzo.triggers.errors import InvalidSchedule

_EXPRESSION = re.compile(r"(rate|cron|at)\((.*)\)")
_EXPRESSION_MAX_LENGTH = 256
"""Source: botocore's shape `ScheduleExpression`."""

_RATE = re.compile(r"([1-9][0-9]{0,8}) (minute|hour|day)(s?)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
_LAST = datetime(YEAR_MAX, 12, 31, 23, 59, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Rate:
    """At an anchor, and every so many seconds after it."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Once:
    """At one time on the wall."""

    wall: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """An expression and where its times are read."""

    expression: Rate | Cron | Once
    zone: tzinfo

    @property
    def is_once(self) -> bool:
        """Whether it is due one time only."""
        return isinstance(self.expression, Once)

    def next_after(self, instant: float, *, anchor_at: float) -> float | None:
        """The first time after an instant; None if there is none. `anchor_at`: from when a rate counts."""
        match self.expression:
            case Rate(seconds):
                periods = math.floor((instant - anchor_at) / seconds) + 1
                found = anchor_at + max(periods, 0) * seconds
                return found if found <= _LAST else None
            case Once(wall):
                once = _instant_of(wall, self.zone)
                once = _instant_of(wall + timedelta(hours=1), self.zone) if once is None else once
                return once if once is not None and once > instant else None
            case Cron() as cron:
                return next((found for found in self._cron_times(cron, instant) if found > instant), None)

    def upcoming(self, *, after: float, anchor_at: float, until: float) -> Iterator[float]:
        """All times after one and until another."""
        found = self.next_after(after, anchor_at=anchor_at)
        while found is not None and found <= until:
            yield found
            found = self.next_after(found, anchor_at=anchor_at)

    def latest(self, *, after: float, anchor_at: float, until: float) -> float | None:
        """The last time of these; None if there is none. For spans in which there are not too many: a day has 1,440 minutes."""
        if isinstance(self.expression, Rate):
            found = anchor_at + math.floor((until - anchor_at) / self.expression.seconds) * self.expression.seconds
            return found if found > after and found >= anchor_at else None
        last = deque(self.upcoming(after=after, anchor_at=anchor_at, until=until), maxlen=1)
        return last[0] if last else None

    def _cron_times(self, cron: Cron, instant: float) -> Iterator[float]:
        if not datetime(YEAR_MIN, 1, 2, tzinfo=UTC).timestamp() <= instant <= _LAST:
            return
        # Two times on the wall may be hours apart from where they were: one begins a little earlier.
        wall = datetime.fromtimestamp(instant, self.zone).replace(tzinfo=None) - timedelta(hours=3)
        for found in cron.next_after(wall):
            at = _instant_of(found, self.zone)
            if at is not None:
                yield at


def parse_timing(text: str, *, zone: str = "UTC", for_rule: bool = False) -> Timing:
    """`for_rule`: EventBridge's own rules have no `at`, and are strict about `1 minute` and `2 minutes`. `InvalidSchedule`."""
    match = _EXPRESSION.fullmatch(text)
    if match is None or len(text) > _EXPRESSION_MAX_LENGTH:
        raise InvalidSchedule("an expression is rate(…), cron(…) or at(…)")
    kind, content = match.groups()
    if kind == "at" and for_rule:
        raise InvalidSchedule("rules have no at(…)")
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidSchedule(f"there is no time zone {zone!r}") from error
    if kind == "rate":
        return Timing(_parse_rate(content, is_strict=for_rule), UTC)
    return Timing(parse_cron(content) if kind == "cron" else _parse_once(content), place)


def _parse_rate(content: str, *, is_strict: bool) -> Rate:
    match = _RATE.fullmatch(content)
    if match is None or (is_strict and (match[1] == "1") == (match[3] == "s")):
        raise InvalidSchedule("a rate is a number and its unit: 1 minute, 5 minutes, 2 hours, 7 days")
    return Rate(int(match[1]) * _UNIT_SECONDS[match[2]])


def _parse_once(content: str) -> Once:
    try:
        if _AT.fullmatch(content) is not None:
            return Once(datetime.fromisoformat(content))
    except ValueError:
        pass
    raise InvalidSchedule("at(…) takes a time such as 2026-12-24T18:00:00")


def _instant_of(wall: datetime, zone: tzinfo) -> float | None:
    """None for a time that clocks leave out; the first one of a time that comes twice."""
    aware = wall.replace(tzinfo=zone, fold=0)
    instant = aware.timestamp()
    back = datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
    return instant if back == wall.replace(fold=0) else None
