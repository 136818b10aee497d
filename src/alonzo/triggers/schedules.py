"""Schedules at work: rules with a schedule expression and those of EventBridge Scheduler, which the companion keeps, and which fire here.

The companion announces all that it has whenever something has changed. Each is a record of the store, so it fires over restarts of node and
companion, by one worker: the one that the name falls to says in the record that it begins, hands the event to the targets, and writes when
the schedule is due next. Who dies in between is succeeded by another, and targets that know an event again (functions do) get it once.

What was due while nothing ran: the latest of a schedule's missed times is made up for, if it is no older than a day and not too old for its
target; the others are skipped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from alonzo.aws.client.errors import AwsCallFailed, AwsRefused
from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists, StoreError
from alonzo.store.records import RecordTable
from alonzo.triggers.delivery import Delivery
from alonzo.triggers.errors import InvalidSchedule
from alonzo.triggers.schedule import LATE_SECONDS, SECONDS_A_MINUTE, Progress, Schedule, after_time, begin, due_time
from alonzo.triggers.scheduled_events import deliveries_of

LOOK_AGAIN_SECONDS = 10.0
"""The machine may have slept, or its clock have been set."""

_AT_ONCE = 16
_STORE_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 300.0
"""More than a delivery takes."""

_DELETION_PAUSE_SECONDS = 60.0

_log = logging.getLogger(__name__)

Key = tuple[str, ...]


class Deliveries(Protocol):
    """What hands events to targets; see `TargetDeliveries`."""

    async def deliver(self, delivery: Delivery) -> None: ...


class AwsServices(Protocol):
    """Other AWS services; see `AwsClients`."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]: ...


class Schedules:
    """`table` is keyed by `home`, which names what shares a companion, its `life`, and the schedule's ARN.

    What another life has left is forgotten: a companion that keeps nothing begins without schedules. `is_own`: whether this worker sees to
    a name; `own_name` is its own, and `is_alive` says whether another one lives.
    """

    def __init__(
        self,
        *,
        table: RecordTable[Progress],
        home: str,
        life: str,
        deliveries: Deliveries,
        services: AwsServices,
        own_name: str,
        is_own: Callable[[str], bool],
        is_alive: Callable[[str], bool],
        clock: Clock,
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        self._table = table
        self._home = home
        self._prefix = (home, life)
        self._deliveries = deliveries
        self._services = services
        self._own_name = own_name
        self._is_own = is_own
        self._is_alive = is_alive
        self._clock = clock
        self._look_again_seconds = look_again_seconds
        self._wake = asyncio.Event()
        self._busy: set[Key] = set()
        self._no_deletion_before: dict[str, float] = {}
        table.subscribe(self._on_change)

    def look(self) -> None:
        """Something has changed: a schedule, or who sees to it."""
        self._wake.set()

    async def announce(self, schedules: list[Schedule]) -> None:
        """From now on there are these and no others. Errors: the store's."""
        announced = {(*self._prefix, schedule.arn): schedule for schedule in schedules}
        for key, _ in list(self._table.iter_prefix((self._home,))):
            if key not in announced:
                await self._table.delete(key)
        for key, schedule in announced.items():
            try:
                await self._take_up(key, schedule)
            except InvalidSchedule as error:
                _log.warning("%s never fires: %s", schedule.arn, error)

    async def run(self) -> None:
        """Component: has schedules fire, until cancelled. Without any it waits for the first."""
        await self._forget_other_lives()
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = self._now()
                waiting = {key: at for key, at in self._own() if at is not None and key not in self._busy}
                due = [key for key, at in waiting.items() if at <= now]
                for key in due[: _AT_ONCE - len(self._busy)]:
                    self._busy.add(key)
                    group.create_task(self._have_seen_to(key))
                await self._rest(min((at - now for at in waiting.values() if at > now), default=None))

    async def _have_seen_to(self, key: Key) -> None:
        try:
            await self._see_to(key)
        finally:
            self._busy.discard(key)
            self.look()

    def _own(self) -> list[tuple[Key, float | None]]:
        own = [(key, progress) for key, progress in self._table.iter_prefix(self._prefix) if self._is_own(progress.schedule.arn)]
        return [(key, self._deletion_at(progress) if progress.next_at is None else progress.fires_at) for key, progress in own]

    def _deletion_at(self, progress: Progress) -> float | None:
        """When a schedule that is over is to be deleted, if it is to be."""
        return self._no_deletion_before.get(progress.schedule.arn, 0.0) if progress.schedule.deletes_itself else None

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(None if seconds is None else min(seconds, self._look_again_seconds)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _forget_other_lives(self) -> None:
        for key, _ in list(self._table.iter_prefix((self._home,))):
            if key[:2] != self._prefix:
                try:
                    await self._table.delete(key)
                except StoreError as error:
                    _log.warning("a schedule of an earlier start stays in the store: %s", error)

    async def _take_up(self, key: Key, schedule: Schedule) -> None:
        while True:
            known = self._table.get_versioned(key)
            try:
                if known is None:
                    await self._table.create(key, begin(schedule, now=self._now()))
                elif not known.value.schedule.has_times_of(schedule):
                    await self._table.update(key, begin(schedule, now=self._now()), revision=known.revision)
                elif known.value.schedule != schedule:
                    changed = msgspec.structs.replace(known.value, schedule=schedule)
                    await self._table.update(key, changed, revision=known.revision)
            except (RecordExists, RecordConflict):
                continue  # it has fired meanwhile
            return

    async def _see_to(self, key: Key) -> None:
        """What a schedule's time has come for. Whatever goes wrong with one is not the others' business."""
        try:
            record = self._table.get_versioned(key)
            if record is None:
                return
            if record.value.next_at is None:
                await self._delete(record.value.schedule)
            else:
                await self._fire(key, record.value, record.revision)
        except RecordConflict:
            return  # it was changed, or another worker was faster
        except StoreError as error:
            _log.warning("%s waits for the store: %s", key[-1], error)
            await asyncio.sleep(_STORE_PAUSE_SECONDS)
        except Exception:  # one schedule's time ends here: whatever it was, the others go on
            _log.exception("an internal failure while %s was seen to", key[-1])
            await asyncio.sleep(_STORE_PAUSE_SECONDS)

    async def _fire(self, key: Key, progress: Progress, revision: int) -> None:
        now = self._now()
        if self._is_on_its_way(progress, now):
            await asyncio.sleep(_STORE_PAUSE_SECONDS)
            return
        due_at = due_time(progress, now=now)
        if due_at is None:
            _log.warning("%s was due when nothing ran, more than a day ago: skipped", progress.schedule.arn)
            await self._table.update(key, after_time(progress, passed_at=now), revision=revision)
            return
        if progress.next_at is not None and due_at > progress.next_at:
            _log.info("%s was due several times when nothing ran: the last one counts", progress.schedule.arn)
        begun = msgspec.structs.replace(progress, begun_by=self._own_name, begun_at=now, next_at=due_at)
        await self._table.update(key, begun, revision=revision)
        await self._deliver(progress.schedule, due_at)
        await self._note_fired(key, due_at)

    def _is_on_its_way(self, progress: Progress, now: float) -> bool:
        """Whether another worker has begun with it, and may still be at it: names of workers come again at the next start."""
        begun_by = progress.begun_by
        if begun_by is None or begun_by == self._own_name or not self._is_alive(begun_by):
            return False
        return now - progress.begun_at < _PATIENCE_SECONDS

    async def _deliver(self, schedule: Schedule, due_at: float) -> None:
        try:
            deliveries = deliveries_of(schedule, due_at, now=self._now())
        except (msgspec.ValidationError, AlonzoError) as error:
            _log.warning("%s has a target that gets nothing: %s", schedule.arn, error)
            return
        late_seconds = self._now() - due_at - schedule.window_minutes * SECONDS_A_MINUTE
        try:
            async with asyncio.TaskGroup() as group:
                for delivery in deliveries:
                    if late_seconds > max(delivery.policy.maximum_event_age_in_seconds, LATE_SECONDS):
                        _log.warning("%s was due %.0f s ago, which is too long for %s", schedule.arn, late_seconds, delivery.target_arn)
                    else:
                        group.create_task(self._deliveries.deliver(delivery))
        except* StoreError as failures:
            raise failures.exceptions[0] from failures

    async def _note_fired(self, key: Key, due_at: float) -> None:
        while True:
            record = self._table.get_versioned(key)
            if record is None or record.value.next_at != due_at or record.value.begun_by != self._own_name:
                return  # it has other times now
            try:
                await self._table.update(key, after_time(record.value, passed_at=due_at), revision=record.revision)
            except RecordConflict:
                continue
            return

    async def _delete(self, schedule: Schedule) -> None:
        """Where it is kept, which then announces that it is gone."""
        parameters: Mapping[str, Any] = {"Name": schedule.name, "GroupName": schedule.group}
        self._no_deletion_before[schedule.arn] = self._now() + _DELETION_PAUSE_SECONDS
        try:
            await self._services.call("scheduler", "DeleteSchedule", dict(parameters), scope=schedule.scope)
        except AwsRefused as error:
            _log.info("%s cannot be deleted: %s", schedule.arn, error)
        except AwsCallFailed as error:
            _log.warning("%s is over and not deleted yet: %s", schedule.arn, error)

    def _on_change(self, key: Key, progress: Progress | None) -> None:
        if progress is None:
            self._no_deletion_before.pop(key[-1], None)
        self.look()

    def _now(self) -> float:
        return self._clock.now().timestamp()
