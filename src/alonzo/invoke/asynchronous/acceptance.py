"""Taking an event: it is on the disk when the caller hears that it was accepted."""

from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.counters import EventCounters
from alonzo.invoke.asynchronous.queued_event import QueuedEvent, encode
from alonzo.invoke.errors import FunctionNotReady
from alonzo.model.asynchronous import AcceptedEvent
from alonzo.model.function import FunctionVersion, State
from alonzo.model.names import FunctionReference
from alonzo.observe.function_metrics import FunctionMetrics, Metric
from alonzo.store.event_queue import EventQueue


class EventAcceptance:
    """`wake` is told whose queue has something new."""

    def __init__(
        self,
        *,
        queue: EventQueue,
        wake: Callable[[FunctionReference], None],
        counters: EventCounters,
        metrics: FunctionMetrics,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._wake = wake
        self._counters = counters
        self._metrics = metrics
        self._clock = clock

    async def accept(
        self, version: FunctionVersion, target: FunctionReference, *, request_id: str, payload: bytes, trace_header: str
    ) -> None:
        """Return when the event will be run, whatever happens. `version` is what the target leads to now.

        `FunctionNotReady`; the errors of the store: `StoreFull`, `StoreUnavailable` (it may run all the same), `MessageTooLarge`.
        """
        if version.state is not State.ACTIVE:
            raise FunctionNotReady(version.state)
        event = AcceptedEvent(
            scope=target.scope,
            request_id=request_id,
            function_name=target.name,
            qualifier=target.qualifier,
            payload=payload,
            trace_header=trace_header,
            accepted_unix_ms=self._clock.unix_ms(),
        )
        queued = QueuedEvent(event=event)
        await self._queue.add(queued.function, encode(queued), message_id=request_id)
        self._counters.of(queued.function).accepted += 1
        self._metrics.count(Metric.ASYNC_EVENTS_RECEIVED, target.scope, target.name)
        self._wake(queued.function)
