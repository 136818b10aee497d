"""What becomes of Kafka's records that a function fails on, with Apache's own broker."""

import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.kafka import KafkaBroker, Sent
from tests.support.brokers.kafka_mappings import kafka_records_of, kafka_values_of, map_topic, wait_for_values
from tests.support.mappings import wait_for_mapping
from tests.support.server import Server
from tests.support.waiting import eventually


@pytest.fixture
def server(kafka_server: Server) -> Server:
    return kafka_server


def test_a_batch_is_tried_until_it_goes_through_and_nothing_is_committed_before(
    server: Server, kafka: KafkaBroker, sink: BatchSink
) -> None:
    topic = kafka.create_topic("failures")
    may_go_on = threading.Event()

    def decide(event: dict[str, Any]) -> None:
        if len(sink.events) == 3:
            may_go_on.wait(60)
        elif len(sink.events) < 3:
            raise ValueError("not yet")

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"1"), Sent(value=b"2")])
    uuid = map_topic(server, kafka, sink.deploy(server, "failures", Timeout=60), topic, BatchSize=2)
    eventually(lambda: len(sink.events) == 3, what="three tries")
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Function call failed")
    assert kafka.committed(uuid, topic) == [None]
    may_go_on.set()
    eventually(lambda: kafka.committed(uuid, topic) == [2], what="the commit")
    assert kafka_values_of(sink.events) == ["1", "2"] * 3
    wait_for_mapping(server, uuid, LastProcessingResult="OK")


def test_batches_are_split_and_what_cannot_be_processed_goes_to_its_destination(
    server: Server, kafka: KafkaBroker, sink: BatchSink
) -> None:
    topic = kafka.create_topic("splits")
    sqs = server.own_client("sqs")
    queue = sqs.create_queue(QueueName="splits-failures")["QueueUrl"]

    def decide(event: dict[str, Any]) -> None:
        if "poison" in kafka_values_of([event]):
            raise ValueError("no")

    sink.decide = decide
    kafka.send(topic, [Sent(value=value) for value in (b"1", b"2", b"poison", b"4")])
    settings = {
        "BatchSize": 4,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 1,
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 1},
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:splits-failures"}},
    }
    uuid = map_topic(server, kafka, sink.deploy(server, "splits"), topic, **settings)
    eventually(lambda: kafka.committed(uuid, topic) == [4], what="the end of the topic")
    assert [kafka_values_of([event]) for event in sink.events] == [
        ["1", "2", "poison", "4"],
        ["1", "2"],
        ["poison", "4"],
        ["poison"],
        ["poison"],
        ["4"],
    ]
    told = json.loads(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]["Body"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"]["functionError"] == "Unhandled"
    info = told["KafkaBatchInfo"]
    assert info.keys() == {"batchSize", "bootstrapServers", "payloadSize", "recordsInfo"}
    assert (info["batchSize"], info["recordsInfo"]["splits-0"]["firstRecordOffset"]) == (1, "2")


def test_failed_records_go_to_a_topic_of_the_same_cluster(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic, letters = kafka.create_topic("letters"), kafka.create_topic("dead-letters")

    def decide(event: dict[str, Any]) -> None:
        raise ValueError("no")

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"1", key=b"k"), Sent(value=b"2")])
    settings = {
        "BatchSize": 2,
        "MaximumRetryAttempts": 0,
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 1},
        "DestinationConfig": {"OnFailure": {"Destination": f"kafka://{letters}"}},
    }
    uuid = map_topic(server, kafka, sink.deploy(server, "letters"), topic, **settings)
    eventually(lambda: kafka.committed(uuid, topic) == [2], what="the end of the topic")
    first, second = kafka.read(letters)
    assert (first.key, second.key) == (b"k", None)
    told = json.loads(second.value)
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["KafkaBatchInfo"]["recordInfo"]["offset"] == "1"
    assert told["payload"]["records"]["letters-0"][0]["value"] == "Mg=="


def test_only_the_records_that_the_function_names_are_tried_again(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("partial")

    def decide(event: dict[str, Any]) -> dict[str, Any]:
        failed = [2] if len(sink.events) == 1 else []
        return {"batchItemFailures": [{"itemIdentifier": {"topic-partition": "partial-0", "offset": offset}} for offset in failed]}

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"%d" % number) for number in range(4)])
    settings = {"BatchSize": 4, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    uuid = map_topic(server, kafka, sink.deploy(server, "partial"), topic, **settings)
    eventually(lambda: kafka.committed(uuid, topic) == [4], what="the end of the topic")
    assert [kafka_values_of([event]) for event in sink.events] == [["0", "1", "2", "3"], ["2"]]


def test_records_that_are_too_old_are_given_up(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("ages")
    kafka.send(topic, [Sent(value=b"old", timestamp_ms=int(time.time() * 1000) - 3_600_000), Sent(value=b"new")])
    map_topic(server, kafka, sink.deploy(server, "ages"), topic, MaximumRecordAgeInSeconds=600)
    assert wait_for_values(sink, 1) == ["new"]


@pytest.mark.thorough
def test_nothing_is_lost_and_order_holds_in_partitions_when_nodes_are_killed(kafka: KafkaBroker, sink: BatchSink, tmp_path: Path) -> None:
    topic, partitions, count = kafka.create_topic("killed", partitions=4), 4, 2_000
    chance = random.Random(7)
    done = [-1] * partitions
    """The last offset of each partition that the function has processed without a gap."""
    killer = threading.Event()
    lock = threading.Lock()

    def decide(event: dict[str, Any]) -> None:
        with lock:
            if len(sink.events) % 12 == 11:
                killer.set()
            if chance.random() < 0.1:
                raise ValueError("at random")
            for record in kafka_records_of(event):
                assert record["offset"] <= done[record["partition"]] + 1, "a record was left out"
                done[record["partition"]] = max(done[record["partition"]], record["offset"])

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"%d" % number, partition=number % partitions) for number in range(count)])
    node = Server.start(data_directory=tmp_path / "alonzo")
    try:
        pollers = {"MinimumPollers": 2, "MaximumPollers": 2}
        map_topic(node, kafka, sink.deploy(node, "killed"), topic, BatchSize=40, ProvisionedPollerConfig=pollers)
        for _ in range(2):
            killer.clear()
            eventually(killer.is_set, what="some batches")
            node.kill()
            node = Server.start(data_directory=tmp_path / "alonzo")
        eventually(lambda: done == [count // partitions - 1] * partitions, what="all records", within_seconds=120)
    finally:
        node.stop()


def test_a_function_that_may_not_run_loses_nothing_of_a_topic(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic, client = kafka.create_topic("throttled"), server.own_client("lambda")
    function = sink.deploy(server, "kafka-throttled")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    kafka.send(topic, [Sent(value=b"%d" % number) for number in range(5)])
    uuid = map_topic(server, kafka, function, topic, BatchSize=2)
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Function is throttled")
    assert kafka.committed(uuid, topic) == [None]
    client.delete_function_concurrency(FunctionName=function)
    eventually(lambda: kafka.committed(uuid, topic) == [5], what="the end of the topic")
    assert kafka_values_of(sink.events) == ["0", "1", "2", "3", "4"]


@pytest.mark.thorough
def test_failed_records_of_a_topic_go_to_topics_of_sns_and_to_buckets(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic, s3 = kafka.create_topic("elsewhere"), server.client("s3")
    queue = server.own_client("sqs").create_queue(QueueName="elsewhere")["QueueUrl"]
    notices = server.client("sns").create_topic(Name="elsewhere")["TopicArn"]
    server.client("sns").subscribe(TopicArn=notices, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:elsewhere")
    s3.create_bucket(Bucket="kafka-elsewhere")

    def decide(event: dict[str, Any]) -> None:
        raise ValueError("no")

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"1", key=b"k")])
    uuids = [
        map_topic(
            server,
            kafka,
            sink.deploy(server, f"elsewhere-{number}"),
            topic,
            MaximumRetryAttempts=0,
            ProvisionedPollerConfig={"MinimumPollers": 1, "MaximumPollers": 1},
            DestinationConfig={"OnFailure": {"Destination": destination}},
        )
        for number, destination in enumerate((notices, "arn:aws:s3:::kafka-elsewhere"))
    ]
    for uuid in uuids:
        eventually(lambda uuid=uuid: kafka.committed(uuid, topic) == [1], what="the end of the topic")
    message = server.own_client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"][0]
    by_topic = json.loads(json.loads(message["Body"])["Message"])
    (content,) = s3.list_objects_v2(Bucket="kafka-elsewhere")["Contents"]
    assert content["Key"].startswith(f"aws/lambda/{uuids[1]}/elsewhere-0/")
    in_bucket = json.load(s3.get_object(Bucket="kafka-elsewhere", Key=content["Key"])["Body"])
    assert json.loads(in_bucket.pop("payload"))["records"]["elsewhere-0"][0]["value"] == "MQ=="
    for told in (by_topic, in_bucket):
        assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
        assert told["KafkaBatchInfo"]["recordsInfo"]["elsewhere-0"]["lastRecordOffset"] == "0"
    assert "payload" not in by_topic
