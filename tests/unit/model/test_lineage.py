"""Lineage in trace headers: counted, bounded, and deaf to whatever else a header holds."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.model.lineage import COUNT_MAX, MARKS_MAX, advanced, begun, count_of, mark_of
from alonzo.model.scope import Scope

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
HERE = Scope("123456789012", "eu-west-1")
LINEAGE = re.compile(r"Lineage=[0-9a-f]{8}:[0-9]{1,5}(\|[0-9a-f]{8}:[0-9]{1,5})*")

marks = st.text("0123456789abcdef", min_size=8, max_size=8)
headers = st.one_of(
    st.text(max_size=200), st.lists(st.sampled_from(["Root=1", ";", "Lineage=", "|", ":", "0badcafe", "7", "99999", "%7C"])).map("".join)
)


def test_a_mark_is_that_of_one_function() -> None:
    assert mark_of(HERE, "one") == mark_of(Scope("123456789012", "eu-west-1"), "one")
    assert len({mark_of(HERE, "one"), mark_of(HERE, "two"), mark_of(Scope("123456789012", "eu-west-2"), "one")}) == 3
    assert re.fullmatch("[0-9a-f]{8}", mark_of(HERE, "one"))


def test_the_first_invocation_is_number_zero() -> None:
    assert begun(ROOT, "0badcafe") == advanced(ROOT, "0badcafe") == f"{ROOT};Lineage=0badcafe:0"


def test_functions_are_counted_each_for_itself() -> None:
    header = ROOT
    for mark in ("aaaaaaaa", "bbbbbbbb", "aaaaaaaa", "aaaaaaaa"):
        header = advanced(header, mark)
    assert header == f"{ROOT};Lineage=bbbbbbbb:0|aaaaaaaa:2"
    assert (count_of(header, "aaaaaaaa"), count_of(header, "bbbbbbbb"), count_of(header, "cccccccc")) == (2, 0, 0)


def test_the_separator_may_come_percent_encoded_as_botocore_sends_it() -> None:
    """Source: its `add_recursion_detection_header`."""
    sent = quote(f"{ROOT};Lineage=aaaaaaaa:1|bbbbbbbb:4", safe="-=;:+&[]{}\"',")
    assert advanced(sent, "bbbbbbbb") == f"{ROOT};Lineage=aaaaaaaa:1|bbbbbbbb:5"


@pytest.mark.parametrize(
    "lineage", ["", "x", "aaaaaaaa", "aaaaaaaa:", ":1", "aaaaaaaa:-1", "aaaaaaaa:1e3", "AAAAAAAA:1", "aaaaaaaa:٣", "1:aaaaaaaa:0", "|||"]
)
def test_what_is_no_lineage_is_left_out(lineage: str) -> None:
    assert advanced(f"{ROOT};Lineage={lineage}", "aaaaaaaa") == f"{ROOT};Lineage=aaaaaaaa:0"


@given(headers, st.lists(marks, min_size=1, max_size=60))
def test_whatever_the_header_was_the_lineage_is_one_and_bounded(header: str, chain: list[str]) -> None:
    others = [field for field in header.split(";") if field.partition("=")[0].strip().lower() != "lineage"]
    for mark in chain:
        before = count_of(header, mark)
        was_there = f"{mark}:" in header
        header = advanced(header, mark)
        assert count_of(header, mark) == (min(before + 1, COUNT_MAX) if was_there else 0)
    assert header.split(";")[:-1] == others
    assert LINEAGE.fullmatch(header.split(";")[-1])
    assert header.count("|", header.rindex("Lineage=")) < MARKS_MAX


@given(st.lists(st.sampled_from([f"{digit}" * 8 for digit in "0123456789abcdef"]), max_size=200))
def test_each_function_of_a_chain_is_counted(chain: list[str]) -> None:
    header = ROOT
    for mark in chain:
        header = advanced(header, mark)
    for mark in set(chain):
        assert count_of(header, mark) == chain.count(mark) - 1


def test_counts_end_somewhere() -> None:
    header = f"{ROOT};Lineage=aaaaaaaa:{COUNT_MAX}"
    assert advanced(header, "aaaaaaaa") == header
    assert count_of(f"{ROOT};Lineage=aaaaaaaa:99999", "aaaaaaaa") == COUNT_MAX
