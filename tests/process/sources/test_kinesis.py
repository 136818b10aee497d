"""Streams of Kinesis, over the companion's: each option changes what the function gets."""

import base64
import json
import time
import urllib.request
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from tests.support.event_sink import EventSink
from tests.support.event_sources import (
    create_queue,
    create_stream,
    deploy_recorder,
    events_of,
    map_source,
    most_at_once,
    receive_one,
    records_of,
    wait_for_records,
    wait_for_state,
)
from tests.support.server import Server
from tests.support.waiting import eventually

_FAIL_ON_POISON = """
def answer(event):
    if any(base64.b64decode(record["kinesis"]["data"]) == b"poison" for record in event["Records"]):
        raise ValueError("poison")
"""


def _put(server: Server, stream: str, data: list[str], *, key: str | None = None) -> None:
    records = [{"PartitionKey": key or each, "Data": each.encode()} for each in data]
    server.own_client("kinesis").put_records(StreamName=stream, Records=records)


def _data(records: list[dict[str, Any]]) -> list[str]:
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in records]


def test_records_look_as_on_aws_and_begin_where_the_mapping_says(server: Server, sink: EventSink) -> None:
    arn = create_stream(server, "k-start")
    _put(server, "k-start", ["1"])
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    _put(server, "k-start", ["2"])
    names = {which: deploy_recorder(server, sink, f"k-{which}") for which in ("horizon", "instant", "latest")}
    map_source(server, names["latest"], arn, StartingPosition="LATEST")
    map_source(server, names["horizon"], arn, StartingPosition="TRIM_HORIZON")
    map_source(server, names["instant"], arn, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=between)
    _put(server, "k-start", ["3"], key="key")
    assert _data(wait_for_records(sink, names["horizon"], 3)) == ["1", "2", "3"]
    assert _data(wait_for_records(sink, names["instant"], 2)) == ["2", "3"]
    (record,) = wait_for_records(sink, names["latest"], 1)
    number = record["kinesis"]["sequenceNumber"]
    assert abs(record["kinesis"].pop("approximateArrivalTimestamp") - time.time()) < 60
    assert record == {
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "key", "sequenceNumber": number, "data": "Mw=="},
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/test",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }


def test_batches_have_a_size_and_gather_in_a_window(server: Server, sink: EventSink) -> None:
    arn = create_stream(server, "k-batch")
    sized, gathered = (deploy_recorder(server, sink, f"k-{which}") for which in ("sized", "gathered"))
    map_source(server, gathered, arn, StartingPosition="LATEST", MaximumBatchingWindowInSeconds=4)
    for number in range(4):
        _put(server, "k-batch", [str(number)])
    map_source(server, sized, arn, StartingPosition="TRIM_HORIZON", BatchSize=3)
    wait_for_records(sink, sized, 4)
    assert [len(event["Records"]) for event in events_of(sink, sized)] == [3, 1]
    assert _data(wait_for_records(sink, gathered, 4)) == ["0", "1", "2", "3"]
    assert len(events_of(sink, gathered)) == 1


def test_a_batch_that_fails_is_retried_then_given_up_and_the_destination_told(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-retries", _FAIL_ON_POISON)
    arn = create_stream(server, name)
    url, queue_arn = create_queue(server, name)
    _put(server, name, ["1", "poison", "2"])
    destination = {"OnFailure": {"Destination": queue_arn}}
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=1, DestinationConfig=destination)
    record = receive_one(server, url)
    _put(server, name, ["3"])
    assert _data(wait_for_records(sink, name, 7)) == ["1", "poison", "2"] * 2 + ["3"]
    context = record["requestContext"]
    assert context.pop("requestId")
    assert context == {
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["version"] == "1.0"
    info = record["KinesisBatchInfo"]
    assert info.pop("approximateArrivalOfFirstRecord") <= info.pop("approximateArrivalOfLastRecord") <= record["timestamp"]
    assert info == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": "1",
        "endSequenceNumber": "3",
        "batchSize": 3,
        "streamArn": arn,
    }


def test_a_batch_that_fails_is_split_until_the_bad_record_is_alone(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-bisect", _FAIL_ON_POISON)
    arn = create_stream(server, name)
    server.client("s3").create_bucket(Bucket="k-bisect")
    _put(server, name, ["1", "2", "3", "poison", "4"])
    map_source(
        server,
        name,
        arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::k-bisect"}},
    )
    succeeded = lambda: [  # noqa: E731
        each for event in events_of(sink, name) if "poison" not in _data(event["Records"]) for each in _data(event["Records"])
    ]
    eventually(lambda: "4" in succeeded(), what="the last record")
    s3 = server.client("s3")
    (content,) = eventually(lambda: s3.list_objects_v2(Bucket="k-bisect").get("Contents"), what="an object")
    uuid, shard = content["Key"].split("/")[2:4]
    assert content["Key"].startswith(f"aws/lambda/{uuid}/{shard}/{datetime.now(UTC):%Y/}")
    assert shard == "shardId-000000000000"
    record = json.load(s3.get_object(Bucket="k-bisect", Key=content["Key"])["Body"])
    assert record["KinesisBatchInfo"]["batchSize"] == 1
    assert _data(json.loads(record["payload"])["Records"]) == ["poison"]
    assert succeeded() == ["1", "2", "3", "4"]


def test_a_batch_goes_on_with_the_first_record_that_the_function_names(server: Server, sink: EventSink) -> None:
    answer = """
def answer(event):
    numbers = [r["kinesis"]["sequenceNumber"] for r in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ("4", "3")] if "1" in numbers else []}
"""
    name = deploy_recorder(server, sink, "k-partial", answer)
    arn = create_stream(server, name)
    _put(server, name, ["1", "2", "3", "4"])
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", FunctionResponseTypes=["ReportBatchItemFailures"])
    assert _data(wait_for_records(sink, name, 6)) == ["1", "2", "3", "4", "3", "4"]


def test_a_shard_is_processed_in_parallel_with_each_key_in_order(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-parallel", "def answer(event):\n    time.sleep(0.1)\n")
    arn = create_stream(server, name)
    for number in range(3):
        for key in "abcdefgh":
            _put(server, name, [f"{key}{number}"], key=key)
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", ParallelizationFactor=4, BatchSize=1)
    numbers = defaultdict(list)
    for data in _data(wait_for_records(sink, name, 24)):
        numbers[data[0]].append(data[1])
    assert dict(numbers) == {key: ["0", "1", "2"] for key in "abcdefgh"}
    eventually(lambda: len([each for each in sink.ended_ids if each[0] == name]) == 24, what="the end of all")
    assert 1 < most_at_once(sink, name) <= 4


def test_filters_look_into_the_data(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-filter")
    arn = create_stream(server, name)
    pattern = json.dumps({"data": {"city": ["Bern"]}, "partitionKey": [{"prefix": "k"}]})
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    _put(server, name, [json.dumps({"city": city}) for city in ("Basel", "Bern", "Genf")], key="key")
    _put(server, name, ["Bern", json.dumps({"city": "Bern", "last": True})], key="key")
    records = wait_for_records(sink, name, 2)
    assert [json.loads(data) for data in _data(records)] == [{"city": "Bern"}, {"city": "Bern", "last": True}]


def test_windows_carry_state_to_their_end(server: Server, sink: EventSink) -> None:
    answer = """
def answer(event):
    return {"state": {"count": event["state"].get("count", 0) + len(event["Records"])}}
"""
    name = deploy_recorder(server, sink, "k-window", answer)
    arn = create_stream(server, name)
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=2, BatchSize=1)
    time.sleep(2.05 - time.time() % 2)  # at the beginning of one
    _put(server, name, ["1", "2"])
    finals = lambda: [event for event in events_of(sink, name) if event["isFinalInvokeForWindow"]]  # noqa: E731
    eventually(finals, what="the end of the window")
    first, second, final = events_of(sink, name)[:3]
    assert (first["state"], second["state"], final["state"]) == ({}, {"count": 1}, {"count": 2})
    assert final["Records"] == []
    assert first["window"] == second["window"] == final["window"]
    assert final["window"]["start"] < final["window"]["end"]
    assert (final["shardId"], final["eventSourceARN"], final["isWindowTerminatedEarly"]) == ("shardId-000000000000", arn, False)


def test_children_of_a_shard_come_after_it(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-reshard", "def answer(event):\n    time.sleep(0.02)\n")
    arn, kinesis = create_stream(server, name), server.own_client("kinesis")
    keys = [f"key-{number}" for number in range(6)]
    for key in keys:
        _put(server, name, [f"{key}/0", f"{key}/1"], key=key)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    for key in keys:
        _put(server, name, [f"{key}/2"], key=key)
    kinesis.merge_shards(StreamName=name, ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002")
    for key in keys:
        _put(server, name, [f"{key}/3"], key=key)
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON", BatchSize=2)
    wait_for_records(sink, name, 24)
    data = _data(records_of(sink, name))
    for key in keys:
        assert [each for each in data if each.startswith(f"{key}/")] == [f"{key}/{number}" for number in range(4)]


def test_shards_that_come_and_go_while_the_mapping_runs_are_polled(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-reshard-live")
    arn, kinesis = create_stream(server, name), server.own_client("kinesis")
    keys = [f"key-{number}" for number in range(6)]
    map_source(server, name, arn, StartingPosition="TRIM_HORIZON")

    def put_and_wait(number: int) -> None:
        for key in keys:
            _put(server, name, [f"{key}/{number}"], key=key)
        wait_for_records(sink, name, (number + 1) * len(keys))

    put_and_wait(0)
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    put_and_wait(1)
    kinesis.merge_shards(StreamName=name, ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000002")
    put_and_wait(2)
    data = _data(records_of(sink, name))
    assert sorted(data) == sorted(f"{key}/{number}" for key in keys for number in range(3))


def test_a_consumer_reads_the_stream_under_its_own_name(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "k-consumer")
    arn = create_stream(server, name)
    consumer = server.own_client("kinesis").register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    if not consumer.rpartition(":")[2].isdigit():  # moto leaves out the instant at its end
        consumer += ":1700000000"
    uuid = map_source(server, name, consumer, StartingPosition="TRIM_HORIZON")
    _put(server, name, ["1"])
    (record,) = wait_for_records(sink, name, 1)
    assert record["eventSourceARN"] == consumer

    def has_age() -> bool:
        page = urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics", timeout=20).read().decode()
        return any(line.startswith("alonzo_iterator_age_milliseconds") and uuid in line for line in page.splitlines())

    eventually(has_age, what="the iterator's age")


def test_a_mapping_leads_to_an_alias_and_then_to_another_function(server: Server, sink: EventSink) -> None:
    one, other = (deploy_recorder(server, sink, f"k-target-{which}") for which in ("one", "other"))
    client = server.own_client("lambda")
    version = client.publish_version(FunctionName=one)["Version"]
    client.create_alias(FunctionName=one, Name="live", FunctionVersion=version)
    arn = create_stream(server, "k-target")
    uuid = map_source(server, f"{one}:live", arn, StartingPosition="TRIM_HORIZON")
    _put(server, "k-target", ["1"])
    wait_for_records(sink, one, 1)
    client.update_event_source_mapping(UUID=uuid, FunctionName=other)
    wait_for_state(server, uuid, "Enabled")
    _put(server, "k-target", ["2"])
    assert _data(wait_for_records(sink, other, 1)) == ["2"]
    assert _data(records_of(sink, one)) == ["1"]
