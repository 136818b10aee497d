"""How many programs wait ahead of their functions."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from alonzo.environment.prewarm_demand import HALF_LIFE_SECONDS, INTEREST_SECONDS, LEAD_SECONDS, WANTED_MAX, Demand

_gaps = st.lists(st.floats(min_value=0.0, max_value=300.0), max_size=60)


def demand_of(*times: float) -> Demand:
    demand = Demand()
    for time in times:
        demand.note_cold_start(time)
    return demand


def test_none_is_wanted_of_what_nobody_has() -> None:
    assert Demand().wanted(1e6) == 0


def test_one_is_wanted_while_there_is_interest() -> None:
    demand = Demand()
    demand.note_interest(100.0)
    assert [demand.wanted(100.0 + after) for after in (0.0, INTEREST_SECONDS - 1.0, INTEREST_SECONDS)] == [1, 1, 0]


def test_as_many_are_wanted_as_were_asked_for_at_once() -> None:
    assert demand_of(*[50.0] * 6).wanted(50.0) == 6
    assert demand_of(*[50.0 + number * 2 * LEAD_SECONDS for number in range(6)]).wanted(62.0) == 1


def test_a_burst_is_forgotten_by_halves() -> None:
    demand = demand_of(*[0.0] * 8)
    assert [demand.wanted(number * HALF_LIFE_SECONDS) for number in range(5)] == [8, 4, 2, 1, 1]


@given(_gaps, st.floats(min_value=0.0, max_value=2 * INTEREST_SECONDS))
def test_it_stays_within_its_limits_and_only_falls_by_itself(gaps: list[float], later: float) -> None:
    times = list(itertools.accumulate(gaps))
    demand = demand_of(*times)
    now = times[-1] if times else 0.0
    assert 0 <= demand.wanted(now + later) <= demand.wanted(now) <= WANTED_MAX
    if times:
        assert demand.wanted(now) >= 1
        assert (demand.wanted(now + later) == 0) == (now + later - now >= INTEREST_SECONDS)


@given(_gaps)
def test_more_demand_never_means_fewer(gaps: list[float]) -> None:
    times = list(itertools.accumulate(gaps))
    now = times[-1] if times else 0.0
    assert demand_of(*times, now).wanted(now) >= demand_of(*times).wanted(now)
