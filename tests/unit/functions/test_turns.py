import asyncio

import pytest

from alonzo.functions.turns import Turns


def test_turns_of_one_key_come_one_after_another_and_those_of_others_at_the_same_time() -> None:
    async def scenario() -> None:
        turns, order, go_on = Turns(), [], asyncio.Event()

        async def take(key: str, name: str, *, wait: bool = False) -> None:
            async with turns.of((key,)):
                order.append(f"{name} enters")
                if wait:
                    await go_on.wait()
                order.append(f"{name} leaves")

        async with asyncio.TaskGroup() as group:
            group.create_task(take("a", "first", wait=True))
            group.create_task(take("a", "second"))
            other = group.create_task(take("b", "other"))
            await other
            assert order == ["first enters", "other enters", "other leaves"]
            go_on.set()
        assert order[3:] == ["first leaves", "second enters", "second leaves"]

    asyncio.run(scenario())


def test_a_turn_ends_with_an_error_and_with_whoever_gives_up_waiting() -> None:
    async def scenario() -> None:
        turns = Turns()
        with pytest.raises(ZeroDivisionError):
            async with turns.of(("a",)):
                raise ZeroDivisionError
        async with turns.of(("a",)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), turns.of(("a",)):
                    raise AssertionError
        async with asyncio.timeout(1), turns.of(("a",)):
            pass

    asyncio.run(scenario())
