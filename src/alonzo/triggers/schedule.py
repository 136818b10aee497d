"""A schedule as the companion announces it, and how far it has come. Pure: who stores and who acts is elsewhere."""

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from alonzo.model.scope import Scope

if TYPE_CHECKING:
    from alonzo.triggers.schedule_expressions import Timing

START_TOLERANCE_SECONDS = 60.0
"""A single time that is a little past when its schedule comes is still kept: AWS's precision is a minute."""

LATE_SECONDS = 60.0
"""What is later than that has been missed: the node did not run, or the machine slept."""

MISSED_MAX_SECONDS = 86_400.0
"""What is due longer than that is not made up for: no target's event may be older."""

SECONDS_A_MINUTE = 60


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: a rule of EventBridge, or a schedule of EventBridge Scheduler, which alone have what has a default here.

    `targets`: as the service describes them. `window_minutes`: within so many of them it may come later. Instants are Unix seconds.
    """

    kind: Literal["rule", "schedule"]
    arn: str
    scope: Scope
    name: str
    expression: str
    targets: list[dict[str, Any]]
    group: str = ""
    zone: str = "UTC"
    window_minutes: int = 0
    starts_at: float | None = None
    ends_at: float | None = None
    deletes_itself: bool = False

    @property
    def timing(self) -> "Timing":
        """When it is due. `InvalidSchedule`."""
        from alonzo.triggers.schedule_expressions import parse_timing  # noqa: PLC0415 - with the first schedule: 10 ms of a start

        return parse_timing(self.expression, zone=self.zone, for_rule=self.kind == "rule")

    def has_times_of(self, other: "Schedule") -> bool:
        """Whether it is due when the other one is."""
        mine, others = ((each.expression, each.zone, each.window_minutes, each.starts_at, each.ends_at) for each in (self, other))
        return mine == others


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule and how far it has come: a record of the store.

    `anchor_at`: from when a rate counts. `next_at`: when it is due next, None when it is over. `begun_by`: the worker that is about to see
    to that, if any is, since `begun_at`.
    """

    schedule: Schedule
    anchor_at: float
    next_at: float | None
    begun_by: str | None = None
    begun_at: float = 0.0

    @property
    def fires_at(self) -> float | None:
        """When it is to be seen to: at its time, or somewhere within its window, always at the same place."""
        if self.next_at is None or not self.schedule.window_minutes:
            return self.next_at
        digest = hashlib.blake2b(f"{self.schedule.arn} {self.next_at}".encode(), digest_size=8).digest()
        return self.next_at + int.from_bytes(digest) % (self.schedule.window_minutes * SECONDS_A_MINUTE)


def begin(schedule: Schedule, *, now: float) -> Progress:
    """A schedule that is new, or has new times. `InvalidSchedule`."""
    timing = schedule.timing
    anchor_at, after = now, now
    if timing.is_once:
        after = now - START_TOLERANCE_SECONDS
    elif schedule.kind == "schedule":
        anchor_at = schedule.starts_at if schedule.starts_at is not None else now  # a rule's first time is one period later
        after = max(now, anchor_at)
        after -= 0.001  # the very instant counts
    return Progress(schedule=schedule, anchor_at=anchor_at, next_at=_next(schedule, timing, after=after, anchor_at=anchor_at))


def due_time(progress: Progress, *, now: float) -> float | None:
    """Which of its times is to be seen to now. The latest, if it should have been seen to long ago; None if even that was too long ago."""
    fires_at = progress.fires_at
    assert fires_at is not None
    if now - fires_at <= LATE_SECONDS:
        return progress.next_at
    schedule, oldest = progress.schedule, now - MISSED_MAX_SECONDS
    until = now if schedule.ends_at is None else min(now, schedule.ends_at)
    after = max(progress.next_at or 0.0, oldest)
    latest = schedule.timing.latest(after=after, anchor_at=progress.anchor_at, until=until)
    return latest if latest is not None or fires_at < oldest else progress.next_at


def after_time(progress: Progress, *, passed_at: float) -> Progress:
    """With one of its times seen to, or all up to an instant skipped."""
    schedule = progress.schedule
    next_at = _next(schedule, schedule.timing, after=passed_at, anchor_at=progress.anchor_at)
    return msgspec.structs.replace(progress, next_at=next_at, begun_by=None)


def _next(schedule: Schedule, timing: "Timing", *, after: float, anchor_at: float) -> float | None:
    found = timing.next_after(after, anchor_at=anchor_at)
    if found is None or timing.is_once or schedule.ends_at is None or found <= schedule.ends_at:
        return found
    return None
