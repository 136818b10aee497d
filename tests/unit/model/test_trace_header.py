"""X-Ray's tracing header, read and passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.model.trace_header import TraceHeader, continued, read_sampled, read_trace_header

TRACE_ID = "1-6750ae7a-5a1b6f8e2c3d4e5f60718293"
PARENT_ID = "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"Root={TRACE_ID};Parent={PARENT_ID};Sampled=1", TraceHeader(TRACE_ID, PARENT_ID, True)),
        (f"root={TRACE_ID}; sampled=0;Lineage=a:1", TraceHeader(TRACE_ID, None, False)),
        (f"Root={TRACE_ID};Sampled=?", TraceHeader(TRACE_ID, None, None)),
        (f"Self=1-1-1;Root={TRACE_ID};Parent=nobody", TraceHeader(TRACE_ID, None, None)),
        ("Root=1-1-1;Sampled=1", None),
        ("", None),
    ],
)
def test_it_is_read(header: str, expected: TraceHeader | None) -> None:
    assert read_trace_header(header) == expected


def test_who_comes_next_has_another_parent_and_all_other_fields() -> None:
    header = f"Root={TRACE_ID};Parent=aaaaaaaaaaaaaaaa;Sampled=?;Lineage=943dcfc8:0;Mine=1"
    assert continued(header, parent_id=PARENT_ID, is_sampled=True) == (
        f"Root={TRACE_ID};Parent={PARENT_ID};Sampled=1;Lineage=943dcfc8:0;Mine=1"
    )
    assert continued(f"Root={TRACE_ID};Parent={PARENT_ID}", parent_id=None, is_sampled=False) == (
        f"Root={TRACE_ID};Parent={PARENT_ID};Sampled=0"
    ) or continued(f"Root={TRACE_ID};Parent={PARENT_ID}", parent_id=None, is_sampled=False) == (
        f"Root={TRACE_ID};Sampled=0;Parent={PARENT_ID}"
    )


FIELDS = st.sampled_from(
    [
        f"Root={TRACE_ID}",
        "Parent=aaaaaaaaaaaaaaaa",
        "Sampled=0",
        "Sampled=1",
        "Lineage=943dcfc8:0",
        "sampled=1",
        "Parent=",
        "Mine=1",
        "",
        " ",
    ]
)


@given(st.lists(FIELDS, max_size=6), st.sampled_from([None, PARENT_ID]), st.booleans())
def test_the_common_form_is_read_and_continued_as_any_other(fields: list[str], parent_id: str | None, is_sampled: bool) -> None:
    """One field that nobody knows takes a header out of the common form, and changes nothing of what it says."""
    header = ";".join(fields)
    other = f"{header};Unknown=1"
    assert read_trace_header(header) == read_trace_header(other)
    assert read_sampled(header) == read_sampled(other)
    assert f"{continued(header, parent_id=parent_id, is_sampled=is_sampled)};Unknown=1" == continued(
        other, parent_id=parent_id, is_sampled=is_sampled
    )
