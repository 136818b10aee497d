"""Tumbling windows: state that a function carries from batch to batch until the window is over.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from alonzo.sources.stream_records import StreamRecord

STATE_MAX_BYTES = 1_048_576


class WindowState(msgspec.Struct, frozen=True, kw_only=True):
    """An open window: when it began, and what the function has returned last."""

    start_unix_ms: int
    state: msgspec.Raw = msgspec.Raw(b"{}")


class TumblingWindows:
    """Of one unit. `size_seconds` as the mapping has it, not 0."""

    def __init__(self, *, size_seconds: int, open_window: WindowState | None) -> None:
        self._size_ms = size_seconds * 1000
        self.current = open_window

    def are_same(self, one: StreamRecord, other: StreamRecord) -> bool:
        """Whether two records are of the same window."""
        return self._start(one) == self._start(other)

    def is_over(self, next_record: StreamRecord | None, *, read_unix_ms: int) -> bool:
        """Whether the open window is to be closed before that record.

        Without one: when everything had been read at an instant after its end.
        """
        if self.current is None:
            return False
        if next_record is not None:
            return self._start(next_record) > self.current.start_unix_ms
        return read_unix_ms >= self.current.start_unix_ms + self._size_ms

    def enter(self, record: StreamRecord) -> None:
        """Open the window of a record, if none is open. Late records count for the window that is."""
        if self.current is None:
            self.current = WindowState(start_unix_ms=self._start(record))

    def members(self, *, unit: str, source_arn: str | None, is_final: bool, is_early: bool) -> dict[str, Any]:
        """What the event says of the open window."""
        assert self.current is not None
        start = self.current.start_unix_ms
        return {
            "window": {"start": _instant(start), "end": _instant(start + self._size_ms)},
            "state": self.current.state,
            "shardId": unit,
            "eventSourceARN": source_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": is_early,
        }

    def keep(self, answer: bytes) -> bool:
        """Take the state out of an answer; False if there is none, which makes it an invocation that failed."""
        assert self.current is not None
        try:
            state = msgspec.json.decode(answer, type=_Answer).state
        except (msgspec.MsgspecError, RecursionError):
            return False
        if state is msgspec.UNSET:
            return False
        self.current = msgspec.structs.replace(self.current, state=msgspec.Raw(bytes(state)))
        return True

    @property
    def is_too_large(self) -> bool:
        """Whether the state has outgrown what is kept: the window ends early, and goes on without state."""
        return self.current is not None and len(bytes(self.current.state)) > STATE_MAX_BYTES

    def reset(self) -> None:
        """The same window, with a fresh state."""
        assert self.current is not None
        self.current = WindowState(start_unix_ms=self.current.start_unix_ms)

    def close(self) -> None:
        """The window is done."""
        self.current = None

    def _start(self, record: StreamRecord) -> int:
        return record.arrived_unix_ms // self._size_ms * self._size_ms


class _Answer(msgspec.Struct):
    state: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _instant(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
