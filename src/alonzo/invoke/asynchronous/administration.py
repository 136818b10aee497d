"""The queues as their owner sees them: what is in them, what became of it, and what can be done about it by hand."""

from typing import Protocol

import msgspec

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.counters import EventCounters
from alonzo.invoke.asynchronous.dispatcher import EventDispatcher
from alonzo.invoke.asynchronous.queued_event import QueuedEvent, decode, encode
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.event_queue import EventQueue, QueueDepth
from alonzo.store.failed_events import FailedEvents

_SUMMED = ("in_flight", "accepted", "delivered", "retried", "failed", "dropped", "throttled", "undeliverable")


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One function's queue. Depths are of the moment; what was counted is since the start of the node, or of each of its workers.

    `depth`: all events that are not done: ready, in flight or waiting for their next try. `kept`: failed ones that can be redriven.
    """

    function_name: str
    depth: int
    delayed: int
    in_flight: int
    oldest_age_seconds: float | None
    kept: int
    accepted: int
    delivered: int
    retried: int
    failed: int
    dropped: int
    throttled: int
    undeliverable: int


class OtherWorkers(Protocol):
    """The queues as other workers know them."""

    async def list_queues(self, scope: Scope) -> list[QueueStatus]:
        """Of all of them: those of one function may come several times."""
        ...


class QueueAdministration:
    """Errors of all methods: the store's. `others`: where there are several workers; what they have counted is added up."""

    def __init__(
        self,
        *,
        queue: EventQueue,
        failed_events: FailedEvents,
        dispatcher: EventDispatcher,
        counters: EventCounters,
        clock: Clock,
        others: OtherWorkers | None = None,
    ) -> None:
        self._others = others
        self._queue = queue
        self._failed_events = failed_events
        self._dispatcher = dispatcher
        self._counters = counters
        self._clock = clock

    async def list_queues(self, scope: Scope) -> list[QueueStatus]:
        """The functions of an account and region that have events, or had some since the start; by name."""
        own = await self.list_own_queues(scope)
        if self._others is None:
            return own
        together = {status.function_name: status for status in own}
        for status in await self._others.list_queues(scope):
            known = together.get(status.function_name)
            together[status.function_name] = status if known is None else _sum_of(known, status)
        return [together[name] for name in sorted(together)]

    async def list_own_queues(self, scope: Scope) -> list[QueueStatus]:
        """As this worker knows them."""
        depths, kept = await self._queue.list_depths(), await self._failed_events.list_counts()
        functions = {function for function in depths.keys() | kept.keys() | self._counters.functions() if function.scope == scope}
        return [
            self._status(function, depths.get(function, QueueDepth()), kept.get(function, 0))
            for function in sorted(functions, key=lambda function: function.name)
        ]

    async def redrive(self, function: FunctionReference) -> int:
        """Have the failed events that are kept tried again, as if they were new; how many."""
        count = 0
        async for kept in self._failed_events.iter_kept(function):
            try:
                event = decode(kept.payload).event
            except msgspec.DecodeError:
                continue  # it cannot be run, whatever it is
            renewed = msgspec.structs.replace(event, accepted_unix_ms=self._clock.unix_ms())
            # The sequence makes the id another than that of the first time, and the same if this is done twice.
            message_id = f"{event.request_id}-redriven-{kept.sequence}"
            await self._queue.add(function, encode(QueuedEvent(event=renewed)), message_id=message_id)
            await self._failed_events.forget(kept)
            count += 1
        self._counters.of(function).accepted += count
        self._dispatcher.wake(function)
        return count

    async def purge(self, function: FunctionReference) -> int:
        """Forget all events of a function, failed ones too; how many. What runs at the moment runs to its end, once."""
        return await self._queue.purge(function) + await self._failed_events.purge(function)

    def _status(self, function: FunctionReference, depth: QueueDepth, kept_count: int) -> QueueStatus:
        served = self._dispatcher.find_served(function)
        counts = self._counters.of(function)
        oldest = [at for at in (depth.oldest_delayed_unix_ms, None if served is None else served.oldest_unix_ms) if at is not None]
        return QueueStatus(
            function_name=function.name,
            depth=depth.ready_count + depth.delayed_count,
            delayed=depth.delayed_count,
            in_flight=0 if served is None else served.in_flight_count,
            oldest_age_seconds=max(0, self._clock.unix_ms() - min(oldest)) / 1000 if oldest else None,
            kept=kept_count,
            accepted=counts.accepted,
            delivered=counts.delivered,
            retried=counts.retried,
            failed=counts.failed,
            dropped=counts.dropped,
            throttled=counts.throttled,
            undeliverable=counts.undeliverable,
        )


def _sum_of(one: QueueStatus, other: QueueStatus) -> QueueStatus:
    """Of the same function at two workers: what lies in the store both have read."""
    ages = [age for age in (one.oldest_age_seconds, other.oldest_age_seconds) if age is not None]
    sums = {name: getattr(one, name) + getattr(other, name) for name in _SUMMED}
    return msgspec.structs.replace(one, oldest_age_seconds=max(ages, default=None), **sums)
