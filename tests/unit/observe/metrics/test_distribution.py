"""Distributions: what is read from buckets is near what the values themselves would say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.observe.metrics.distribution import BUCKETS_MAX, Distribution
from alonzo.observe.metrics.statistics import UnknownStatistic, parse_statistic

VALUES = st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=300)


def distribution_of(values: list[float]) -> Distribution:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    return distribution


@given(VALUES, st.sampled_from([0.0, 1.0, 50.0, 90.0, 99.0, 100.0]))
def test_percentiles_are_near_the_values(values: list[float], percent: float) -> None:
    distribution = distribution_of(values)
    exact = sorted(values)[max(math.ceil(percent / 100 * len(values)) - 1, 0)]
    widest = 2.0 ** (1 / distribution.resolution)
    assert exact / widest <= distribution.percentile(percent) <= exact * widest


@given(VALUES, VALUES)
def test_merging_is_adding_all(first: list[float], second: list[float]) -> None:
    merged = distribution_of(first)
    merged.merge(distribution_of(second))
    together = distribution_of(first + second)
    assert (merged.count, merged.minimum, merged.maximum) == (together.count, together.minimum, together.maximum)
    assert merged.sum == pytest.approx(together.sum)
    assert sum(merged.buckets.values()) == pytest.approx(together.count)


@given(st.lists(st.floats(min_value=-1, max_value=1e6), max_size=300), st.integers(min_value=0, max_value=300))
def test_values_count_the_same_one_by_one_and_together(values: list[float], middle: int) -> None:
    together, alone = Distribution(), distribution_of(values)
    together.add_all(values[:middle])
    together.add_all(values[middle:])
    assert together.sum == pytest.approx(alone.sum)
    together.sum = alone.sum
    assert together == alone


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300), max_size=400))
def test_memory_is_bounded_and_nothing_is_lost(values: list[float]) -> None:
    distribution = distribution_of(values)
    assert len(distribution.buckets) <= BUCKETS_MAX
    assert sum(distribution.buckets.values()) + distribution.low_count == len(values)


@given(VALUES, st.integers(min_value=-9, max_value=19))
def test_counts_up_to_powers_of_two_are_exact(values: list[float], power: int) -> None:
    distribution = distribution_of(values)
    assert distribution.count_up_to(power) == sum(value <= 2.0**power for value in values)


def test_equal_values_are_exact() -> None:
    distribution = distribution_of([1.23] * 10)
    assert [distribution.percentile(percent) for percent in (0, 50, 99.9)] == [1.23] * 3


def test_a_summary_tells_no_percentiles() -> None:
    distribution = Distribution()
    distribution.add_summary(count=3, total=6, minimum=1, maximum=3)
    assert parse_statistic("p50")(distribution) is None
    assert parse_statistic("Average")(distribution) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sum", 5_050),
        ("Average", 50.5),
        ("SampleCount", 100),
        ("Minimum", 1),
        ("Maximum", 100),
        ("p90", 90),
        ("p99.9", 100),
        ("tm90", 45.5),
        ("TM(10%:90%)", 50.5),
        ("IQM", 50.5),
        ("TC(:50%)", 50),
        ("TS(50%:)", 3_775),
        ("PR(:30.5)", 30),
        ("TM(9.5:20.5)", 15),
        ("wm50", 38),
    ],
)
def test_statistics(name: str, expected: float) -> None:
    assert parse_statistic(name)(distribution_of([float(value) for value in range(1, 101)])) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["", "sum", "p", "p101", "TM(:)", "PR(10%:20%)", "TM(10%:20)", "p90; drop"])
def test_unknown_statistics_are_refused(name: str) -> None:
    with pytest.raises(UnknownStatistic):
        parse_statistic(name)
