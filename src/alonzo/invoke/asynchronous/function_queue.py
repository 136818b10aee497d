"""One function's queue while it has events: takes them, has them handled, acknowledges them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.event_handling import EventHandling
from alonzo.invoke.asynchronous.outcomes import OutcomePutOff
from alonzo.invoke.asynchronous.queued_event import QueuedEvent, decode
from alonzo.invoke.asynchronous.throttle_gate import GateShut, ThrottleGate
from alonzo.invoke.asynchronous.window import Window
from alonzo.model.names import FunctionReference
from alonzo.store.errors import StoreError
from alonzo.store.event_queue import EventQueue
from alonzo.store.queue_consumer import ACKNOWLEDGEMENT_SECONDS, Delivery, QueueConsumer

_KEEP_SECONDS = ACKNOWLEDGEMENT_SECONDS / 3
_DELETE_SECONDS = 1.0
_FULL_WAIT_SECONDS = 1.0
_STORE_PAUSE_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_TROUBLE_SECONDS = 60.0
_QUICK_SECONDS = 0.1
"""Of functions that answer so fast more is fetched than they run at once, so that they need not wait for it."""

_log = logging.getLogger(__name__)


class FunctionQueue:
    """`run` is its life: until there was nothing to do for about ten seconds, or until `stop`.

    `is_machine_free`: whether more at once would be faster.
    """

    def __init__(
        self,
        *,
        function: FunctionReference,
        queue: EventQueue,
        handling: EventHandling,
        account_concurrency: int,
        is_machine_free: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._function = function
        self._queue = queue
        self._handling = handling
        self._is_machine_free = is_machine_free
        self._clock = clock
        self._gate = ThrottleGate()
        self._window = Window(limit=account_concurrency, now=clock.monotonic())
        self._handled: dict[asyncio.Task[None], int] = {}  # when each was accepted
        self._place_freed = asyncio.Event()
        self._taking: asyncio.Task[None] | None = None
        self._is_quick = False
        self.is_closing = False
        """Whether it has found its queue empty: an event that comes now may not be seen."""

    @property
    def in_flight_count(self) -> int:
        """How many events are being tried, or wait for concurrency."""
        return len(self._handled)

    @property
    def oldest_unix_ms(self) -> int | None:
        """When the oldest of them was accepted."""
        return min(self._handled.values(), default=None)

    async def run(self) -> None:
        """Errors of the store are waited out; others are nobody's fault but ours."""
        consumer = await self._open()
        try:
            async with asyncio.TaskGroup() as group:
                self._taking = group.create_task(self._take_all(consumer, group))
                keeping = [group.create_task(_keep_all(consumer)), group.create_task(_delete_done(consumer))]
                await asyncio.wait([self._taking])
                while self._handled:
                    await asyncio.wait(list(self._handled))
                for task in keeping:
                    task.cancel()
        finally:
            self._gate.shut()
            await self._close(consumer)

    def stop(self) -> None:
        """Take nothing more; what waits for concurrency goes back, what runs may finish."""
        if self._taking is not None:
            self._taking.cancel()
        self._gate.shut()

    async def _open(self) -> QueueConsumer:
        while True:
            try:
                return await self._queue.open_consumer(self._function)
            except StoreError as error:
                _log.warning("events of %s wait for the store: %s", self._function.name, error)
                await asyncio.sleep(_STORE_PAUSE_SECONDS)

    async def _close(self, consumer: QueueConsumer) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await consumer.aclose()
        except (StoreError, TimeoutError) as error:
            _log.info("a consumer is left to the store: %s", error, extra={"function": self._function.name})

    async def _take_all(self, consumer: QueueConsumer, group: asyncio.TaskGroup) -> None:
        while True:
            await self._wait_for_place()
            try:
                delivery = await consumer.take(wanted_count=self._wanted_count())
            except StoreError as error:
                _log.warning("events of %s wait for the store: %s", self._function.name, error)
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
                continue
            if delivery is not None:
                self._begin(consumer, delivery, group)
            elif not self._handled:
                self.is_closing = True
                return

    def _begin(self, consumer: QueueConsumer, delivery: Delivery, group: asyncio.TaskGroup) -> None:
        try:
            queued = decode(delivery.payload)
        except msgspec.DecodeError as error:
            _log.error("message %d of the event queue cannot be read: %s", delivery.sequence, error)
            task = group.create_task(self._keep_unreadable(consumer, delivery))
            self._handled[task] = self._clock.unix_ms()
        else:
            task = group.create_task(self._handle(consumer, delivery, queued))
            self._handled[task] = queued.event.accepted_unix_ms
        task.add_done_callback(self._on_handled)

    async def _handle(self, consumer: QueueConsumer, delivery: Delivery, queued: QueuedEvent) -> None:
        started_at = self._clock.monotonic()
        try:
            await self._handling.handle(queued, self._gate, on_throttled=self._on_throttled)
        except (GateShut, OutcomePutOff):
            return  # what is in hand is given back with the consumer
        except Exception:
            _log.exception("an event was not dealt with and comes again later", extra={"request_id": queued.event.request_id})
            with contextlib.suppress(StoreError):
                await consumer.give_back(delivery, delay_seconds=_TROUBLE_SECONDS)
            return
        self._is_quick = self._clock.monotonic() - started_at < _QUICK_SECONDS
        await _acknowledge(consumer, delivery)

    async def _keep_unreadable(self, consumer: QueueConsumer, delivery: Delivery) -> None:
        await self._handling.keep_unreadable(self._function, delivery.payload)
        await _acknowledge(consumer, delivery)

    def _on_handled(self, task: asyncio.Task[None]) -> None:
        del self._handled[task]
        self._place_freed.set()

    def _on_throttled(self) -> None:
        self._window.shrink_to(len(self._handled) - self._gate.waiting_count - 1)

    def _wanted_count(self) -> int:
        """As many as there are places, and some more if they will soon be wanted."""
        if self._queue.hand.is_full:
            return 1
        free_count = max(self._window.size - len(self._handled), 1)
        return free_count + (self._window.size if self._is_quick else 0)

    async def _wait_for_place(self) -> None:
        while not self._has_place():
            self._place_freed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FULL_WAIT_SECONDS):
                    await self._place_freed.wait()
            if not self._gate.is_closed and self._window.is_growth_due(self._clock.monotonic()) and self._is_machine_free():
                self._window.grow()

    def _has_place(self) -> bool:
        if self._handled and self._queue.hand.is_full:
            return False
        return self._window.has_room(len(self._handled))


async def _acknowledge(consumer: QueueConsumer, delivery: Delivery) -> None:
    with contextlib.suppress(StoreError):  # it comes again, and is acknowledged again
        await consumer.acknowledge(delivery)


async def _delete_done(consumer: QueueConsumer) -> None:
    while True:
        await asyncio.sleep(_DELETE_SECONDS)
        with contextlib.suppress(StoreError):  # the next time, then
            await consumer.delete_done()


async def _keep_all(consumer: QueueConsumer) -> None:
    while True:
        await asyncio.sleep(_KEEP_SECONDS)
        with contextlib.suppress(StoreError):  # what comes again meanwhile is known to be in hand
            await consumer.keep()
