"""The programs that wait ahead of their functions: kept, taken, replaced, given up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alonzo.clock import ManualClock
from alonzo.environment.prestart import PrestartOrder
from alonzo.environment.prestarted import PrestartedPrograms
from alonzo.environment.prewarm_demand import INTEREST_SECONDS
from alonzo.sandbox.errors import SandboxLost

_ORDER = PrestartOrder(command=("/bin/program",), variables={"LANG": "C"})


class MemorySandbox:
    """Starts its program as soon as it is told to; ends instead if `starts` is false, does nothing yet if it is None."""

    def __init__(self, starts: bool | None, is_told: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.command: Sequence[str] = ()
        self._starts = starts
        self._is_told = is_told

    def prestart(self, command: Sequence[str], variables: Mapping[str, str], *, memory_mib: int, java: Mapping[str, str] | None) -> None:
        assert (variables, memory_mib, java) == (_ORDER.variables, 128, None)
        self.command = command
        self._is_told.set()
        if self._starts is not None:
            (self.started if self._starts else self.ended).set_result(None)

    def kill(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class MemoryPool:
    """Every sandbox that was asked for."""

    def __init__(self) -> None:
        self.sandboxes: list[MemorySandbox] = []
        self.starts: bool | None = True
        self.is_lost = False
        self.is_told = asyncio.Event()

    async def acquire(self) -> MemorySandbox:
        await asyncio.sleep(0)
        if self.is_lost:
            raise SandboxLost("no zygote")
        self.sandboxes.append(MemorySandbox(self.starts, self.is_told))
        return self.sandboxes[-1]


class Given:
    """What is under test; `memory` is the share that is available."""

    def __init__(self) -> None:
        self.memory = 1.0
        self.clock = ManualClock()
        self.pool: Any = MemoryPool()
        self.programs = PrestartedPrograms(limit=3, memory_available=lambda: self.memory, clock=self.clock)

    def expect(self) -> None:
        self.programs.expect("key", _ORDER, self.pool)

    def take(self) -> Any:
        return self.programs.take("key", _ORDER, self.pool)

    async def living(self) -> list[MemorySandbox]:
        await self.programs.balance()
        return [sandbox for sandbox in self.pool.sandboxes if not sandbox.ended.done()]


def check(body: Callable[[Given], Awaitable[None]]) -> None:
    async def run() -> None:
        await body(Given())

    asyncio.run(run())


def test_one_waits_once_there_is_a_function_and_is_replaced_when_taken() -> None:
    async def body(given: Given) -> None:
        assert await given.living() == []
        given.expect()
        (first,) = await given.living()
        assert first.command == _ORDER.command
        assert given.take() is first
        (_, second) = await given.living()
        assert given.take() is second

    check(body)


def test_no_more_wait_than_may_however_many_are_wanted() -> None:
    async def body(given: Given) -> None:
        given.expect()
        for _ in range(10):
            assert given.take() is None
        assert len(await given.living()) == 3
        given.clock.advance(INTEREST_SECONDS)
        assert await given.living() == []

    check(body)


def test_those_that_were_asked_for_last_have_the_room_and_large_ones_take_more_of_it() -> None:
    async def body(given: Given) -> None:
        large = replace(_ORDER, command=("/bin/large",), room=2)
        given.expect()
        given.clock.advance(1.0)
        for _ in range(3):
            given.programs.take("large", large, given.pool)
        assert [sandbox.command for sandbox in await given.living()] == [large.command, _ORDER.command]
        given.clock.advance(1.0)
        for _ in range(3):
            given.take()
        assert [sandbox.command for sandbox in await given.living()] == [_ORDER.command] * 4  # one of them has been taken

    check(body)


def test_they_go_first_when_memory_is_short_and_come_back_when_it_is_not() -> None:
    async def body(given: Given) -> None:
        given.expect()
        assert len(await given.living()) == 1
        given.memory = 0.05
        assert (given.programs.shed(), given.programs.shed()) == (1, 0)
        assert await given.living() == []
        given.memory = 0.5
        assert await given.living() == []
        given.clock.advance(30.0)
        assert len(await given.living()) == 1

    check(body)


def test_a_program_that_does_not_start_is_tried_ever_more_seldom() -> None:
    async def body(given: Given) -> None:
        given.pool.starts = False
        given.expect()
        for count in (1, 2, 3):
            for _ in range(2):
                assert await given.living() == []
            assert len(given.pool.sandboxes) == count
            assert given.take() is None
            given.clock.advance(2.0 ** (count - 1))
        given.pool.starts = True
        assert len(await given.living()) == 1

    check(body)


def test_a_sandbox_that_has_ended_is_not_given_away() -> None:
    async def body(given: Given) -> None:
        given.expect()
        (only,) = await given.living()
        given.pool.is_lost = True
        only.kill()
        assert given.take() is None
        assert await given.living() == []

    check(body)


def test_whoever_is_taken_while_it_starts_does_not_hold_up_the_next() -> None:
    async def body(given: Given) -> None:
        given.pool.starts = None
        given.expect()
        starting = asyncio.create_task(given.programs.balance())
        await given.pool.is_told.wait()
        assert given.take() is given.pool.sandboxes[0]
        given.pool.starts = True
        await starting
        assert given.pool.sandboxes[0].ended.done() is False

    check(body)


def test_the_end_of_its_task_is_the_end_of_all_that_wait() -> None:
    async def body(given: Given) -> None:
        given.expect()
        (only,) = await given.living()
        task = asyncio.create_task(given.programs.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert only.ended.done()

    check(body)
