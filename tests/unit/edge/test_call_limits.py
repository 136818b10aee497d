"""Limits of calls: who is told, and that nobody is who has ended in time."""

import asyncio
from collections.abc import Callable

from alonzo.edge.call_limits import CallLimits


def _run(scenario: Callable[[CallLimits, list[str], asyncio.Event], None]) -> list[str]:
    told: list[str] = []

    async def main() -> None:
        limits, done = CallLimits(), asyncio.Event()
        scenario(limits, told, done)
        async with asyncio.timeout(30):
            await done.wait()
        limits.close()

    asyncio.run(main())
    return told


def test_tells_of_the_calls_that_are_late_in_the_order_of_their_limits() -> None:
    def scenario(limits: CallLimits, told: list[str], done: asyncio.Event) -> None:
        limits.begin(0.06, lambda: (told.append("second"), done.set()))
        limits.begin(0.01, lambda: told.append("first"))
        limits.begin(600, lambda: told.append("never"))

    assert _run(scenario) == ["first", "second"]


def test_calls_that_have_ended_are_not_told_of() -> None:
    def scenario(limits: CallLimits, told: list[str], done: asyncio.Event) -> None:
        ended = limits.begin(0.001, lambda: told.append("ended"))
        limits.begin(0.05, done.set)
        limits.end(ended)

    assert _run(scenario) == []


def test_a_limit_may_begin_while_others_are_told_of() -> None:
    def scenario(limits: CallLimits, told: list[str], done: asyncio.Event) -> None:
        def again() -> None:
            told.append("one")
            limits.begin(0.001, lambda: (told.append("two"), done.set()))

        limits.begin(0.001, again)

    assert _run(scenario) == ["one", "two"]
