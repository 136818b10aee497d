"""One event in hand: tried, then ended or set back."""

import logging
from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.counters import EventCounters
from alonzo.invoke.asynchronous.endings import EventEndings
from alonzo.invoke.asynchronous.insistence import insist_on_event
from alonzo.invoke.asynchronous.queued_event import QueuedEvent
from alonzo.invoke.asynchronous.retry_policy import EventLimits, RetryPolicy
from alonzo.invoke.asynchronous.throttle_gate import ThrottleGate
from alonzo.invoke.asynchronous.trials import CouldNotRun, EventConfigs, EventTrials, Gone, Looping, Ran, SwitchedOff, TooOld
from alonzo.model.asynchronous import Condition
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionReference
from alonzo.observe.function_metrics import FunctionMetrics, Metric
from alonzo.store.event_queue import EventQueue

_log = logging.getLogger(__name__)


class EventHandling:
    """Knows nothing of deliveries: when `handle` returns, the event may be acknowledged."""

    def __init__(
        self,
        *,
        trials: EventTrials,
        endings: EventEndings,
        queue: EventQueue,
        policy: RetryPolicy,
        configs: EventConfigs,
        counters: EventCounters,
        metrics: FunctionMetrics,
        clock: Clock,
    ) -> None:
        self._trials = trials
        self._endings = endings
        self._queue = queue
        self._policy = policy
        self._configs = configs
        self._counters = counters
        self._metrics = metrics
        self._clock = clock

    async def handle(self, queued: QueuedEvent, gate: ThrottleGate, *, on_throttled: Callable[[], None]) -> None:
        """Try the event; see to what follows. Cancelled, it is as if nothing had happened, though the function may have run."""

        def count_throttled() -> None:
            self._counters.of(queued.function).throttled += 1
            on_throttled()

        trial = await self._trials.run(queued, gate, on_throttled=count_throttled)
        if isinstance(trial, Ran) and not queued.invoke_count:
            event = queued.event
            age_ms = max(self._clock.unix_ms() - event.accepted_unix_ms - trial.ran_ms, 0)
            self._metrics.set_gauge(Metric.ASYNC_EVENT_AGE, event.scope, event.function_name, age_ms)
        match trial:
            case Ran(version, result):
                ran = msgspec.structs.replace(
                    queued,
                    invoke_count=queued.invoke_count + 1,
                    last_version=version.version,
                    last_function_error=result.function_error,
                    last_payload=result.payload,
                )
                if result.function_error is None:
                    await self._end(ran, Condition.SUCCESS, version)
                else:
                    await self._set_back_after_function_error(ran, version)
            case CouldNotRun(error):
                await self._set_back_after_system_error(queued, error)
            case TooOld(version):
                await self._end(queued, Condition.EVENT_AGE_EXCEEDED, version)
            case SwitchedOff(version):
                await self._end(queued, Condition.ZERO_RESERVED_CONCURRENCY, version)
            case Looping(version):
                await self._end(queued, Condition.RECURSIVE_INVOCATION, version)
            case Gone():
                self._drop(queued)

    async def keep_unreadable(self, function: FunctionReference, message: bytes) -> None:
        """A message that no version of ours has written, or one that is yet to come."""
        self._counters.of(function).failed += 1
        await self._endings.keep_unreadable(function, message)

    async def _set_back_after_function_error(self, queued: QueuedEvent, version: FunctionVersion) -> None:
        due_unix_ms = self._policy.due_after_function_error(
            invoke_count=queued.invoke_count,
            accepted_unix_ms=queued.event.accepted_unix_ms,
            now_unix_ms=self._clock.unix_ms(),
            limits=self._limits(queued),
        )
        if due_unix_ms is None:
            await self._end(queued, Condition.RETRIES_EXHAUSTED, version)
            return
        await self._set_back(queued, due_unix_ms)

    async def _set_back_after_system_error(self, queued: QueuedEvent, error: Exception) -> None:
        fields = {"function": queued.event.function_name, "request_id": queued.event.request_id}
        _log.warning("an event could not be run and is tried again: %s", error, extra=fields)
        again = msgspec.structs.replace(queued, system_error_count=queued.system_error_count + 1)
        due_unix_ms = self._policy.due_after_system_error(
            error_count=again.system_error_count,
            accepted_unix_ms=queued.event.accepted_unix_ms,
            now_unix_ms=self._clock.unix_ms(),
            limits=self._limits(queued),
        )
        await self._set_back(again, due_unix_ms)

    async def _set_back(self, queued: QueuedEvent, due_unix_ms: int) -> None:
        await insist_on_event(
            queued,
            lambda message: self._queue.add_delayed(
                queued.function,
                message,
                event_id=queued.event.request_id,
                message_id=f"{queued.event.request_id}-{queued.event.accepted_unix_ms}-{queued.invoke_count}-{queued.system_error_count}",
                accepted_unix_ms=queued.event.accepted_unix_ms,
                due_unix_ms=due_unix_ms,
            ),
            what="setting an event back",
        )
        self._counters.of(queued.function).retried += 1

    async def _end(self, queued: QueuedEvent, condition: Condition, version: FunctionVersion) -> None:
        await self._endings.end(queued, condition, version=version)
        if condition is not Condition.SUCCESS:
            self._metrics.count(Metric.ASYNC_EVENTS_DROPPED, queued.event.scope, queued.event.function_name)

    def _drop(self, queued: QueuedEvent) -> None:
        self._counters.of(queued.function).dropped += 1
        fields = {"function": queued.target.arn, "request_id": queued.event.request_id}
        _log.warning("an event is dropped: its function was deleted", extra=fields)

    def _limits(self, queued: QueuedEvent) -> EventLimits:
        return EventLimits.of(self._configs.find(queued.target))
