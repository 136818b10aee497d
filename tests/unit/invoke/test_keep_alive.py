"""When idle environments end."""

from alonzo.clock import ManualClock
from alonzo.invoke.keep_alive import FixedKeepAlive, KeepAlive, LearnedKeepAlive, PoolKey

KEY: PoolKey = ("000000000000", "us-east-1", "function", "$LATEST")
OTHER: PoolKey = ("000000000000", "us-east-1", "other", "$LATEST")
MINUTE = 60.0


def idle_for(keep_alive: KeepAlive, clock: ManualClock, *minutes: float, key: PoolKey = KEY) -> int:
    """How many of those that have been idle for so long, the longest first, are to end."""
    return keep_alive.count_expired(key, [clock.monotonic() - each * MINUTE for each in minutes])


def learned() -> tuple[LearnedKeepAlive, ManualClock]:
    clock = ManualClock()
    clock.advance(24 * 60 * MINUTE)
    return LearnedKeepAlive(default_seconds=10 * MINUTE, clock=clock), clock


def test_a_fixed_time_is_the_same_for_all() -> None:
    clock = ManualClock()
    clock.advance(1_000)
    fixed = FixedKeepAlive(seconds=5 * MINUTE, clock=clock)
    fixed.note_wanted(KEY, 0.0)
    fixed.note_missed(KEY)
    fixed.note_ended(KEY, 0.0)
    assert idle_for(fixed, clock, 9, 6, 4) == 2


def test_what_is_not_known_yet_stays_for_the_default_time() -> None:
    keep_alive, clock = learned()
    assert idle_for(keep_alive, clock, 12, 11, 9) == 2
    assert idle_for(keep_alive, clock, 12, 11) == 2


def test_what_is_wanted_all_the_time_gives_up_all_but_one_early() -> None:
    keep_alive, clock = learned()
    for _ in range(100):
        keep_alive.note_wanted(KEY, clock.monotonic() - 0.01)
    assert idle_for(keep_alive, clock, 4, 3, 2, 1) == 3
    assert idle_for(keep_alive, clock, 4, 3, 2) == 2
    assert idle_for(keep_alive, clock, 11, 11) == 2
    assert idle_for(keep_alive, clock, 4, 3, 2, key=OTHER) == 0


def test_a_cold_start_tells_how_long_one_should_have_been_kept() -> None:
    keep_alive, clock = learned()
    for _ in range(20):  # every 25 minutes, and ended after the default time
        ended_since = clock.monotonic()
        clock.advance(10 * MINUTE)
        keep_alive.note_ended(KEY, ended_since)
        clock.advance(15 * MINUTE)
        keep_alive.note_missed(KEY)
    assert idle_for(keep_alive, clock, 25) == 0
    assert idle_for(keep_alive, clock, 40) == 1


def test_of_a_cold_start_without_any_end_before_nothing_is_learned() -> None:
    keep_alive, clock = learned()
    for _ in range(100):
        keep_alive.note_missed(KEY)
    assert idle_for(keep_alive, clock, 11, 9) == 1


def test_nothing_is_known_of_a_function_that_is_gone() -> None:
    keep_alive, clock = learned()
    for key in (KEY, OTHER):
        for _ in range(100):
            keep_alive.note_wanted(key, clock.monotonic() - 0.01)
    keep_alive.forget({KEY[:3]})
    assert idle_for(keep_alive, clock, 4, 3, 2, 1) == 0
    assert idle_for(keep_alive, clock, 4, 3, 2, 1, key=OTHER) == 3


def test_what_is_remembered_has_an_end() -> None:
    keep_alive, clock = learned()
    for number in range(20_000):
        keep_alive.note_missed(("000000000000", "us-east-1", str(number), "$LATEST"))
    for _ in range(1_000):
        keep_alive.note_ended(KEY, clock.monotonic())
    assert len(keep_alive._versions) <= 10_000
    assert len(keep_alive._versions[KEY].ended) <= 64
