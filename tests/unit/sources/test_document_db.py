"""Change streams of whole databases: what is asked of the server, which none that packages could bring here understands."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from bson import Timestamp
from pymongo import AsyncMongoClient
from tests.unit.sources.mongodb_wire import MongoDbServer

from alonzo.model.event_source_mapping import DocumentDbSource
from alonzo.sources.document_db.reader import ChangeReader
from alonzo.sources.stream_records import StreamRecord

_ARN = "arn:aws:rds:us-east-1:000000000000:cluster:orders"
_NO_COLLECTION = "$cmd.aggregate"
"""What cursors over a whole database call their collection. Source: https://www.mongodb.com/docs/manual/reference/command/aggregate/."""


def _change(number: int, collection: str, kind: str = "insert") -> dict[str, Any]:
    return {
        "_id": {"_data": f"token-{number}"},
        "operationType": kind,
        "clusterTime": Timestamp(1_700_000_000 + number, 1),
        "ns": {"db": "shop", "coll": collection},
        "documentKey": {"_id": number},
        "fullDocument": {"_id": number},
    }


def _answers(*batches: list[dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Of a server that has these changes, and closes a cursor after an invalidation."""
    left = list(batches)

    def answer(command: dict[str, Any]) -> dict[str, Any]:
        batch = left.pop(0) if left else []
        is_open = all(change["operationType"] != "invalidate" for change in batch)
        name = "firstBatch" if "aggregate" in command else "nextBatch"
        cursor = {"id": 7 if is_open else 0, "ns": f"{command['$db']}.{_NO_COLLECTION}", name: batch}
        return {"cursor": cursor, "operationTime": Timestamp(1_700_000_000, 1)}

    return answer


def _read(server: MongoDbServer, task: Callable[[ChangeReader], Awaitable[None]], *, after: str | None = None, **what: Any) -> None:
    async def run() -> None:
        async with server.running() as url, AsyncMongoClient[dict[str, Any]](url) as client:
            source = DocumentDbSource(database_name="shop", **what)
            starts_at = Timestamp(1_600_000_000, 0)
            reader = ChangeReader(client=client, what=source, event_source_arn=_ARN, after=after, starts_at=starts_at)
            try:
                await task(reader)
            finally:
                await reader.aclose()

    asyncio.run(run())


async def _records(reader: ChangeReader, count: int) -> list[StreamRecord]:
    found: list[StreamRecord] = []
    while len(found) < count:
        found += (await reader.read(10)).records
    return found


def test_a_mapping_without_a_collection_reads_the_changes_of_all_its_database() -> None:
    server = MongoDbServer(_answers([_change(1, "orders")], [_change(2, "customers")]))

    async def task(reader: ChangeReader) -> None:
        records = await _records(reader, 2)
        event = json.loads(reader.event(records, None))
        assert [each["event"]["ns"] for each in event["events"]] == [{"db": "shop", "coll": name} for name in ("orders", "customers")]
        assert event["eventSourceArn"] == _ARN

    _read(server, task, full_document="UpdateLookup")
    asked, more = server.commands
    assert (asked["aggregate"], asked["$db"], asked["cursor"]) == (1, "shop", {"batchSize": 10})
    stage = {"startAtOperationTime": Timestamp(1_600_000_000, 0), "fullDocument": "updateLookup"}
    assert asked["pipeline"] == [{"$changeStream": stage}]
    assert (more["getMore"], more["collection"], more["$db"]) == (7, _NO_COLLECTION, "shop")


def test_a_mapping_with_a_collection_reads_only_the_changes_of_that() -> None:
    server = MongoDbServer(_answers([_change(1, "orders")]))

    async def task(reader: ChangeReader) -> None:
        await _records(reader, 1)

    _read(server, task, collection_name="orders")
    assert (server.commands[0]["aggregate"], server.commands[0]["$db"]) == ("orders", "shop")


def test_reading_a_database_goes_on_behind_the_last_change_and_where_it_was_dropped() -> None:
    server = MongoDbServer(_answers([_change(1, "orders"), _change(2, "orders", "invalidate")], [_change(3, "customers")]))

    async def task(reader: ChangeReader) -> None:
        records = await _records(reader, 3)
        assert [record.identifier for record in records] == ["token-1", "token-2", "token-3"]

    _read(server, task, after='{"_data": "token-0"}')
    stages = [command["pipeline"][0]["$changeStream"] for command in server.commands if "aggregate" in command]
    assert stages == [{"resumeAfter": {"_data": "token-0"}}, {"startAfter": {"_data": "token-2"}}]
