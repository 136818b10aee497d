import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.aws.api_error import ApiError
from alonzo.aws.pagination import SortKey, paginate, read_marker, write_marker


def key_of(item: str) -> SortKey:
    return (item,)


@given(items=st.sets(st.text(), max_size=20).map(sorted), limit=st.integers(1, 7))
def test_pages_hold_every_item_once(items: list[str], limit: int) -> None:
    seen: list[str] = []
    marker = None
    while True:
        page = paginate(items, sort_key=key_of, marker=marker, limit=limit)
        seen.extend(page.items)
        assert len(page.items) <= limit
        marker = page.next_marker
        if marker is None:
            break
    assert seen == items


def test_goes_on_behind_a_deleted_item() -> None:
    page = paginate(["a", "b", "c"], sort_key=key_of, marker=None, limit=2)
    assert paginate(["a", "c", "d"], sort_key=key_of, marker=page.next_marker, limit=2).items == ("c", "d")


@given(key=st.lists(st.text()).map(tuple))
def test_reads_its_own_markers(key: SortKey) -> None:
    assert read_marker(write_marker(key)) == key


@pytest.mark.parametrize("marker", ["", "x", "äöü", "AAAA", "e30", "\x00", "W10=" * 1_000])
def test_refuses_other_markers(marker: str) -> None:
    with pytest.raises(ApiError, match="InvalidParameterValueException"):
        read_marker(marker)
