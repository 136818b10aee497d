"""The audit trail: one JetStream stream that keeps the newest records, by account and region, and drops the oldest by age and by size.

One message is one record, as the edge has written it.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from alonzo.model.scope import Scope
from alonzo.store.connection import Connection
from alonzo.store.keys import to_token

_STREAM = "AUDIT"
_SUBJECT_PREFIX = "alonzo.audit"
_MAX_BYTES = 64 << 20
_MAX_AGE_NANOSECONDS = 90 * 86_400 * 1_000_000_000
"""Source: CloudTrail's event history, https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html."""
_BATCH_MESSAGES = 200


class AuditStore:
    """Made by `open`. Errors of all methods: the store's."""

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, connection: Connection) -> "AuditStore":
        """Make the stream."""
        single = connection.replica_count == 1
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_SUBJECT_PREFIX}.>"],
                "max_bytes": _MAX_BYTES,
                "max_age": _MAX_AGE_NANOSECONDS,
                "discard": "old",
                "allow_direct": True,
                **({"persist_mode": "async"} if single else {}),
            }
        )
        return cls(connection=connection)

    async def append(self, scope: Scope, records: list[bytes]) -> None:
        """Add records, in their order."""
        subject = _subject(scope)
        for record in records:
            await self._connection.publish(subject, record)

    async def iter_newest(self, scope: Scope, *, before: int | None) -> AsyncIterator[tuple[int, bytes]]:
        """Position and record, the newest first; from before a position on that came with one."""
        state = (await self._connection.call(f"STREAM.INFO.{_STREAM}"))["state"]
        end = int(state["last_seq"]) + 1 if before is None else min(before, int(state["last_seq"]) + 1)
        first = int(state["first_seq"])
        while end > first:
            start = max(first, end - _BATCH_MESSAGES)
            for position, record in reversed(await self._read(_subject(scope), start, end)):
                yield position, record
            end = start

    async def _read(self, subject: str, start: int, end: int) -> list[tuple[int, bytes]]:
        """Source: ADR-31 (direct get), "Batched requests"."""
        request: dict[str, Any] = {"next_by_subj": subject, "seq": start, "batch": end - start}
        *messages, _ = await self._connection.request_many(f"$JS.API.DIRECT.GET.{_STREAM}", msgspec.json.encode(request))
        found = [(int((message.headers or {})["Nats-Sequence"]), message.data) for message in messages]
        return [(position, record) for position, record in found if position < end]


def _subject(scope: Scope) -> str:
    return f"{_SUBJECT_PREFIX}.{to_token(scope.account_id)}.{to_token(scope.region)}"
