"""Pieces of batches that fit into an event."""

from hypothesis import given
from hypothesis import strategies as st

from alonzo.model import quotas
from alonzo.sources.batches import fitting


@given(st.lists(st.integers(1, quotas.PAYLOAD_SYNC_MAX_BYTES + 10), max_size=30))
def test_pieces_hold_everything_in_order_and_fit_but_for_what_never_can(sizes: list[int]) -> None:
    pieces = fitting(sizes, lambda size: size)
    assert [size for piece in pieces for size in piece] == sizes
    assert all(sum(piece) <= quotas.PAYLOAD_SYNC_MAX_BYTES or len(piece) == 1 for piece in pieces)
