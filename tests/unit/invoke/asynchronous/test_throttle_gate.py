"""Who is refused concurrency waits, and one at a time tries again."""

import asyncio

import pytest

from alonzo.invoke.asynchronous.throttle_gate import GateShut, ThrottleGate


class Function:
    """So many places; callers come through the gate."""

    def __init__(self, place_count: int) -> None:
        self.gate = ThrottleGate()
        self.free_count = place_count
        self.refusal_count = 0
        self.order: list[int] = []
        self.may_end = asyncio.Event()

    async def call(self, number: int) -> None:
        is_first = True
        while True:
            await self.gate.enter(is_first=is_first)
            if self.free_count:
                break
            self.refusal_count += 1
            self.gate.refuse()
            is_first = False
        self.free_count -= 1
        self.order.append(number)
        await self.may_end.wait()
        self.free_count += 1
        self.gate.leave()


def test_everybody_gets_through_in_order_and_few_are_refused() -> None:
    async def play() -> Function:
        function = Function(1)
        function.may_end.set()
        async with asyncio.TaskGroup() as callers:
            for number in range(50):
                callers.create_task(function.call(number))
        return function

    function = asyncio.run(asyncio.wait_for(play(), 20))
    assert function.order == list(range(50))
    assert function.refusal_count <= 50


def test_while_nothing_ends_nobody_tries_but_after_a_pause() -> None:
    async def play() -> Function:
        function = Function(2)
        async with asyncio.TaskGroup() as callers:
            for number in range(30):
                callers.create_task(function.call(number))
            for _ in range(100):
                await asyncio.sleep(0)
            assert function.gate.is_closed
            assert function.gate.waiting_count == 28
            assert function.refusal_count == 1
            function.may_end.set()
        return function

    assert sorted(asyncio.run(asyncio.wait_for(play(), 20)).order) == list(range(30))


def test_who_waits_is_told_that_the_gate_is_shut() -> None:
    async def play() -> None:
        gate = ThrottleGate()
        gate.refuse()
        waiting = asyncio.ensure_future(gate.enter(is_first=True))
        await asyncio.sleep(0)
        gate.shut()
        with pytest.raises(GateShut):
            await waiting
        with pytest.raises(GateShut):
            await gate.enter(is_first=True)

    asyncio.run(asyncio.wait_for(play(), 20))


def test_a_turn_that_is_cancelled_goes_to_the_next() -> None:
    async def play() -> None:
        gate = ThrottleGate()
        gate.refuse()
        first, second = (asyncio.ensure_future(gate.enter(is_first=True)) for _ in range(2))
        await asyncio.sleep(0)
        gate.leave()
        first.cancel()
        await asyncio.wait_for(second, 5)

    asyncio.run(asyncio.wait_for(play(), 20))
