"""Percentiles and promises."""

import math

import pytest
from bench.figures import Figure, Limit, Promise, percentile
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (20, 1.0), (50, 3.0), (90, 5.0), (99, 5.0), (100, 5.0)])
def test_a_percentile_is_one_of_the_values(percent: float, value: float) -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], percent) == value


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.integers(1, 100))
def test_so_many_values_are_not_above_a_percentile(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert sum(value <= found for value in values) * 100 >= len(values) * percent


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


@pytest.mark.parametrize(
    ("promise", "value", "is_kept"),
    [
        (Promise(below=1), 0.9, True),
        (Promise(below=1), 1.0, False),
        (Promise(at_least=7000), 7000, True),
        (Promise(at_least=7000), 6999, False),
    ],
)
def test_a_promise_is_a_bound(promise: Promise, value: float, is_kept: bool) -> None:
    assert a_figure(value, promise=promise).is_kept is is_kept


def test_a_promise_is_not_kept_when_something_failed() -> None:
    assert a_figure(0.1, promise=Promise(below=1), failure_count=1).is_kept is False


def test_without_a_promise_nothing_is_kept_or_missed() -> None:
    assert a_figure(1.0).is_kept is None


def test_the_ratio_is_to_the_limit() -> None:
    assert a_figure(3.0, limit=2.0).ratio == 1.5
    assert a_figure(3.0, limit=0.0).ratio == math.inf


def a_figure(value: float, *, limit: float = 1.0, promise: Promise | None = None, failure_count: int = 0) -> Figure:
    return Figure(row="a row", value=value, unit="s", limit=Limit(limit, "a limit"), promise=promise, failure_count=failure_count)
