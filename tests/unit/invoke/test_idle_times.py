"""What is learned of idle times."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.invoke.idle_times import BIN_COUNT, BIN_SECONDS, IdleTimes

RANGE_SECONDS = BIN_COUNT * BIN_SECONDS


def after(*seconds: float) -> float | None:
    times = IdleTimes()
    for each in seconds:
        times.note(each)
    return times.keep_alive_seconds()


def test_nothing_is_said_of_the_first_few() -> None:
    assert after(*[10.0] * 9) is None


def test_what_is_wanted_all_the_time_need_not_be_kept_for_long() -> None:
    assert after(*[0.01] * 100) == 66


def test_what_comes_by_the_clock_is_kept_until_it_comes() -> None:
    keep_alive_seconds = after(*[900.0] * 10)
    assert keep_alive_seconds is not None
    assert 900 < keep_alive_seconds < 1_200


def test_one_in_a_hundred_may_come_too_late() -> None:
    assert after(*[10.0] * 99, 7_000.0) == 66
    assert (after(*[10.0] * 98, 7_000.0, 7_000.0) or 0) > 7_000


def test_what_comes_at_any_time_tells_nothing() -> None:
    assert after(*range(0, RANGE_SECONDS, BIN_SECONDS)) is None


def test_what_comes_once_a_day_tells_nothing() -> None:
    assert after(*[86_400.0] * 20) is None


def test_what_was_long_ago_is_forgotten() -> None:
    times = IdleTimes()
    for seconds in (10_000.0, 10.0):
        for _ in range(200_000):
            times.note(seconds)
    for _ in range(20):
        for _ in range(50_000):
            times.note(10.0)
    assert times.keep_alive_seconds() == 66


@given(st.lists(st.floats(0, 2 * RANGE_SECONDS), min_size=10, max_size=200))
def test_what_is_said_covers_the_tail(seconds: list[float]) -> None:
    keep_alive_seconds = after(*seconds)
    if keep_alive_seconds is not None:
        inside = [each for each in seconds if each < RANGE_SECONDS]
        assert sum(each <= keep_alive_seconds for each in inside) >= 0.99 * len(inside)
        assert keep_alive_seconds <= RANGE_SECONDS * 1.1
