"""Filter policies of SNS: every operator, and what they make of arrays and of what is not there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.companion.message_filters import matches_attributes, matches_body

SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5)


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ("a", ["a"], ["b", 1, None]),
        (1, [1, 1.0], ["1", True, 2]),
        (None, [None], ["null", False]),
        (True, [True], [1, "true"]),
        ({"prefix": "ab"}, ["ab", "abc"], ["a", 1, None]),
        ({"suffix": "yz"}, ["xyz"], ["yzx", 1]),
        ({"equals-ignore-case": "Alice"}, ["ALICE"], ["bob", 1]),
        ({"anything-but": "a"}, ["b", 1], ["a"]),
        ({"anything-but": ["a", 1]}, ["b", 2], ["a", 1.0]),
        ({"anything-but": {"prefix": "a"}}, ["b"], ["ab"]),
        ({"anything-but": {"wildcard": ["*.tmp", "x*"]}}, ["b"], ["a.tmp", "xy"]),
        ({"numeric": [">", 0, "<=", 5]}, [5, 0.1], [0, 6, "3"]),
        ({"numeric": ["=", 3e2]}, [300], [301]),
        ({"cidr": "10.0.0.0/24"}, ["10.0.0.7"], ["10.0.1.7", "x", 5]),
        ({"wildcard": "a*[?]z"}, ["a--[?]z"], ["a[x]z", "az"]),
        ({"exists": True}, ["", 0], []),
    ],
)
def test_operators(rule: Any, yes: list[Any], no: list[Any]) -> None:
    for value in yes:
        assert matches_body({"k": [rule]}, json.dumps({"k": value})), value
        assert matches_body({"k": [rule]}, json.dumps({"k": [{}, value]})), value
    for value in no:
        assert not matches_body({"k": [rule]}, json.dumps({"k": value})), value


def test_what_is_not_there() -> None:
    assert matches_body({"k": [{"exists": False}]}, "{}")
    assert not matches_body({"k": [{"exists": False}]}, '{"k": null}')
    assert not matches_body({"k": [{"anything-but": "a"}]}, "{}")
    assert matches_body({"a": {"b": [{"exists": False}]}}, "{}")


def test_alternatives_and_nesting() -> None:
    policy = {"kind": ["x"], "$or": [{"a": [1]}, {"b": {"c": [2]}}]}
    assert matches_body(policy, '{"kind": "x", "b": {"c": 2}}')
    assert matches_body(policy, '{"kind": "x", "b": [{"c": 1}, {"c": 2}]}')
    assert not matches_body(policy, '{"kind": "x", "b": {"c": 3}}')
    assert not matches_body(policy, '{"a": 1}')


@pytest.mark.parametrize("message", ["no JSON", "[]", "1", '"k"', ""])
def test_a_body_that_is_no_object_matches_nothing(message: str) -> None:
    assert not matches_body({"k": [{"exists": False}]}, message)


def test_attributes_have_types() -> None:
    attributes = {
        "n": {"Type": "Number", "Value": "5.0"},
        "list": {"Type": "String.Array", "Value": '["a", 7]'},
        "s": {"Type": "String.custom", "Value": "5"},
    }
    assert matches_attributes({"n": [5], "list": [7], "s": ["5"]}, attributes)
    assert not matches_attributes({"s": [5]}, attributes)
    assert not matches_attributes({"other": ["x"]}, None)


@given(value=SCALARS, others=st.lists(SCALARS, max_size=3))
def test_a_value_is_what_it_equals_and_not_what_is_anything_but(value: Any, others: list[Any]) -> None:
    body = json.dumps({"k": value})
    assert matches_body({"k": [*others, value]}, body)
    assert not matches_body({"k": [{"anything-but": [*others, value]}]}, body)
    assert matches_body({"k": [{"anything-but": others}]}, body) != matches_body({"k": others}, body)
