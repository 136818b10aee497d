"""The loop polls for a moment around an invocation that comes alone, and only then."""

import asyncio

from alonzo.invoke.wakefulness import Wakefulness


async def _let_go(wakefulness: Wakefulness) -> None:
    async with asyncio.timeout(5):
        while wakefulness.is_polling:  # noqa: ASYNC110  # an event would be a cost of every invocation
            await asyncio.sleep(0.001)


def test_it_polls_around_a_single_invocation_and_lets_go() -> None:
    async def scenario() -> None:
        wakefulness = Wakefulness(processor_count=2)
        for begin_or_end in (wakefulness.enter, wakefulness.leave):
            begin_or_end()
            assert wakefulness.is_polling
            await _let_go(wakefulness)

    asyncio.run(scenario())


def test_it_leaves_the_processor_to_functions_when_there_are_more() -> None:
    async def scenario() -> None:
        wakefulness = Wakefulness(processor_count=2)
        wakefulness.enter()
        await _let_go(wakefulness)
        wakefulness.enter()
        assert not wakefulness.is_polling

    asyncio.run(scenario())


def test_it_never_polls_on_a_single_processor() -> None:
    async def scenario() -> None:
        wakefulness = Wakefulness(processor_count=1)
        wakefulness.enter()
        assert not wakefulness.is_polling

    asyncio.run(scenario())
