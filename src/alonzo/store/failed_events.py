"""Events that failed for good and that nobody else was to be told of: kept for a while, so that they can be looked at and run again.

AWS discards them. Here they go into a stream with limits: the newest stay, the oldest are dropped when it is full or when they are
`RETENTION_DAYS` old. Messages are opaque.
"""

from collections.abc import AsyncIterator

import msgspec

from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope, partition_of
from alonzo.store.connection import DUPLICATE_WINDOW_SECONDS, Connection
from alonzo.store.errors import StoreRefused
from alonzo.store.keys import from_subject, to_subject

RETENTION_DAYS = 14
_STREAM = "EVENTS_FAILED"
_SUBJECTS = "alonzo.failed"
_NANOSECONDS = 1_000_000_000
_DAY_SECONDS = 86_400
_NOT_FOUND_STATUS = "404"
_NO_MESSAGE_FOUND_CODES = frozenset({10037, 10043})


class KeptEvent(msgspec.Struct, frozen=True):
    """A message of the stream and its sequence there."""

    sequence: int
    payload: bytes


class FailedEvents:
    """Made by `open`. Errors of all methods: `StoreUnavailable`, `StoreRefused`."""

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, connection: Connection, *, max_bytes: int) -> "FailedEvents":
        """Make the stream, or change its size."""
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_SUBJECTS}.>"],
                "max_bytes": max_bytes,
                "max_age": RETENTION_DAYS * _DAY_SECONDS * _NANOSECONDS,
                "discard": "old",
                "allow_direct": True,
                "duplicate_window": DUPLICATE_WINDOW_SECONDS * _NANOSECONDS,
            }
        )
        return cls(connection=connection)

    async def keep(self, function: FunctionReference, message: bytes) -> None:
        """Keep an event. `StoreFull`, `MessageTooLarge`."""
        await self._connection.publish(_subject(function), message)

    async def list_counts(self) -> dict[FunctionReference, int]:
        """The functions of which events are kept, and how many."""
        subjects = await self._connection.list_subjects(_STREAM, f"{_SUBJECTS}.>")
        return {_function_of(subject): count for subject, count in subjects.items()}

    async def iter_kept(self, function: FunctionReference) -> AsyncIterator[KeptEvent]:
        """What is kept of a function, oldest first. One at a time is in memory."""
        sequence = 1
        while True:
            request = msgspec.json.encode({"next_by_subj": _subject(function), "seq": sequence})
            answer = await self._connection.request(f"$JS.API.DIRECT.GET.{_STREAM}", request)
            headers = answer.headers or {}
            if headers.get("Status") == _NOT_FOUND_STATUS:
                return
            kept = KeptEvent(int(headers["Nats-Sequence"]), answer.data)
            yield kept
            sequence = kept.sequence + 1

    async def forget(self, kept: KeptEvent) -> None:
        """Keep it no longer; nothing happens if it is gone already."""
        try:
            await self._connection.call(f"STREAM.MSG.DELETE.{_STREAM}", {"seq": kept.sequence, "no_erase": True})
        except StoreRefused as refused:
            if refused.error_code not in _NO_MESSAGE_FOUND_CODES:
                raise

    async def purge(self, function: FunctionReference) -> int:
        """Keep nothing of a function any more; how many there were."""
        answer = await self._connection.call(f"STREAM.PURGE.{_STREAM}", {"filter": _subject(function)})
        return int(answer["purged"])


def _subject(function: FunctionReference) -> str:
    return f"{_SUBJECTS}.{to_subject((function.scope.account_id, function.scope.region, function.name))}"


def _function_of(subject: str) -> FunctionReference:
    account_id, region, name = from_subject(subject.removeprefix(f"{_SUBJECTS}."))
    return FunctionReference(Scope(account_id, region, partition_of(region)), name)
