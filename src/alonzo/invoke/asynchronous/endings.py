"""What is done about an event that is done: whoever is to be told is told, and what nobody takes is kept."""

import logging

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.counters import EventCounters, EventCounts
from alonzo.invoke.asynchronous.insistence import insist, insist_on_event
from alonzo.invoke.asynchronous.outcomes import OutcomeDelivery, OutcomeUndeliverable
from alonzo.invoke.asynchronous.queued_event import QueuedEvent
from alonzo.invoke.asynchronous.trials import EventConfigs
from alonzo.model.asynchronous import Condition, EventOutcome
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionReference
from alonzo.store.failed_events import FailedEvents

_log = logging.getLogger(__name__)


class EventEndings:
    """Ends events."""

    def __init__(
        self, *, outcomes: OutcomeDelivery, failed_events: FailedEvents, configs: EventConfigs, counters: EventCounters, clock: Clock
    ) -> None:
        self._outcomes = outcomes
        self._failed_events = failed_events
        self._configs = configs
        self._counters = counters
        self._clock = clock

    async def end(self, queued: QueuedEvent, condition: Condition, *, version: FunctionVersion) -> None:
        """Return when whoever is to know of it does. `version`: what the event's target leads to now."""
        counts = self._counters.of(queued.function)
        outcome = EventOutcome(
            event=queued.event,
            condition=condition,
            invoke_count=queued.invoke_count,
            executed_version=queued.last_version or version.version,
            function_error=queued.last_function_error,
            payload=queued.last_payload,
            ended_unix_ms=self._clock.unix_ms(),
        )
        is_told = await self._tell(outcome, counts)
        if condition is Condition.SUCCESS:
            counts.delivered += 1
            return
        counts.failed += 1
        if not is_told or not self._has_failure_destination(queued, version):
            fields = {"function": queued.event.function_name, "request_id": queued.event.request_id, "runs": queued.invoke_count}
            _log.info("an event ended with %s, and is kept", condition.value, extra=fields)
            await self.keep(queued)

    async def keep(self, queued: QueuedEvent) -> None:
        """Keep a failed event, so that it can be run again by hand."""
        function = queued.function
        await insist_on_event(queued, lambda message: self._failed_events.keep(function, message), what="keeping a failed event")

    async def keep_unreadable(self, function: FunctionReference, message: bytes) -> None:
        """As `keep`, of a message that is no event."""
        await insist(lambda: self._failed_events.keep(function, message), what="keeping an unreadable event")

    async def _tell(self, outcome: EventOutcome, counts: EventCounts) -> bool:
        try:
            await self._outcomes.deliver(outcome)
        except OutcomeUndeliverable as error:
            counts.undeliverable += 1
            fields = {"function": outcome.event.function_name, "request_id": outcome.event.request_id}
            _log.error("not everybody was told how an event ended: %s", error, extra=fields)
            return False
        return True

    def _has_failure_destination(self, queued: QueuedEvent, version: FunctionVersion) -> bool:
        config = self._configs.find(queued.target)
        return version.dead_letter_target_arn is not None or (config is not None and config.on_failure_arn is not None)
