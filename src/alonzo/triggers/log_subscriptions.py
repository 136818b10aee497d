"""Log events on their way to functions that have subscribed to a log group.

What was written to the log store is told here (`tell`), and costs a look-up where nobody has subscribed. The rest happens beside it:
events are matched in small portions, packed, and handed to the durable queue; from then on they are not lost. What waits here is in memory
and bounded, as logs themselves are on their way to the store: with a server that is killed its last moments are lost, and a flood that
functions are subscribed to is dropped, counted and said in the server's log.

A function that is subscribed to what it writes itself would be invoked for ever: the lineage of the invocation that wrote (see
`model/lineage.py`) goes with the events, and such a function is stopped as in any other loop.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.resolution import Resolution
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation_lines import LogEntry, events_of
from alonzo.model.log_event import LogEvent
from alonzo.model.log_group import SubscriptionFilter
from alonzo.model.names import refer_to_function
from alonzo.model.scope import Scope
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.filter_patterns.pattern import FilterPattern, parse_filter_pattern
from alonzo.observe.log_delivery import LogStreamName
from alonzo.triggers.log_messages import ChosenEvent, payload_of, split_events

WAITING_MAX_EVENTS = 60_000
WAITING_MAX_CHARACTERS = 16_000_000
_EVENTS_AT_ONCE = 100
"""Matched without letting others on: some 2 ms, unless messages are very large."""

_DELIVERIES_AT_ONCE = 8
_ATTEMPTS = 6
_PAUSE_SECONDS = 0.5
"""Doubled after each attempt: half a minute in all, for a store that is not there or a function that is not ready."""

_PATTERNS_REMEMBERED = 512

_log = logging.getLogger(__name__)


class Subscriptions(Protocol):
    """Who has subscribed (`LogGroups`)."""

    def filters_of(self, scope: Scope, group: str) -> tuple[SubscriptionFilter, ...]: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    name: LogStreamName
    filters: tuple[SubscriptionFilter, ...]
    events: Sequence[LogEvent]
    chain: str | None
    characters: int


class LogSubscriptions:
    """`trace_header_for` makes the tracing header of an invocation, given the one that led to it."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        resolution: Resolution,
        acceptance: EventAcceptance,
        trace_header_for: Callable[[FunctionVersion, bytes | None], str],
        new_uuid: Callable[[], str],
    ) -> None:
        self._subscriptions = subscriptions
        self._resolution = resolution
        self._acceptance = acceptance
        self._trace_header_for = trace_header_for
        self._new_uuid = new_uuid
        self._waiting: deque[_Batch] = deque()
        self._waiting_events = 0
        self._waiting_characters = 0
        self._dropped_count = 0
        self._number = 0
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def tell(self, name: LogStreamName, entries: Sequence[LogEntry], chain: str | None) -> None:
        """These are in the store now. `chain`: the tracing header of the invocation that wrote last, if a function did."""
        filters = self._subscriptions.filters_of(name.scope, name.group)
        if not filters:
            return
        events = events_of(entries)
        characters = sum(len(event.message) for event in events)
        if self._waiting_events >= WAITING_MAX_EVENTS or self._waiting_characters >= WAITING_MAX_CHARACTERS:
            if self._dropped_count == 0:
                _log.warning("events of %s are not delivered: they come faster than functions can be told", name.group)
            self._dropped_count += len(events)
            return
        self._waiting_events += len(events)
        self._waiting_characters += characters
        self._waiting.append(_Batch(name, filters, events, chain, characters))
        self._idle.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Component: deliver until cancelled."""
        places = asyncio.Semaphore(_DELIVERIES_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await places.acquire()
                    delivery = group.create_task(self._deliver_all(self._waiting.popleft()))
                    delivery.add_done_callback(lambda _: places.release())

    async def drain(self, *, timeout_seconds: float) -> None:
        """Return when everything that was told has been delivered, or the time is over. `run` must be running."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d log events are not delivered to functions", self._waiting_events)

    async def _deliver_all(self, batch: _Batch) -> None:
        try:
            for each in batch.filters:
                await self._deliver(batch, each)
        except Exception:  # a batch ends here
            _log.exception("events of %s are not delivered", batch.name.group)
        finally:
            self._waiting_events -= len(batch.events)
            self._waiting_characters -= batch.characters
            if self._waiting_events == 0:
                self._idle.set()
                self._tell_of_dropped()

    async def _deliver(self, batch: _Batch, subscription: SubscriptionFilter) -> None:
        chosen = await _choose(parsed(subscription.pattern), batch.events)
        for part in split_events(chosen):
            number = self._number
            self._number += len(part)
            payload = await asyncio.to_thread(payload_of, batch.name, subscription.name, part, first_number=number)
            await self._invoke(batch, subscription, payload)

    async def _invoke(self, batch: _Batch, subscription: SubscriptionFilter, payload: bytes) -> None:
        target = refer_to_function(subscription.destination_arn, None, batch.name.scope)
        request_id = self._new_uuid()
        for attempt in range(_ATTEMPTS):
            try:
                version = self._resolution.get_invoked(target).runnable
                trace_header = self._trace_header_for(version, None if batch.chain is None else batch.chain.encode())
                await self._acceptance.accept(version, target, request_id=request_id, payload=payload, trace_header=trace_header)
            except FunctionNotFound:
                _log.warning("events of %s go nowhere: %s is not there", batch.name.group, subscription.destination_arn)
                return
            except AlonzoError as error:
                if attempt == _ATTEMPTS - 1:
                    _log.error("events of %s are not delivered to %s: %s", batch.name.group, subscription.destination_arn, error)
                    return
                await asyncio.sleep(_PAUSE_SECONDS * 2**attempt)
            else:
                return

    def _tell_of_dropped(self) -> None:
        if self._dropped_count:
            _log.warning("%d log events were not delivered to functions: they came too fast", self._dropped_count)
            self._dropped_count = 0


@lru_cache(maxsize=_PATTERNS_REMEMBERED)
def parsed(pattern: str) -> FilterPattern | None:
    """None of one that is none, which an older version may have taken."""
    try:
        return parse_filter_pattern(pattern)
    except FilterPatternInvalid:
        return None


async def _choose(pattern: FilterPattern | None, events: Sequence[LogEvent]) -> list[ChosenEvent]:
    chosen: list[ChosenEvent] = []
    if pattern is None:
        return chosen
    for number, event in enumerate(events, start=1):
        found = pattern.match(event.message)
        if found is not None:
            chosen.append(ChosenEvent(event, found if pattern.is_columns else None))
        if number % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return chosen
