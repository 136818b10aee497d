"""Has every function that has events served, each apart from all others.

A function's queue is opened when an event is accepted here, and when a look at the store shows events that nobody here knows of: those of
before the start, those whose time has come, those of a node that died.
"""

import asyncio
import logging
from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.event_handling import EventHandling
from alonzo.invoke.asynchronous.function_queue import FunctionQueue
from alonzo.model.names import FunctionReference
from alonzo.store.errors import StoreError
from alonzo.store.event_queue import EventQueue

_LOOK_SECONDS = 2.0

_log = logging.getLogger(__name__)


class EventDispatcher:
    """Does its work while `run` runs. `is_machine_free`: whether processor and memory would bear more at once; asked now and then.
    `is_served_here`: whether this worker is the one that serves a function's queue; the answer may change.
    """

    def __init__(
        self,
        *,
        queue: EventQueue,
        handling: EventHandling,
        account_concurrency: int,
        is_machine_free: Callable[[], bool],
        clock: Clock,
        is_served_here: Callable[[FunctionReference], bool] = lambda _: True,
    ) -> None:
        self._queue = queue
        self._handling = handling
        self._account_concurrency = account_concurrency
        self._ask_machine = is_machine_free
        self._clock = clock
        self._is_served_here = is_served_here
        self._is_machine_free = True
        self._serving: dict[FunctionReference, FunctionQueue] = {}
        self._news: dict[FunctionReference, None] = {}
        self._group: asyncio.TaskGroup | None = None
        self._is_stopping = False
        self._all_served = asyncio.Event()
        self._all_served.set()

    def wake(self, function: FunctionReference) -> None:
        """The function has an event. Costs a look-up when its queue is being served."""
        served = self._serving.get(function)
        if served is not None:
            if served.is_closing:
                self._news[function] = None
        elif self._group is not None and not self._is_stopping and self._is_served_here(function):
            self._serving[function] = self._new_queue(function)
            self._all_served.clear()
            self._group.create_task(self._serve(function))

    def find_served(self, function: FunctionReference) -> FunctionQueue | None:
        """The function's queue while it is served."""
        return self._serving.get(function)

    async def run(self) -> None:
        """Component: until cancelled, when what runs is cut off and comes again at the next start. `drain` before."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await self._look_again_and_again()
            finally:
                self._group = None

    async def drain(self, *, timeout_seconds: float) -> bool:
        """Take nothing more and let finish what runs; whether all of it did in time."""
        self._is_stopping = True
        for served in list(self._serving.values()):
            served.stop()
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._all_served.wait()
        except TimeoutError:
            return False
        return True

    async def _look_again_and_again(self) -> None:
        while True:
            if self._serving:
                self._is_machine_free = self._ask_machine()
            for function, served in self._serving.items():
                if not self._is_served_here(function):
                    served.stop()  # another worker takes over what is left
            try:
                for function in await self._queue.list_ready():
                    self.wake(function)
            except StoreError as error:
                _log.warning("cannot look for events: %s", error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _serve(self, function: FunctionReference) -> None:
        """Until there is nothing to do, and no news came while the queue was being closed."""
        try:
            while True:
                await self._serving[function].run()
                if function not in self._news or self._is_stopping:
                    return
                del self._news[function]
                self._serving[function] = self._new_queue(function)
        finally:
            del self._serving[function]
            self._news.pop(function, None)
            if not self._serving:
                self._all_served.set()

    def _new_queue(self, function: FunctionReference) -> FunctionQueue:
        return FunctionQueue(
            function=function,
            queue=self._queue,
            handling=self._handling,
            account_concurrency=self._account_concurrency,
            is_machine_free=lambda: self._is_machine_free,
            clock=self._clock,
        )
