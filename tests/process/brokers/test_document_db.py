"""Change streams as an event source, with what stands in for MongoDB: see `tests/support/brokers/mongodb.py`."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from tests.support.batch_sink import BatchSink
from tests.support.brokers.mongodb import MongoDb
from tests.support.mappings import create_mapping, create_secret, switch_mapping, wait_for_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

_ARN = "arn:aws:rds:us-east-1:000000000000:cluster:orders"
_OTHER_ARN = "arn:aws:rds:us-east-1:000000000000:cluster:others"


@pytest.fixture(scope="module")
def server(mongodb: MongoDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the database is."""
    with Server.start("--broker", f"{_ARN}={mongodb.url}", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="module")
def login(server: Server) -> str:
    """A secret without credentials: the stand-in knows no users."""
    return create_secret(server, "mongodb", username="", password="")


@pytest.fixture
def shop(mongodb: MongoDb) -> Iterator[Any]:
    """The database."""
    with MongoClient[dict[str, Any]](mongodb.url) as client:
        yield client["shop"]


def create(server: Server, login: str, function: str, collection: str, **settings: Any) -> str:
    known = {
        "EventSourceArn": _ARN,
        "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": login}],
        "DocumentDBEventSourceConfig": {"DatabaseName": "shop", "CollectionName": collection},
        "StartingPosition": "TRIM_HORIZON",
    }
    return create_mapping(server, function, **(known | settings))


def changes_of(sink: BatchSink) -> list[dict[str, Any]]:
    return [each["event"] for event in sink.events for each in event["events"]]


def names_of(sink: BatchSink) -> list[str]:
    return [change["fullDocument"]["name"] for change in changes_of(sink)]


def test_events_are_as_on_aws(server: Server, login: str, shop: Any, sink: BatchSink) -> None:
    key = ObjectId()
    shop["shapes"].insert_one({"_id": key, "anyField": "sampleValue", "count": 3})
    create(server, login, sink.deploy(server, "shapes"), "shapes")
    eventually(lambda: sink.events, what="a change")
    event = sink.events[0]
    assert event.keys() == {"eventSourceArn", "events", "eventSource"}
    assert (event["eventSourceArn"], event["eventSource"]) == (_ARN, "aws:docdb")
    change = event["events"][0]["event"]
    assert change["operationType"] == "insert"
    assert change["documentKey"] == {"_id": {"$oid": str(key)}}
    assert change["fullDocument"] == {"_id": {"$oid": str(key)}, "anyField": "sampleValue", "count": 3}
    assert change["clusterTime"]["$timestamp"].keys() == {"t", "i"}
    assert change["_id"].keys() == {"_data"}


def test_only_what_comes_after_the_latest_change_is_read_and_nothing_of_it_is_missed(
    server: Server, login: str, shop: Any, sink: BatchSink
) -> None:
    shop["latest"].insert_one({"name": "before"})
    time.sleep(1.1)  # the log counts in seconds
    uuid = create(server, login, sink.deploy(server, "latest"), "latest", StartingPosition="LATEST")
    switch_mapping(server, uuid, enabled=False)
    shop["latest"].insert_one({"name": "while disabled"})
    switch_mapping(server, uuid, enabled=True)
    shop["latest"].insert_one({"name": "after"})
    eventually(lambda: len(changes_of(sink)) == 2, what="both changes")
    assert names_of(sink) == ["while disabled", "after"]


def test_reading_begins_at_an_instant(server: Server, login: str, shop: Any, sink: BatchSink) -> None:
    shop["instants"].insert_one({"name": "old"})
    time.sleep(1.1)  # the log counts in seconds
    begins_at = int(time.time())
    shop["instants"].insert_one({"name": "new"})
    position = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": begins_at}
    create(server, login, sink.deploy(server, "instants"), "instants", **position)
    eventually(lambda: names_of(sink) == ["new"], what="the new one")


def test_failed_batches_are_tried_again_and_the_order_stays(server: Server, login: str, shop: Any, sink: BatchSink) -> None:
    def decide(event: dict[str, Any]) -> None:
        if len(sink.events) == 1:
            raise ValueError("not yet")

    sink.decide = decide
    shop["failures"].insert_many([{"name": str(number)} for number in range(5)])
    settings = {"BatchSize": 2, "MaximumBatchingWindowInSeconds": 1}
    uuid = create(server, login, sink.deploy(server, "failures"), "failures", **settings)
    eventually(lambda: len(changes_of(sink)) == 7, what="all changes")
    assert names_of(sink) == ["0", "1", "0", "1", "2", "3", "4"]
    assert [len(event["events"]) for event in sink.events] == [2, 2, 2, 1]
    wait_for_mapping(server, uuid, LastProcessingResult="OK")


def test_updates_come_with_the_whole_document_if_asked_for(server: Server, login: str, shop: Any, sink: BatchSink) -> None:
    shop["updates"].insert_one({"_id": 1, "name": "one", "more": "here"})
    shop["updates"].update_one({"_id": 1}, {"$set": {"name": "two"}})
    what = {"DatabaseName": "shop", "CollectionName": "updates"}
    create(server, login, sink.deploy(server, "whole"), "updates", DocumentDBEventSourceConfig=what | {"FullDocument": "UpdateLookup"})
    eventually(lambda: len(changes_of(sink)) == 2, what="both changes")
    assert changes_of(sink)[1]["fullDocument"] == {"_id": 1, "name": "two", "more": "here"}
    sink.events.clear()
    create(server, login, sink.deploy(server, "parts"), "updates", DocumentDBEventSourceConfig=what | {"FullDocument": "Default"})
    eventually(lambda: len(changes_of(sink)) == 2, what="both changes")
    assert "more" not in changes_of(sink)[1]["fullDocument"]


def test_filters_see_the_change(server: Server, login: str, shop: Any, sink: BatchSink) -> None:
    shop["filters"].insert_many([{"name": "small", "size": 1}, {"name": "large", "size": 9}])
    pattern = '{"event": {"fullDocument": {"size": [{"numeric": [">", 5]}]}}}'
    create(server, login, sink.deploy(server, "filters"), "filters", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    eventually(lambda: names_of(sink) == ["large"], what="the large one")


def test_a_cluster_that_nobody_knows_is_a_problem_of_the_mapping(server: Server, login: str, sink: BatchSink) -> None:
    uuid = create(server, login, sink.deploy(server, "unknown"), "c", EventSourceArn=_OTHER_ARN)

    def is_told_of() -> bool:
        result = server.own_client("lambda").get_event_source_mapping(UUID=uuid)["LastProcessingResult"]
        return f"start with --broker {_OTHER_ARN}=" in result

    eventually(is_told_of, what="how to name the cluster")
