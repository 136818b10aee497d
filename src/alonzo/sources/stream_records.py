"""Records of ordered sources, and what reads them: a kind of stream implements `StreamReader`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record. `identifier`: what the function names in `batchItemFailures`, unique in the unit.

    `position`: what a checkpoint says when everything up to and with this record is done; any text that the reader understands.
    `content`: the record as it stands in the event, JSON. `key`: records of one key stay in order with a ParallelizationFactor.
    """

    identifier: str
    position: str
    content: bytes
    key: str
    arrived_unix_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read brought. `is_at_end`: the unit is closed and nothing will ever follow. `is_caught_up`: nothing more for now."""

    records: Sequence[StreamRecord]
    is_at_end: bool = False
    is_caught_up: bool = True


class StreamReader(Protocol):
    """Of one unit, from one position on. Made by the `open_reader` that `poll_stream` is given."""

    async def read(self, limit: int) -> Reading:
        """Up to so many records; none after the reader has waited for some as long as is sensible for the source (a second, say).

        `SourceProblem` and errors of AWS calls: it is called again after a pause, and goes on where it was.
        """
        ...

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        """The record as filters see it, with what it carries decoded. Called only if there are filters."""
        ...

    def event(self, records: Sequence[StreamRecord], window: dict[str, Any] | None) -> bytes:
        """What the function gets. `window`: members of the event that a tumbling window adds."""
        ...

    def describe(self, records: Sequence[StreamRecord]) -> tuple[str, dict[str, Any]]:
        """What on-failure destinations are told of the batch: the name of the member (`KinesisBatchInfo`) and what it holds."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


def join_records(records: Sequence[StreamRecord]) -> bytes:
    """Their contents as a JSON array."""
    return b"[" + b",".join([record.content for record in records]) + b"]"
