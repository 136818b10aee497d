"""Streams of DynamoDB tables, over the companion's."""

import json

from tests.support.event_sink import EventSink
from tests.support.event_sources import create_queue, deploy_recorder, map_source, receive_one, records_of, wait_for_records
from tests.support.server import Server


def _create_table(server: Server, name: str) -> str:
    table = server.own_client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    arn: str = table["TableDescription"]["LatestStreamArn"]
    return arn


def test_changes_look_as_on_aws_and_begin_where_the_mapping_says(server: Server, sink: EventSink) -> None:
    all_of_them, latest = (deploy_recorder(server, sink, f"ddb-{which}") for which in ("all", "latest"))
    arn, dynamodb = _create_table(server, "ddb-shape"), server.own_client("dynamodb")
    dynamodb.put_item(TableName="ddb-shape", Item={"id": {"S": "before"}})
    map_source(server, all_of_them, arn, StartingPosition="TRIM_HORIZON")
    wait_for_records(sink, all_of_them, 1)
    map_source(server, latest, arn, StartingPosition="LATEST")
    dynamodb.put_item(TableName="ddb-shape", Item={"id": {"S": "a"}, "n": {"N": "1"}, "b": {"B": b"\x00\x01"}})
    dynamodb.delete_item(TableName="ddb-shape", Key={"id": {"S": "a"}})
    records = wait_for_records(sink, latest, 2)[-2:]
    record = records[0]
    assert {name: record[name] for name in ("eventName", "eventVersion", "eventSource", "awsRegion", "eventSourceARN")} == {
        "eventName": "INSERT",
        "eventVersion": "1.0",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }
    change = record["dynamodb"]
    assert change["Keys"] == {"id": {"S": "a"}}
    assert change["NewImage"] == {"id": {"S": "a"}, "n": {"N": "1"}, "b": {"B": "AAE="}}
    assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert isinstance(change["ApproximateCreationDateTime"], float | int)
    assert records[1]["eventName"] == "REMOVE"
    ids = [each["dynamodb"]["Keys"]["id"]["S"] for each in wait_for_records(sink, all_of_them, 3)]
    assert ids == ["before", "a", "a"]


def test_filters_name_types_of_attributes(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "ddb-filter")
    arn, dynamodb = _create_table(server, name), server.own_client("dynamodb")
    pattern = json.dumps({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["wanted"]}}}})
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for number, kind in enumerate(("other", "wanted", "other", "wanted")):
        dynamodb.put_item(TableName=name, Item={"id": {"S": str(number)}, "kind": {"S": kind}})
    dynamodb.delete_item(TableName=name, Key={"id": {"S": "1"}})
    records = wait_for_records(sink, name, 2)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in records] == ["1", "3"]


def test_changes_that_are_given_up_are_told_to_a_topic(server: Server, sink: EventSink) -> None:
    answer = """
def answer(event):
    if any(record["dynamodb"]["Keys"]["id"]["S"] == "poison" for record in event["Records"]):
        raise ValueError("poison")
"""
    name = deploy_recorder(server, sink, "ddb-given-up", answer)
    arn, dynamodb, sns = _create_table(server, name), server.own_client("dynamodb"), server.own_client("sns")
    url, queue_arn = create_queue(server, name)
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    for key in ("1", "poison", "2"):
        dynamodb.put_item(TableName=name, Item={"id": {"S": key}})
    map_source(
        server,
        name,
        arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )
    told = receive_one(server, url)
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    info = told["DDBStreamBatchInfo"]
    assert info.keys() == {
        *("shardId", "startSequenceNumber", "endSequenceNumber", "batchSize", "streamArn"),
        *("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord"),
    }
    (poison,) = {
        record["dynamodb"]["SequenceNumber"] for record in records_of(sink, name) if record["dynamodb"]["Keys"]["id"]["S"] == "poison"
    }
    assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"], info["streamArn"]) == (poison, poison, 1, arn)
