import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.event_sources.errors import InvalidPattern
from alonzo.event_sources.matching import matches
from alonzo.event_sources.patterns import EVENT_BUS, FILTERS, parse_pattern

_SCALARS = st.one_of(st.text(max_size=5), st.integers(-100, 100), st.booleans(), st.none())
_NAMES = st.sampled_from(["a", "b", "c"])
_TREES = st.recursive(_SCALARS, lambda below: st.dictionaries(_NAMES, below, min_size=1, max_size=3), max_leaves=8)
_EVENTS = st.dictionaries(_NAMES, _TREES, min_size=1, max_size=3)


def _matches(pattern: Any, event: Any) -> bool:
    return matches(parse_pattern(json.dumps(pattern), EVENT_BUS), event)


def _pattern_of(event: Any) -> Any:
    return {name: _pattern_of(value) for name, value in event.items()} if isinstance(event, dict) else [event]


def _leaves(content: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(content, dict):
        return [path]
    return [leaf for name, value in content.items() for leaf in _leaves(value, (*path, name))]


def _nested(path: tuple[str, ...], conditions: list[Any]) -> Any:
    return {path[0]: _nested(path[1:], conditions) if path[1:] else conditions}


@given(_EVENTS)
def test_an_event_matches_the_pattern_of_its_own_values(event: Any) -> None:
    assert _matches(_pattern_of(event), event)


@given(_EVENTS, st.data())
def test_a_field_is_there_or_it_is_not(event: Any, data: st.DataObject) -> None:
    path = data.draw(st.one_of(st.sampled_from(_leaves(event)), st.lists(_NAMES, min_size=1, max_size=4).map(tuple)))
    assert _matches(_nested(path, [{"exists": True}]), event) is not _matches(_nested(path, [{"exists": False}]), event)


@given(_EVENTS, st.text(max_size=3), st.data())
def test_anything_but_is_the_opposite_where_there_is_a_value(event: Any, text: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(_leaves(event)))
    assert _matches(_nested(path, [{"anything-but": text}]), event) is not _matches(_nested(path, [text]), event)


@given(_EVENTS, _EVENTS, _EVENTS)
def test_or_is_one_of_its_patterns(event: Any, first: Any, second: Any) -> None:
    patterns = [_pattern_of(first), _pattern_of(second)]
    assert _matches({"$or": patterns}, event) is any(_matches(pattern, event) for pattern in patterns)


@given(st.lists(st.fixed_dictionaries({"x": st.integers(0, 2), "y": st.integers(0, 2)}), max_size=4), st.integers(0, 2), st.integers(0, 2))
def test_values_in_an_array_come_from_one_object(items: list[dict[str, int]], x: int, y: int) -> None:
    assert _matches({"items": {"x": [x], "y": [y]}}, {"items": items}) is ({"x": x, "y": y} in items)


@given(st.lists(st.integers(0, 3), max_size=3), st.lists(st.integers(0, 3), max_size=3))
def test_values_in_two_arrays_are_independent(left: list[int], right: list[int]) -> None:
    event = {"left": [{"v": value} for value in left], "right": [{"v": value} for value in right]}
    expected = any(pair == (1, 2) for pair in product(left, right))
    assert _matches({"left": {"v": [1]}, "right": {"v": [2]}}, event) is expected


@given(st.integers(-1000, 1000) | st.floats(-1000, 1000), st.integers(-1000, 999), st.integers(1, 1000))
def test_numbers_are_within_a_range_or_not(value: float, lower: int, width: int) -> None:
    pattern = {"n": [{"numeric": [">", lower, "<=", lower + width]}]}
    assert _matches(pattern, {"n": value}) is (lower < value <= lower + width)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_text_is_a_pattern_or_an_invalid_one(text: bytes) -> None:
    try:
        pattern = parse_pattern(text, FILTERS)
    except InvalidPattern:
        return
    matches(pattern, {})


@given(
    st.recursive(
        st.one_of(_SCALARS, st.floats(allow_nan=False)),
        lambda below: st.one_of(
            st.lists(below, max_size=3),
            st.dictionaries(
                st.sampled_from(["a", "$or", "prefix", "numeric", "anything-but", "exists", "wildcard", "cidr"]), below, max_size=3
            ),
        ),
        max_leaves=12,
    ),
    _EVENTS,
)
def test_any_json_is_a_pattern_or_an_invalid_one(content: Any, event: Any) -> None:
    try:
        pattern = parse_pattern(json.dumps(content), EVENT_BUS)
    except InvalidPattern:
        return
    assert isinstance(matches(pattern, event), bool)


@pytest.mark.parametrize(
    "condition",
    [{"wildcard": "a*"}, {"cidr": "10.0.0.0/8"}, {"anything-but": {"prefix": "a"}}, {"anything-but": {"equals-ignore-case": "a"}}],
)
def test_operators_that_filters_do_not_have(condition: Any) -> None:
    text = json.dumps({"a": [condition]})
    parse_pattern(text, EVENT_BUS)
    with pytest.raises(InvalidPattern):
        parse_pattern(text, FILTERS)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"a": {}},
        {"a": [[1]]},
        {"a": [{}]},
        {"a": [{"prefix": "x", "suffix": "y"}]},
        {"a": [{"numeric": ["<", 5, ">", 1]}]},
        {"a": [{"numeric": [">", 5, "<", 5]}]},
        {"a": [{"numeric": ["=", 1, "<", 5]}]},
        {"a": [{"numeric": ["=", "1"]}]},
        {"a": [{"numeric": ["=", True]}]},
        {"a": [6_000_000_000]},
        {"a": [{"exists": "true"}]},
        {"a": [{"anything-but": []}]},
        {"a": [{"anything-but": ["x", 1]}]},
        {"a": [{"anything-but": {"numeric": ["=", 1]}}]},
        {"$or": [{"a": [1]}]},
        {f"${number}": [1] for number in range(2)} | {"$or": []},
    ],
)
def test_what_is_no_pattern(pattern: Any) -> None:
    with pytest.raises(InvalidPattern):
        parse_pattern(json.dumps(pattern), EVENT_BUS)


def test_too_many_combinations_of_alternatives_are_refused() -> None:
    def levels(count: int) -> Any:
        return {f"f{level}": {"$or": [{"a": [1]}, {"b": [1]}]} for level in range(count)}

    parse_pattern(json.dumps(levels(9)), EVENT_BUS)
    with pytest.raises(InvalidPattern, match="1000"):
        parse_pattern(json.dumps(levels(10)), EVENT_BUS)


def test_a_field_may_be_called_or() -> None:
    assert _matches({"$or": ["x"]}, {"$or": "x"})


def test_deep_and_wide_patterns_are_no_trouble() -> None:
    wide = {f"f{number}": [number] for number in range(500)}
    assert _matches(wide, {f"f{number}": number for number in range(500)})
    with pytest.raises(InvalidPattern):
        parse_pattern('{"a":' * 5000 + "[1]" + "}" * 5000, EVENT_BUS)


def test_what_matches_nothing_is_found_out_soon() -> None:
    event = {name: [{"v": number} for number in range(300)] for name in "abcdef"}
    assert not _matches({name: {"v": [{"exists": True}]} for name in "abcdef"} | {"g": ["x"]}, event)


def test_only_objects_are_events() -> None:
    assert not _matches({"a": [{"exists": False}]}, ["a"])
    assert not _matches({"a": [{"exists": False}]}, "text")
