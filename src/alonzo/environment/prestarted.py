"""The programs that wait for a function ahead of demand, each in a sandbox of its own.

They are taken by cold starts (`take`) and replaced one after the other, so that functions have the CPU; `prewarm_demand.py` says how many
there should be. The first to go when memory is short. Owner of the sandboxes until they are taken; `run` ends them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress

from alonzo.clock import Clock
from alonzo.environment.prestart import PrestartOrder
from alonzo.environment.prewarm_demand import Demand
from alonzo.errors import SetupError
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.pool import SandboxPool
from alonzo.sandbox.sandbox import Sandbox

_log = logging.getLogger(__name__)

_INSPECTION_SECONDS = 5.0
_REFILL_DELAY_SECONDS = 0.15
"""The function that has just got a program is loading: it shall have the CPU to itself."""
_START_TIMEOUT_SECONDS = 30.0
_FAILURE_PAUSE_SECONDS = 1.0
_FAILURE_PAUSE_MAX_SECONDS = 300.0
_SHED_PAUSE_SECONDS = 30.0
"""What made way for functions shall not take their room again at once."""
_MEMORY_RESERVE_SHARE = 0.12
"""Nothing is started ahead when less of the machine's memory is available; what waits ends when it becomes shorter still (`shed`)."""


class _Line:
    """The waiting programs of one kind."""

    def __init__(self, order: PrestartOrder, pool: SandboxPool) -> None:
        self.order = order
        self.pool = pool
        self.demand = Demand()
        self.waiting: deque[Sandbox] = deque()
        self.failure_count = 0
        self.paused_until = 0.0


class PrestartedPrograms:
    """See the module. `limit`: how many may wait in all, of those that take the least room."""

    def __init__(self, *, limit: int, memory_available: Callable[[], float], clock: Clock) -> None:
        self._limit = limit
        self._memory_available = memory_available
        self._clock = clock
        self._lines: dict[Hashable, _Line] = {}
        self._wanted = asyncio.Event()
        self._first_line = asyncio.Event()

    def expect(self, key: Hashable, order: PrestartOrder, pool: SandboxPool) -> None:
        """There is a function for programs of this kind. `pool` builds their sandboxes."""
        self._line_of(key, order, pool).demand.note_interest(self._clock.monotonic())

    def take(self, key: Hashable, order: PrestartOrder, pool: SandboxPool) -> Sandbox | None:
        """A sandbox in which a program waits, or is being started: the caller's from now on. None: the caller starts its own."""
        line = self._line_of(key, order, pool)
        line.demand.note_cold_start(self._clock.monotonic())
        while line.waiting:
            sandbox = line.waiting.popleft()
            if not sandbox.ended.done():
                sandbox.started.cancel()  # nobody here waits for it any more
                return sandbox
            sandbox.kill()
        return None

    def shed(self) -> int:
        """Memory is short: end all that wait, and start none for a while; how many that were."""
        count = sum(len(line.waiting) for line in self._lines.values())
        paused_until = self._clock.monotonic() + _SHED_PAUSE_SECONDS
        for line in self._lines.values():
            _end(line.waiting, down_to=0)
            line.paused_until = max(line.paused_until, paused_until)
        if count:
            _log.warning("memory is short: ending %d programs that were started ahead", count)
        return count

    async def run(self) -> None:
        """Keep as many waiting as are wanted, until cancelled; then end them."""
        try:
            await self._first_line.wait()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_INSPECTION_SECONDS):
                        await self._wanted.wait()
                        await asyncio.sleep(_REFILL_DELAY_SECONDS)
                self._wanted.clear()
                await self.balance()
        finally:
            for line in self._lines.values():
                _end(line.waiting, down_to=0)

    async def balance(self) -> None:
        """Start what is missing, one after the other, and end what is too much. `run` does so whenever something has changed."""
        has_memory = self._memory_available() > _MEMORY_RESERVE_SHARE
        room = self._limit
        for key, line in sorted(self._lines.items(), key=lambda each: each[1].demand.last_interest_at, reverse=True):
            now = self._clock.monotonic()
            wanted = min(line.demand.wanted(now), room // line.order.room)
            room -= wanted * line.order.room
            _drop_ended(line.waiting)
            if line.demand.wanted(now) == 0 and not line.waiting:
                del self._lines[key]
                continue
            _end(line.waiting, down_to=wanted)
            missing = wanted - len(line.waiting)
            for _ in range(missing if has_memory and now >= line.paused_until else 0):
                if not await self._start_one(line):
                    break

    def _line_of(self, key: Hashable, order: PrestartOrder, pool: SandboxPool) -> _Line:
        self._first_line.set()
        self._wanted.set()
        return self._lines.setdefault(key, _Line(order, pool))

    async def _start_one(self, line: _Line) -> bool:
        """One more; when it waits, or cannot. Demand may have changed by then: the next look will tell."""
        try:
            sandbox = await line.pool.acquire()
        except (SandboxLost, SetupError) as error:
            return self._note_failure(line, str(error))
        line.waiting.append(sandbox)
        try:
            order = line.order
            sandbox.prestart(order.command, order.variables, memory_mib=order.memory_mib, java=order.java)
            await asyncio.wait((sandbox.started, sandbox.ended), timeout=_START_TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        except SandboxLost:
            pass  # it has ended, which is looked at next
        if sandbox.started.done() or sandbox not in line.waiting:  # taken or shed meanwhile: not its fault
            line.failure_count = 0
            return True
        line.waiting.remove(sandbox)
        sandbox.kill()
        return self._note_failure(line, "it ended before it was ready, or took too long")

    def _note_failure(self, line: _Line, reason: str) -> bool:
        pause = min(_FAILURE_PAUSE_SECONDS * 2.0**line.failure_count, _FAILURE_PAUSE_MAX_SECONDS)
        line.failure_count += 1
        line.paused_until = self._clock.monotonic() + pause
        _log.warning("%s could not be started ahead of its functions: %s", line.order.command[0], reason)
        return False


def _drop_ended(waiting: deque[Sandbox]) -> None:
    for sandbox in [each for each in waiting if each.ended.done()]:
        waiting.remove(sandbox)
        sandbox.kill()  # lets go of what the node held of it


def _end(waiting: deque[Sandbox], *, down_to: int) -> None:
    while len(waiting) > down_to:
        waiting.pop().kill()
