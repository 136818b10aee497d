"""What targets get: paths and templates."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.triggers.errors import UnknownPath
from alonzo.triggers.event_paths import find_path
from alonzo.triggers.target import InputTransformer, Target
from alonzo.triggers.target_input import input_of

EVENT = {"id": "1", "detail": {"list": [{"a": 1}, {"a": 2}], "dash-ed": True, "dotted.name": None}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", [EVENT]),
        ("$.id", ["1"]),
        ("$.detail.list[1].a", [2]),
        ("$.detail.list[*].a", [1, 2]),
        ("$.detail.list[5]", []),
        ("$.detail['dotted.name']", [None]),
        ('$["detail"]["dash-ed"]', [True]),
        ("$.detail.dash-ed", [True]),
        ("$.detail.*", [EVENT["detail"]["list"], True, None]),
        ("$.id.more", []),
    ],
)
def test_paths_lead_to_values(path: str, expected: list[Any]) -> None:
    assert find_path(EVENT, path) == expected


@pytest.mark.parametrize("path", ["", "id", "$id", "$.", "$..id", "$.list[", "$.list[-1]", "$.list[?(@.a)]", "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(UnknownPath):
        find_path(EVENT, path)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(value=_json)
def test_a_template_that_is_an_object_stays_json_whatever_is_put_into_it(value: Any) -> None:
    template = '{"as": <v>, "list": [<v>, 1], "in": "before <v> after", "<v>": 1}'
    target = Target(arn="", input_transformer=InputTransformer(input_template=template, input_paths_map={"v": "$.detail.v"}))
    made = msgspec.json.decode(input_of(target, {"detail": {"v": value}}, rule_arn="r", ingested_at="t"))
    assert (made["as"], made["list"]) == (value, [value, 1])
    if isinstance(value, str):
        assert made["in"] == f"before {value} after"


@given(template=st.text(alphabet='<>"\\{}ab:, ', max_size=30))
def test_any_template_makes_a_text(template: str) -> None:
    target = Target(arn="", input_transformer=InputTransformer(input_template=template, input_paths_map={"a": "$.id"}))
    assert isinstance(input_of(target, EVENT, rule_arn="r", ingested_at="t"), str)
