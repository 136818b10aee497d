"""User ids: no two living sandboxes have the same, and a freed one rests as long as it can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.sandbox.users import SharedUser, UserIds, UserIdsExhausted


def test_ids_are_taken_in_turn_and_a_freed_one_is_the_last_to_come_back() -> None:
    users = UserIds(first=1_000, count=3)
    assert [users.take(), users.take()] == [1_000, 1_001]
    users.give_back(1_000)
    assert [users.take(), users.take()] == [1_002, 1_000]
    with pytest.raises(UserIdsExhausted):
        users.take()


@given(st.lists(st.none() | st.integers(0, 9), max_size=80))
def test_no_two_living_sandboxes_share_an_id(steps: list[int | None]) -> None:
    """None takes an id, a number gives one of the living ones back."""
    users, living = UserIds(first=50, count=5), list[int]()
    for step in steps:
        if step is not None:
            if living:
                users.give_back(living.pop(step % len(living)))
        elif len(living) == 5:
            with pytest.raises(UserIdsExhausted):
                users.take()
        else:
            user = users.take()
            assert user not in living
            assert 50 <= user < 55
            living.append(user)


def test_without_root_all_sandboxes_are_the_same_user() -> None:
    users = SharedUser()
    assert [users.take() for _ in range(100_000)][-1] == 0
    users.give_back(0)
    assert users.take() == 0
