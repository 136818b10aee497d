"""Metrics: one JetStream stream that keeps what came in the last 15 days, the newest of it when it is full.

A message is what one set of metrics was in one minute; a set has a subject of its own. Several of the same minute add up: of several
nodes, or of values that came late. As logs, it is not fsynced. What is in a message is for others to know.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from alonzo.model.scope import Scope
from alonzo.store.connection import Connection
from alonzo.store.keys import to_subject
from alonzo.store.portions import iter_portions

KEPT_SECONDS = 15 * 86_400
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html, "Metrics retention" of 60 seconds."""
AHEAD_SECONDS = 2 * 3_600
"""So much ahead of its arrival the time of a value may be. Source: API_MetricDatum, `Timestamp`."""

_STREAM = "METRICS"
_SUBJECT_PREFIX = "alonzo.metrics"


class MetricStore:
    """Made by `open`. Errors of all methods: `StoreUnavailable`; of `append` also `StoreFull`."""

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, connection: Connection, *, max_bytes: int) -> "MetricStore":
        """Make the stream, or change its size."""
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_SUBJECT_PREFIX}.>"],
                "max_bytes": max_bytes,
                "max_age": KEPT_SECONDS * 1_000_000_000,
                "discard": "old",
                "allow_direct": True,
                **({"persist_mode": "async"} if connection.replica_count == 1 else {}),
            }
        )
        return cls(connection=connection)

    async def append(self, scope: Scope, digest: str, content: bytes) -> None:
        """Keep what a set was in a minute."""
        await self._connection.publish(_subject(scope, digest), content)

    async def read(self, scope: Scope, digest: str, *, since_unix_seconds: float) -> AsyncIterator[bytes]:
        """What was kept of a set that can be of that time or later."""
        since = datetime.fromtimestamp(0, UTC) + timedelta(seconds=max(since_unix_seconds - AHEAD_SECONDS, 1))
        start = {"start_time": since.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
        async for portion in iter_portions(self._connection, _STREAM, _subject(scope, digest), start):
            for message in portion:
                yield message.data


def _subject(scope: Scope, digest: str) -> str:
    return f"{_SUBJECT_PREFIX}.{to_subject((scope.account_id, scope.region, digest))}"
