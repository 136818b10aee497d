"""Batches that fit into an event."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from alonzo.model import quotas

T = TypeVar("T")

_ENVELOPE_BYTES = 2_048
"""Of an event, beside its records."""


def fitting(records: Iterable[T], size_bytes: Callable[[T], int]) -> list[list[T]]:
    """The records in their order, in pieces of which events can be made; one that is too large all by itself is a piece of its own.

    `size_bytes`: of a record in an event, with what stands between it and the next.
    """
    pieces: list[list[T]] = []
    room_bytes = 0
    for record in records:
        size = size_bytes(record)
        if not pieces or size > room_bytes:
            pieces.append([])
            room_bytes = quotas.PAYLOAD_SYNC_MAX_BYTES - _ENVELOPE_BYTES
        pieces[-1].append(record)
        room_bytes -= size
    return pieces
