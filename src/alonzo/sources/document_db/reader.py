"""The change stream of a collection, a database: a `StreamReader` whose positions are resume tokens.

Source: https://github.com/mongodb/specifications/blob/master/source/change-streams/change-streams.md, and for what DocumentDB has of it
https://docs.aws.amazon.com/documentdb/latest/developerguide/change_streams.html.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from bson import Timestamp, json_util
from pymongo import AsyncMongoClient
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from alonzo.model.event_source_mapping import DocumentDbSource
from alonzo.sources.document_db.changes import encode_change, event_of
from alonzo.sources.errors import SourceProblem
from alonzo.sources.stream_records import Reading, StreamRecord

_WAIT_MS = 1_000
_EMPTY_SECONDS = 0.1
"""The least that it takes to find nothing."""
_INVALIDATE = "invalidate"

Client = AsyncMongoClient[dict[str, Any]]


class ChangeReader:
    """`after`: the position to go on from; None: from `starts_at` on."""

    def __init__(self, *, client: Client, what: DocumentDbSource, event_source_arn: str, after: str | None, starts_at: Timestamp) -> None:
        self._client = client
        self._what = what
        self._event_source_arn = event_source_arn
        self._starts_at = starts_at
        self._token: Mapping[str, Any] | None = None if after is None else json_util.loads(after)
        self._is_after_invalidation = False
        self._stream: AsyncChangeStream[dict[str, Any]] | None = None

    async def read(self, limit: int) -> Reading:
        """As the protocol says: one change at a time, which costs nothing as long as the client has more."""
        try:
            if self._stream is None:
                self._stream = await self._open(limit)
            asked_at = time.monotonic()
            change = await self._stream.try_next()
            if not self._stream.alive:
                await self._forget_stream()
        except PyMongoError as error:
            await self._forget_stream()
            raise problem_of(error) from error
        if change is None:
            # A server that does not wait for changes though it was asked to would be asked all the time.
            await asyncio.sleep(max(_EMPTY_SECONDS - (time.monotonic() - asked_at), 0.0))
            return Reading(())
        self._token = change["_id"]
        self._is_after_invalidation = change.get("operationType") == _INVALIDATE
        return Reading((_record_of(change),), is_caught_up=False)

    def filtered_view(self, record: StreamRecord) -> dict[str, Any]:
        """As the protocol says."""
        return {"event": msgspec.json.decode(record.content)}

    def event(self, records: Sequence[StreamRecord], window: dict[str, Any] | None) -> bytes:
        """As the protocol says. There are no tumbling windows over changes."""
        del window
        return event_of(self._event_source_arn, [record.content for record in records])

    def describe(self, records: Sequence[StreamRecord]) -> tuple[str, dict[str, Any]]:
        """As the protocol says; mappings of this kind have no destinations, so that nobody is told."""
        return "DocumentDbBatchInfo", {"batchSize": len(records), "eventSourceArn": self._event_source_arn}

    async def aclose(self) -> None:
        """As the protocol says. The client is the source's."""
        await self._forget_stream()

    async def _open(self, limit: int) -> AsyncChangeStream[dict[str, Any]]:
        what = self._what
        database = self._client[what.database_name or ""]
        watched = database if what.collection_name is None else database[what.collection_name]
        where: dict[str, Any] = {"start_at_operation_time": self._starts_at}
        if self._token is not None:
            # A stream that ended with its collection cannot be resumed, but another one can start where it ended.
            where = {"start_after" if self._is_after_invalidation else "resume_after": self._token}
        full_document = "updateLookup" if what.full_document == "UpdateLookup" else None
        return await watched.watch(full_document=full_document, max_await_time_ms=_WAIT_MS, batch_size=limit, **where)

    async def _forget_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()


async def oldest_time(client: Client) -> Timestamp:
    """Where TRIM_HORIZON begins: the oldest entry of the log, if it may be read; else as early as can be said."""
    try:
        first = await client["local"]["oplog.rs"].find_one({}, sort=[("$natural", 1)])
    except OperationFailure:
        first = None
    at = None if first is None else first.get("ts")
    return at if isinstance(at, Timestamp) else Timestamp(1, 1)


def problem_of(error: PyMongoError) -> SourceProblem:
    """In the mapping's words. Codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml."""
    match error:
        case OperationFailure(code=18):
            return SourceProblem("Cluster failed to authenticate Lambda")
        case OperationFailure(code=13):
            return SourceProblem("Cluster failed to authorize Lambda")
        case ConnectionFailure():
            return SourceProblem("Connection error. Please check your event source connection configuration.")
    return SourceProblem(str(error))


def _record_of(change: dict[str, Any]) -> StreamRecord:
    at = change.get("clusterTime")
    token = json_util.dumps(change["_id"], json_options=json_util.CANONICAL_JSON_OPTIONS)
    return StreamRecord(
        identifier=str(change["_id"].get("_data", "")),
        position=token,
        content=encode_change(change),
        key="",
        arrived_unix_ms=at.time * 1000 if isinstance(at, Timestamp) else 0,
    )
