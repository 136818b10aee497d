"""Kafka as an event source, with Apache's own broker."""

import base64
import json
import re
import threading
import urllib.request
from typing import Any
from uuid import UUID

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.kafka import KafkaBroker, Sent
from tests.support.brokers.kafka_mappings import FLOW, kafka_records_of, kafka_values_of, map_topic, wait_for_values
from tests.support.mappings import create_mapping, switch_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

_CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/fc2f5bdf-fd1b-45ad-85dd-15b4a5a6247e-2"


@pytest.fixture
def server(kafka_server: Server) -> Server:
    return kafka_server


def test_events_of_a_cluster_of_ones_own_are_as_on_aws(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("plain")
    kafka.send(
        topic, [Sent(value=b"Hello", key=b"\xffkey", headers=(("trace", b"\x01\xff"), ("trace", b"2")), timestamp_ms=1_545_084_650_987)]
    )
    kafka.send(topic, [Sent(value=None, key=b"gone"), Sent(value=b"no key")], compression="lz4")
    map_topic(server, kafka, sink.deploy(server, "plain"), topic)
    eventually(lambda: sum(len(kafka_records_of(event)) for event in sink.events) == 3, what="all records")
    first, second, third = [record for event in sink.events for record in kafka_records_of(event)]
    assert first == {
        "topic": "plain",
        "partition": 0,
        "offset": 0,
        "timestamp": 1_545_084_650_987,
        "timestampType": "CREATE_TIME",
        "key": "/2tleQ==",
        "value": "SGVsbG8=",
        "headers": [{"trace": [1, -1]}, {"trace": [50]}],
    }
    common = {"topic", "partition", "offset", "timestamp", "timestampType", "headers"}
    assert (second.keys(), third.keys()) == (common | {"key"}, common | {"value"})
    assert sink.events[0].keys() == {"eventSource", "bootstrapServers", "records"}
    assert (sink.events[0]["eventSource"], sink.events[0]["bootstrapServers"]) == ("SelfManagedKafka", kafka.plain)
    assert sink.events[0]["records"].keys() == {"plain-0"}


def test_events_of_managed_clusters_are_as_on_aws_and_filters_see_key_and_value(
    server: Server, kafka: KafkaBroker, sink: BatchSink
) -> None:
    topic = kafka.create_topic("managed")
    kafka.send(topic, [Sent(value=b'{"size": 9}', key=b"a"), Sent(value=b"no JSON"), Sent(value=b'{"size": 1}', key=b"b")])
    filters = {"Filters": [{"Pattern": '{"value": {"size": [{"numeric": [">", 0]}]}, "key": [{"prefix": "b"}]}'}]}
    function = sink.deploy(server, "managed")
    group = {"AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "warehouse"}}
    create_mapping(server, function, EventSourceArn=_CLUSTER, Topics=[topic], FilterCriteria=filters, **group, **FLOW)
    eventually(lambda: sink.events, what="a batch")
    assert sink.events[0].keys() == {"eventSource", "eventSourceArn", "bootstrapServers", "records"}
    assert (sink.events[0]["eventSource"], sink.events[0]["eventSourceArn"]) == ("aws:kafka", _CLUSTER)
    assert kafka_values_of(sink.events) == ['{"size": 1}']
    eventually(lambda: kafka.committed("warehouse", topic) == [3], what="the offset behind what was filtered out")
    unknown = create_mapping(server, function, EventSourceArn=_CLUSTER.replace("orders", "others"), Topics=[topic], **FLOW)

    def is_told_of() -> bool:
        result = server.own_client("lambda").get_event_source_mapping(UUID=unknown)["LastProcessingResult"]
        return "start with --broker" in result

    eventually(is_told_of, what="how to name the cluster")


def test_batches_have_a_size_and_a_window(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("batches", partitions=2)
    kafka.send(topic, [Sent(value=b"%d" % number, partition=number % 2) for number in range(5)])
    map_topic(server, kafka, sink.deploy(server, "batches"), topic, BatchSize=2, MaximumBatchingWindowInSeconds=1)
    values = wait_for_values(sink, 5)
    assert [len(kafka_records_of(event)) for event in sink.events] == [2, 2, 1]
    assert [value for value in values if value in "024"] == ["0", "2", "4"]
    assert [value for value in values if value in "13"] == ["1", "3"]


def test_reading_begins_where_the_mapping_says(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("positions")
    kafka.send(topic, [Sent(value=b"%d" % number, timestamp_ms=1_600_000_000_000 + number * 1000) for number in range(4)])
    latest = map_topic(server, kafka, sink.deploy(server, "latest"), topic, StartingPosition="LATEST")
    eventually(lambda: kafka.committed(latest, topic) == [4], what="the beginning of the group")
    switch_mapping(server, latest, enabled=False)
    kafka.send(topic, [Sent(value=b"while disabled", timestamp_ms=1_600_000_010_000)])
    switch_mapping(server, latest, enabled=True)
    assert wait_for_values(sink, 1) == ["while disabled"]
    switch_mapping(server, latest, enabled=False)
    sink.events.clear()
    position = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_600_000_002}
    map_topic(server, kafka, sink.deploy(server, "instants"), topic, **position)
    assert wait_for_values(sink, 3) == ["2", "3", "while disabled"]


def test_a_consumer_group_goes_on_where_it_was(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("groups")
    kafka.send(topic, [Sent(value=b"1"), Sent(value=b"2")])
    function, group = sink.deploy(server, "groups"), {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "accounting"}}
    uuid = map_topic(server, kafka, function, topic, **group)
    wait_for_values(sink, 2)
    eventually(lambda: kafka.committed("accounting", topic) == [2], what="the commit")
    server.own_client("lambda").delete_event_source_mapping(UUID=uuid)
    kafka.send(topic, [Sent(value=b"3")])
    map_topic(server, kafka, sink.deploy(server, "groups-2"), topic, **group)
    assert wait_for_values(sink, 3) == ["1", "2", "3"]


def test_provisioned_pollers_work_side_by_side(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("pollers", partitions=2)
    both = threading.Barrier(2)
    sink.decide = lambda event: both.wait(60) and None
    pollers = {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 2}, "MetricsConfig": {"Metrics": ["KafkaMetrics"]}}
    uuid = map_topic(server, kafka, sink.deploy(server, "pollers", Timeout=60), topic, **pollers)
    eventually(lambda: kafka.member_count(uuid) == 2, what="both pollers in their group")
    kafka.send(topic, [Sent(value=b"0", partition=0), Sent(value=b"1", partition=1)])
    assert sorted(wait_for_values(sink, 2)) == ["0", "1"]
    assert len(sink.events) == 2
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as answer:
        page = answer.read().decode()
    assert re.search(rf'alonzo_sum_offset_lag_records{{[^}}]*mapping="{uuid}"}} \d', page)


def test_what_pollers_do_is_in_the_functions_log_group_and_errors_are_counted(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic, has_failed = kafka.create_topic("logged"), threading.Lock()

    def decide(event: dict[str, Any]) -> None:
        if has_failed.acquire(blocking=False):
            raise ValueError("the first time")

    sink.decide = decide
    pollers = {"ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 1}}
    metrics = {"MetricsConfig": {"Metrics": ["EventCount", "ErrorCount"]}}
    uuids = {
        level: map_topic(
            server,
            kafka,
            sink.deploy(server, f"logged-{level.lower()}", LoggingConfig={"LogFormat": "Text", "LogGroup": "/kafka/logged"}),
            topic,
            LoggingConfig={"SystemLogLevel": level},
            **pollers,
            **metrics,
        )
        for level in ("DEBUG", "INFO", "WARN")
    }
    kafka.send(topic, [Sent(value=b"1"), Sent(value=b"2")])
    for uuid in uuids.values():
        eventually(lambda uuid=uuid: kafka.committed(uuid, topic) == [2], what="the commit")

    def logged(level: str) -> list[tuple[str, str]]:
        streams = server.own_client("logs").describe_log_streams(logGroupName="/kafka/logged")["logStreams"]
        names = [stream["logStreamName"] for stream in streams if stream["logStreamName"].endswith(f"/{uuids[level]}")]
        events = server.own_client("logs").filter_log_events(logGroupName="/kafka/logged", logStreamNames=names)["events"] if names else []
        records = [json.loads(event["message"]) for event in events]
        assert all(record["eventSourceMappingArn"].endswith(uuids[level]) for record in records)
        return [(record["level"], record["message"]) for record in records]

    failed = ("WARN", "PROBLEM: Function call failed")
    everything = {("INFO", "Poller has started"), ("INFO", "Partitions were assigned"), ("DEBUG", "Offsets were committed")}
    eventually(lambda: set(logged("DEBUG")) - {failed} >= everything, what="the log of one")
    failures = lambda: [record for level in uuids for record in logged(level)].count(failed)  # noqa: E731
    eventually(lambda: failures() == 1, what="the failure, in the log of the one that has seen it")
    assert {level for level, _ in logged("WARN")} <= {"WARN"}
    eventually(lambda: {record for record in logged("INFO") if record[0] == "INFO"} >= {("INFO", "Poller has started")}, what="its start")
    assert {level for level, _ in logged("INFO")} <= {"INFO", "WARN"}

    def counted(name: str) -> int:
        with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith(f"alonzo_{name}_total")]
        return sum(int(line.rpartition(" ")[2]) for line in lines if any(uuid in line for uuid in uuids.values()))

    assert (counted("invoke_error_count"), counted("committed_event_count")) == (1, 6)


@pytest.mark.thorough
def test_records_are_read_by_their_schemas_and_others_are_given_up(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic, glue, sqs = kafka.create_topic("schemas"), server.own_client("glue"), server.client("sqs")
    registry = glue.create_registry(RegistryName="kafka")["RegistryArn"]
    definition = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "int"}]}
    version = glue.create_schema(
        RegistryId={"RegistryName": "kafka"},
        SchemaName="orders",
        DataFormat="AVRO",
        Compatibility="NONE",
        SchemaDefinition=json.dumps(definition),
    )["SchemaVersionId"]
    queue = sqs.create_queue(QueueName="schemas-failures")["QueueUrl"]
    header = b"\x03\x00" + UUID(version).bytes
    unknown = b"\x03\x00" + UUID(int=1).bytes
    kafka.send(topic, [Sent(value=value) for value in (header + b"\x02", b"no header", unknown + b"\x02", header + b"\x0e")])
    config = {
        "SchemaRegistryURI": registry,
        "EventRecordFormat": "JSON",
        "SchemaValidationConfigs": [{"Attribute": "VALUE"}],
    }
    mapping = map_topic(
        server,
        kafka,
        sink.deploy(server, "schemas"),
        topic,
        SelfManagedKafkaEventSourceConfig={"SchemaRegistryConfig": config},
        ProvisionedPollerConfig={"MinimumPollers": 1, "MaximumPollers": 1},
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:schemas-failures"}},
        FilterCriteria={"Filters": [{"Pattern": '{"value": {"id": [{"numeric": [">", 1]}]}}'}]},
    )
    eventually(lambda: kafka.committed(mapping, topic) == [4], what="the end of the topic")
    (record,) = [record for event in sink.events for record in kafka_records_of(event)]
    assert json.loads(base64.b64decode(record["value"])) == {"id": 7}
    assert record["valueSchemaMetadata"] == {"dataFormat": "AVRO", "schemaId": version}
    messages = [message for _ in range(3) for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])]
    conditions = {json.loads(message["Body"])["requestContext"]["condition"] for message in messages}
    assert conditions == {"SCHEMA_NOT_FOUND", "DESERIALIZATION_ERROR"}
