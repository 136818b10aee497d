"""How many events of a function are tried at once."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.invoke.asynchronous.window import WINDOW_FIRST, Window
from alonzo.model.quotas import ACCOUNT_CONCURRENCY_DEFAULT


def test_it_grows_once_a_second_up_to_the_accounts_concurrency() -> None:
    window = Window(limit=ACCOUNT_CONCURRENCY_DEFAULT, now=0.0)
    assert not window.is_growth_due(0.9)
    assert window.is_growth_due(1.0)
    assert not window.is_growth_due(1.5)
    sizes = []
    for _ in range(9):
        window.grow()
        sizes.append(window.size)
    assert sizes[:2] == [2 * WINDOW_FIRST, 4 * WINDOW_FIRST]
    assert sizes[-1] == ACCOUNT_CONCURRENCY_DEFAULT


@given(st.lists(st.one_of(st.none(), st.integers(-5, 2_000)), max_size=50))
def test_there_is_always_room_for_one_and_never_for_more_than_the_account_has(changes: list[int | None]) -> None:
    window = Window(limit=ACCOUNT_CONCURRENCY_DEFAULT, now=0.0)
    for running_count in changes:
        if running_count is None:
            window.grow()
        else:
            window.shrink_to(running_count)
        assert window.has_room(0)
        assert not window.has_room(ACCOUNT_CONCURRENCY_DEFAULT)
