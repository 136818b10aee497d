"""Streams of a DynamoDB that is not the companion's: Amazon's own DynamoDB Local."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.brokers.dynamodb_local import DynamoDbLocal
from tests.support.event_sink import EventSink
from tests.support.event_sources import ACCOUNT, deploy_recorder, map_source, records_of
from tests.support.server import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.thorough

_KEYS, _TIMES = "abcdef", 8
_FAIL_ONCE = """
seen = set()

def answer(event):
    first = event["Records"][0]["dynamodb"]["SequenceNumber"]
    if first not in seen:
        seen.add(first)
        raise ValueError("the first time")
"""


@pytest.fixture(scope="module")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDbLocal]:
    running = DynamoDbLocal.start(tmp_path_factory.mktemp("dynamodb"))
    yield running
    running.stop()


def test_changes_of_an_item_come_in_order_though_the_function_fails(dynamodb_local: DynamoDbLocal, sink: EventSink, tmp_path: Path) -> None:
    services = [option for name in ("dynamodb", "dynamodbstreams") for option in ("--service", f"{name}={dynamodb_local.url}")]
    with Server.start(*services, data_directory=tmp_path / "data") as server:
        name = deploy_recorder(server, sink, "ddb-local", _FAIL_ONCE)
        dynamodb = server.client("dynamodb", account=ACCOUNT)
        table = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]
        arn = table["LatestStreamArn"].replace(":ddblocal:", ":us-east-1:")
        map_source(server, name, arn, StartingPosition="TRIM_HORIZON", BatchSize=10, ParallelizationFactor=2)
        for number in range(_TIMES):
            for key in _KEYS:
                dynamodb.put_item(TableName=name, Item={"id": {"S": key}, "n": {"N": str(number)}})

        def numbers() -> dict[str, list[int]]:
            found: dict[str, list[int]] = {key: [] for key in _KEYS}
            for record in records_of(sink, name):
                change = record["dynamodb"]
                found[change["Keys"]["id"]["S"]].append(int(change["NewImage"]["n"]["N"]))
            return found

        eventually(lambda: all(set(found) == set(range(_TIMES)) for found in numbers().values()), what="all changes")
        for found in numbers().values():
            assert sorted(set(found), key=found.index) == list(range(_TIMES))
        records = records_of(sink, name)
        assert {(record["eventSource"], record["eventSourceARN"], record["awsRegion"]) for record in records} == {
            ("aws:dynamodb", arn, "us-east-1")
        }
