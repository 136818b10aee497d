"""Metric alarms: kept, looked at each minute, and what they set off."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.model.scope import Scope
from alonzo.observe.metrics.queries import Span, evaluate_queries
from alonzo.observe.metrics.recorder import MINUTE_SECONDS
from alonzo.observe.metrics.sources import MetricSource
from alonzo.store.errors import RecordConflict, StoreError
from alonzo.store.records import RecordTable
from alonzo.triggers.alarms.evaluation import judge, range_periods, reason_data_of, reason_of
from alonzo.triggers.alarms.messages import EVENT_SOURCE, EVENT_TYPE, bus_event, function_event, subject_of, topic_message
from alonzo.triggers.alarms.records import Alarm, AlarmState, HistoryItem, StateChange
from alonzo.triggers.delivery import Delivery, TargetDeliveries
from alonzo.triggers.target import RetryPolicy
from alonzo.triggers.target_calls import CallDetails

_AFTER_MINUTE_SECONDS = 3.0
"""Later than metrics of the minute are written."""
_ACTION_SERVICES = ("sns", "lambda")

_log = logging.getLogger(__name__)


class Alarms:
    """One a node. `is_own`: of several workers, whether this one looks at the alarm of that ARN.

    `has_bus`: whether there is a bus of EventBridge, and perhaps somebody who listens.
    """

    def __init__(
        self,
        *,
        table: RecordTable[Alarm],
        source: MetricSource,
        deliveries: TargetDeliveries,
        is_own: Callable[[str], bool],
        has_bus: Callable[[], bool],
        new_uuid: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._table = table
        self._source = source
        self._deliveries = deliveries
        self._is_own = is_own
        self._has_bus = has_bus
        self._new_uuid = new_uuid
        self._clock = clock

    async def run(self) -> None:
        """Component: look at all alarms each minute."""
        while True:
            now = self._clock.unix_ms() / 1_000
            await asyncio.sleep(MINUTE_SECONDS - now % MINUTE_SECONDS + _AFTER_MINUTE_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Look at all alarms, as of the last full minute."""
        now = self._clock.unix_ms() / 1_000
        for _, alarm in list(self._table.iter_prefix(())):
            if self._is_own(alarm.arn):
                try:
                    await self._look_at(alarm, now)
                except AlonzoError as error:
                    _log.warning("the alarm %s cannot be evaluated: %s", alarm.name, error)

    def find(self, scope: Scope, name: str) -> Alarm | None:
        """None when there is none of that name."""
        return self._table.find((scope.account_id, scope.region, name))

    def iter_all(self, scope: Scope) -> Iterator[Alarm]:
        """Those of an account in a region, sorted by name."""
        return (alarm for _, alarm in self._table.iter_prefix((scope.account_id, scope.region)))

    async def put(self, alarm: Alarm) -> None:
        """Make it, or change it: then it keeps state, history and tags. StoreError."""
        known = self.find(alarm.scope, alarm.name)
        kind = "created" if known is None else "updated"
        data = msgspec.json.encode({"version": "1.0", "type": "Create" if known is None else "Update"}).decode()
        if known is not None:
            alarm = msgspec.structs.replace(alarm, state=known.state, history=known.history, tags=known.tags)
        item = HistoryItem(kind="ConfigurationUpdate", summary=f'Alarm "{alarm.name}" {kind}', data=data, at=alarm.configured_at)
        await self._table.put(alarm.key, alarm.noting(item))

    async def delete(self, alarm: Alarm) -> None:
        """Forget it. StoreError."""
        await self._table.delete(alarm.key)

    async def change(self, alarm: Alarm, change: Callable[[Alarm], Alarm]) -> Alarm | None:
        """What it is afterwards, whatever others change meanwhile; None if it is gone. StoreError."""
        while True:
            versioned = self._table.get_versioned(alarm.key)
            if versioned is None:
                return None
            changed = change(versioned.value)
            try:
                await self._table.update(alarm.key, changed, revision=versioned.revision)
            except RecordConflict:
                continue
            return changed

    async def set_state(self, alarm: Alarm, state: AlarmState, reason: str, data: str | None) -> None:
        """Have it be in a state, and tell whom that concerns. StoreError."""
        now = self._clock.unix_ms() / 1_000
        previous = alarm.state
        change = StateChange(state=state, reason=reason, data=data, at=now, since=previous.since if previous.state is state else now)
        item = _state_item(previous, change)

        def apply(current: Alarm) -> Alarm:
            current = msgspec.structs.replace(current, state=change)
            return current if previous.state is state else current.noting(item)

        changed = await self.change(alarm, apply)
        if changed is None or previous.state is state:
            return
        if self._has_bus():
            await self._tell_bus(changed, previous)
        if changed.actions_enabled:
            await self._act(changed, previous)

    async def _look_at(self, alarm: Alarm, now: float) -> None:
        period = max(alarm.period_seconds, MINUTE_SECONDS)
        end = int(now) // MINUTE_SECONDS * MINUTE_SECONDS
        span = Span(end - range_periods(alarm) * period, end)
        results = (await evaluate_queries(self._source, alarm.scope, alarm.queries, span))[alarm.watched.id]
        verdict = judge(alarm, [(time, results.get(time)) for time in span.times(period)])
        if verdict.state is not alarm.state.state:
            data = reason_data_of(alarm, verdict, now=now)
            await self.set_state(alarm, verdict.state, reason_of(alarm, verdict), data)

    async def _act(self, alarm: Alarm, previous: StateChange) -> None:
        for arn in alarm.actions_for(alarm.state.state):
            service = arn.split(":")[2] if arn.count(":") > 2 else ""  # noqa: PLR2004 - arn:partition:service
            if service not in _ACTION_SERVICES:
                _log.warning("the alarm %s does not act on %s: only topics and functions are called here", alarm.name, arn)
                continue
            payload = topic_message(alarm, previous) if service == "sns" else function_event(alarm, previous)
            if not await self._deliver(alarm, arn, payload, CallDetails(subject=subject_of(alarm))):
                continue
            item = HistoryItem(
                kind="Action",
                summary=f"Successfully executed action {arn}",
                data=msgspec.json.encode({"actionState": "Succeeded", "notificationResource": arn}).decode(),
                at=self._clock.unix_ms() / 1_000,
            )
            await self.change(alarm, lambda current, item=item: current.noting(item))  # type: ignore[misc]

    async def _tell_bus(self, alarm: Alarm, previous: StateChange) -> None:
        scope = alarm.scope
        bus = f"arn:{scope.partition}:events:{scope.region}:{scope.account_id}:event-bus/default"
        details = CallDetails(source=EVENT_SOURCE, detail_type=EVENT_TYPE, resources=(alarm.arn,))
        await self._deliver(alarm, bus, bus_event(alarm, previous), details)

    async def _deliver(self, alarm: Alarm, arn: str, payload: str, details: CallDetails) -> bool:
        """False when the store takes nothing."""
        delivery = Delivery(
            id=self._new_uuid(),
            scope=alarm.scope,
            target_arn=arn,
            payload=payload,
            details=details,
            dead_letter_body=payload,
            dead_letter_arn=None,
            attributes={},
            policy=RetryPolicy(),
            begun_at=alarm.state.at,
        )
        try:
            await self._deliveries.deliver(delivery)
        except StoreError as error:
            _log.error("the alarm %s could not tell %s: %s", alarm.name, arn, error)
            return False
        return True


def _state_item(previous: StateChange, change: StateChange) -> HistoryItem:
    old, new = ({"stateValue": each.state.value, "stateReason": each.reason} for each in (previous, change))
    return HistoryItem(
        kind="StateUpdate",
        summary=f"Alarm updated from {previous.state.value} to {change.state.value}",
        data=msgspec.json.encode({"version": "1.0", "oldState": old, "newState": new}).decode(),
        at=change.at,
    )
