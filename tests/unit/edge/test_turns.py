"""Requests in turn: what begins in one round of the event loop, and in which order."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.edge.turns import Turns, whom


async def begin_in_rounds(arrivals: list[str], *, portion: int) -> list[list[str]]:
    """What has begun after each round, when all arrive in the first."""
    turns = Turns(portion=portion)
    begun: list[str] = []

    async def request(name: str) -> None:
        turn = turns.enter(name)
        if turn is not None:
            await turn
        begun.append(name)

    rounds: list[list[str]] = []
    async with asyncio.TaskGroup() as group:
        for name in arrivals:
            group.create_task(request(name))
        while sum(len(names) for names in rounds) < len(arrivals):
            await asyncio.sleep(0)
            if begun:
                rounds.append(begun.copy())
                begun.clear()
    return rounds


def test_a_flood_begins_in_portions() -> None:
    assert asyncio.run(begin_in_rounds(["flood"] * 10, portion=4)) == [["flood"] * 4, ["flood"] * 4, ["flood"] * 2]


def test_who_has_begun_nothing_in_a_round_begins_at_once() -> None:
    rounds = asyncio.run(begin_in_rounds([*["flood"] * 100, "other"], portion=4))
    assert "other" in rounds[0]


def test_lanes_take_turns() -> None:
    rounds = asyncio.run(begin_in_rounds([*["flood"] * 9, *["other"] * 3], portion=2))
    begun = [name for names in rounds for name in names]
    assert begun.index("other") < 3
    assert begun[:9].count("other") == 3


def test_who_gives_up_takes_nobodys_turn() -> None:
    async def give_up() -> None:
        turns = Turns(portion=1)
        assert turns.enter("flood") is None
        given_up, waiting = turns.enter("flood"), turns.enter("flood")
        assert given_up is not None
        assert waiting is not None
        given_up.cancel()
        await asyncio.wait_for(waiting, timeout=10)

    asyncio.run(give_up())


def test_who_comes_alone_never_waits() -> None:
    async def come() -> None:
        turns = Turns(portion=1)
        for _ in range(3):
            assert turns.enter("one") is None
            await asyncio.sleep(0)

    asyncio.run(come())


@given(arrivals=st.lists(st.sampled_from("abcde"), max_size=60), portion=st.integers(1, 8))
def test_all_begin_once_each_function_in_order_and_no_round_begins_more_than_it_may(arrivals: list[str], portion: int) -> None:
    rounds = asyncio.run(begin_in_rounds(arrivals, portion=portion))
    assert sorted(name for names in rounds for name in names) == sorted(arrivals)
    for names in rounds:
        assert len(names) <= portion + len(set(arrivals))


@pytest.mark.parametrize(
    ("path", "is_own_host", "expected"),
    [
        (b"/any/path/at/all", True, b"abc.lambda-url.localhost"),
        (b"/_url/abc/one", False, b"/_url/abc"),
        (b"/_url/abc/other/page", False, b"/_url/abc"),
        (b"/", False, b"/"),
        (b"", False, b""),
    ],
)
def test_whom_a_request_is_for(path: bytes, is_own_host: bool, expected: bytes) -> None:
    assert whom(b"abc.lambda-url.localhost", path, is_own_host=is_own_host) == expected
