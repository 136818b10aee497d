"""Kafka as an event source, with Apache's own broker."""

import base64
import json
import random
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.authority import Authority
from tests.support.brokers.kafka import PASSWORD, USER, KafkaBroker, Sent
from tests.support.mappings import create_mapping, create_secret, switch_mapping, wait_for_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

_SUBNET = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0123456789abcdef0"}]
_SUBNET_PAIRS = [("VPC_SUBNET", "subnet:subnet-0123456789abcdef0")]
_CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/fc2f5bdf-fd1b-45ad-85dd-15b4a5a6247e-2"
_FLOW = {"MaximumBatchingWindowInSeconds": 0, "StartingPosition": "TRIM_HORIZON"}


@pytest.fixture(scope="module")
def server(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the managed cluster is."""
    options = ("--broker", f"arn:aws:kafka:*:cluster/orders/*=kafka://{kafka.plain}")
    with Server.start(*options, data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


def create(server: Server, kafka: KafkaBroker, function: str, topic: str, **settings: Any) -> str:
    """Map a topic of the cluster to a function."""
    known = {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka.plain]}},
        "SourceAccessConfigurations": _SUBNET,
        **_FLOW,
    }
    return create_mapping(server, function, Topics=[topic], **(known | settings))


def records_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [record for records in event["records"].values() for record in records]


def values_of(events: list[dict[str, Any]]) -> list[str]:
    return [base64.b64decode(record["value"]).decode() for event in events for record in records_of(event)]


def wait_for_values(sink: BatchSink, count: int) -> list[str]:
    """All values that functions have got, once they are so many."""
    eventually(lambda: len(values_of(sink.events)) >= count, what=f"{count} records")
    return values_of(sink.events)


def test_events_of_a_cluster_of_ones_own_are_as_on_aws(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("plain")
    kafka.send(
        topic, [Sent(value=b"Hello", key=b"\xffkey", headers=(("trace", b"\x01\xff"), ("trace", b"2")), timestamp_ms=1_545_084_650_987)]
    )
    kafka.send(topic, [Sent(value=None, key=b"gone"), Sent(value=b"no key")], compression="lz4")
    create(server, kafka, sink.deploy(server, "plain"), topic)
    eventually(lambda: sum(len(records_of(event)) for event in sink.events) == 3, what="all records")
    first, second, third = [record for event in sink.events for record in records_of(event)]
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
    create_mapping(server, function, EventSourceArn=_CLUSTER, Topics=[topic], FilterCriteria=filters, **group, **_FLOW)
    eventually(lambda: sink.events, what="a batch")
    assert sink.events[0].keys() == {"eventSource", "eventSourceArn", "bootstrapServers", "records"}
    assert (sink.events[0]["eventSource"], sink.events[0]["eventSourceArn"]) == ("aws:kafka", _CLUSTER)
    assert values_of(sink.events) == ['{"size": 1}']
    eventually(lambda: kafka.committed("warehouse", topic) == [3], what="the offset behind what was filtered out")
    unknown = create_mapping(server, function, EventSourceArn=_CLUSTER.replace("orders", "others"), Topics=[topic], **_FLOW)

    def is_told_of() -> bool:
        result = server.own_client("lambda").get_event_source_mapping(UUID=unknown)["LastProcessingResult"]
        return "start with --broker" in result

    eventually(is_told_of, what="how to name the cluster")


def test_batches_have_a_size_and_a_window(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("batches", partitions=2)
    kafka.send(topic, [Sent(value=b"%d" % number, partition=number % 2) for number in range(5)])
    create(server, kafka, sink.deploy(server, "batches"), topic, BatchSize=2, MaximumBatchingWindowInSeconds=1)
    values = wait_for_values(sink, 5)
    assert [len(records_of(event)) for event in sink.events] == [2, 2, 1]
    assert [value for value in values if value in "024"] == ["0", "2", "4"]
    assert [value for value in values if value in "13"] == ["1", "3"]


def test_reading_begins_where_the_mapping_says(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("positions")
    kafka.send(topic, [Sent(value=b"%d" % number, timestamp_ms=1_600_000_000_000 + number * 1000) for number in range(4)])
    latest = create(server, kafka, sink.deploy(server, "latest"), topic, StartingPosition="LATEST")
    eventually(lambda: kafka.committed(latest, topic) == [4], what="the beginning of the group")
    switch_mapping(server, latest, enabled=False)
    kafka.send(topic, [Sent(value=b"while disabled", timestamp_ms=1_600_000_010_000)])
    switch_mapping(server, latest, enabled=True)
    assert wait_for_values(sink, 1) == ["while disabled"]
    switch_mapping(server, latest, enabled=False)
    sink.events.clear()
    position = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1_600_000_002}
    create(server, kafka, sink.deploy(server, "instants"), topic, **position)
    assert wait_for_values(sink, 3) == ["2", "3", "while disabled"]


def test_a_consumer_group_goes_on_where_it_was(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("groups")
    kafka.send(topic, [Sent(value=b"1"), Sent(value=b"2")])
    function, group = sink.deploy(server, "groups"), {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "accounting"}}
    uuid = create(server, kafka, function, topic, **group)
    wait_for_values(sink, 2)
    eventually(lambda: kafka.committed("accounting", topic) == [2], what="the commit")
    server.own_client("lambda").delete_event_source_mapping(UUID=uuid)
    kafka.send(topic, [Sent(value=b"3")])
    create(server, kafka, sink.deploy(server, "groups-2"), topic, **group)
    assert wait_for_values(sink, 3) == ["1", "2", "3"]


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
    uuid = create(server, kafka, sink.deploy(server, "failures", Timeout=60), topic, BatchSize=2)
    eventually(lambda: len(sink.events) == 3, what="three tries")
    wait_for_mapping(server, uuid, LastProcessingResult="PROBLEM: Function call failed")
    assert kafka.committed(uuid, topic) == [None]
    may_go_on.set()
    eventually(lambda: kafka.committed(uuid, topic) == [2], what="the commit")
    assert values_of(sink.events) == ["1", "2"] * 3
    wait_for_mapping(server, uuid, LastProcessingResult="OK")


def test_batches_are_split_and_what_cannot_be_processed_goes_to_its_destination(
    server: Server, kafka: KafkaBroker, sink: BatchSink
) -> None:
    topic = kafka.create_topic("splits")
    sqs = server.own_client("sqs")
    queue = sqs.create_queue(QueueName="splits-failures")["QueueUrl"]

    def decide(event: dict[str, Any]) -> None:
        if "poison" in values_of([event]):
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
    uuid = create(server, kafka, sink.deploy(server, "splits"), topic, **settings)
    eventually(lambda: kafka.committed(uuid, topic) == [4], what="the end of the topic")
    assert [values_of([event]) for event in sink.events] == [
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
    uuid = create(server, kafka, sink.deploy(server, "letters"), topic, **settings)
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
    uuid = create(server, kafka, sink.deploy(server, "partial"), topic, **settings)
    eventually(lambda: kafka.committed(uuid, topic) == [4], what="the end of the topic")
    assert [values_of([event]) for event in sink.events] == [["0", "1", "2", "3"], ["2"]]


def test_records_that_are_too_old_are_given_up(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("ages")
    kafka.send(topic, [Sent(value=b"old", timestamp_ms=int(time.time() * 1000) - 3_600_000), Sent(value=b"new")])
    create(server, kafka, sink.deploy(server, "ages"), topic, MaximumRecordAgeInSeconds=600)
    assert wait_for_values(sink, 1) == ["new"]


def test_provisioned_pollers_work_side_by_side(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("pollers", partitions=2)
    both = threading.Barrier(2)
    sink.decide = lambda event: both.wait(60) and None
    pollers = {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 2}, "MetricsConfig": {"Metrics": ["KafkaMetrics"]}}
    uuid = create(server, kafka, sink.deploy(server, "pollers", Timeout=60), topic, **pollers)
    eventually(lambda: kafka.member_count(uuid) == 2, what="both pollers in their group")
    kafka.send(topic, [Sent(value=b"0", partition=0), Sent(value=b"1", partition=1)])
    assert sorted(wait_for_values(sink, 2)) == ["0", "1"]
    assert len(sink.events) == 2
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as answer:
        page = answer.read().decode()
    assert re.search(rf'alonzo_sum_offset_lag_records{{[^}}]*mapping="{uuid}"}} \d', page)


def test_what_pollers_do_is_in_the_functions_log_group_and_errors_are_counted(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("logged")

    def decide(event: dict[str, Any]) -> None:
        if len(sink.events) == 1:
            raise ValueError("the first time")

    sink.decide = decide
    pollers = {"ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 1}}
    metrics = {"MetricsConfig": {"Metrics": ["EventCount", "ErrorCount"]}}
    uuids = {
        level: create(
            server,
            kafka,
            sink.deploy(server, f"logged-{level.lower()}", LoggingConfig={"LogFormat": "Text", "LogGroup": "/kafka/logged"}),
            topic,
            LoggingConfig={"SystemLogLevel": level},
            **pollers,
            **metrics,
        )
        for level in ("DEBUG", "WARN")
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
    eventually(lambda: [*logged("DEBUG"), *logged("WARN")].count(failed) == 1, what="the failure, in the log of the one that has seen it")
    assert {level for level, _ in logged("WARN")} <= {"WARN"}

    def counted(name: str) -> int:
        with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith(f"alonzo_{name}_total")]
        return sum(int(line.rpartition(" ")[2]) for line in lines if any(uuid in line for uuid in uuids.values()))

    assert (counted("invoke_error_count"), counted("committed_event_count")) == (1, 4)


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
    mapping = create(
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
    (record,) = [record for event in sink.events for record in records_of(event)]
    assert json.loads(base64.b64decode(record["value"])) == {"id": 7}
    assert record["valueSchemaMetadata"] == {"dataFormat": "AVRO", "schemaId": version}
    messages = [message for _ in range(3) for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])]
    conditions = {json.loads(message["Body"])["requestContext"]["condition"] for message in messages}
    assert conditions == {"SCHEMA_NOT_FOUND", "DESERIALIZATION_ERROR"}


def secured(kafka: KafkaBroker, address: str, *access: tuple[str, str]) -> dict[str, Any]:
    return {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [address]}},
        "SourceAccessConfigurations": [{"Type": kind, "URI": secret} for kind, secret in access],
    }


def test_credentials_and_certificates_open_the_listeners_that_want_them(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("secured")
    kafka.send(topic, [Sent(value=b"secret")])
    client = kafka.authority.issue("client")
    login = create_secret(server, "kafka-login", username=USER, password=PASSWORD)
    root = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-root", certificate=kafka.authority.root.certificate_pem))
    certificate = {"certificate": client.certificate_pem, "privateKey": client.key_pem("sesame"), "privateKeyPassword": "sesame"}
    own = ("CLIENT_CERTIFICATE_TLS_AUTH", create_secret(server, "kafka-client", **certificate))
    ways = {
        "sasl-plain": secured(kafka, kafka.sasl, ("BASIC_AUTH", login), root),
        "scram-256": secured(kafka, kafka.sasl, ("SASL_SCRAM_256_AUTH", login), root),
        "scram-512": secured(kafka, kafka.sasl, ("SASL_SCRAM_512_AUTH", login), root),
        "tls": secured(kafka, kafka.tls, root),
        "mutual": secured(kafka, kafka.mutual_tls, own, root),
    }
    uuids = {name: create(server, kafka, sink.deploy(server, name), topic, **way) for name, way in ways.items()}
    for uuid in uuids.values():
        wait_for_mapping(server, uuid, LastProcessingResult="OK")
    assert values_of(sink.events) == ["secret"] * len(ways)


def test_what_is_wrong_with_the_access_is_said_in_awss_words(server: Server, kafka: KafkaBroker, sink: BatchSink) -> None:
    topic = kafka.create_topic("refused")
    function = sink.deploy(server, "refused")
    wrong = create_secret(server, "kafka-wrong", username=USER, password="wrong")
    root = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-root-2", certificate=kafka.authority.root.certificate_pem))
    other = ("SERVER_ROOT_CA_CERTIFICATE", create_secret(server, "kafka-other", certificate=Authority("other").root.certificate_pem))
    broken = ("CLIENT_CERTIFICATE_TLS_AUTH", create_secret(server, "kafka-broken", certificate="-", privateKey="-"))
    problems = {
        "SASL authentication failed": secured(kafka, kafka.sasl, ("SASL_SCRAM_512_AUTH", wrong), root),
        "Lambda failed to authenticate server": secured(kafka, kafka.tls, other),
        "Server failed to authenticate Lambda": secured(kafka, kafka.mutual_tls, root),
        "Provided certificate or private key is invalid": secured(kafka, kafka.mutual_tls, broken, root),
        "Connection error. Please check your event source connection configuration.": secured(kafka, "127.0.0.1:1", *_SUBNET_PAIRS),
        "OAUTHBEARER_AUTH is not supported here": secured(kafka, kafka.plain, ("OAUTHBEARER_AUTH", wrong)),
    }
    # Each reads another topic, since mappings of one function to one topic would be the same.
    uuids = {problem: create(server, kafka, function, f"{topic}-{number}", **way) for number, (problem, way) in enumerate(problems.items())}
    for problem, uuid in uuids.items():
        wait_for_mapping(server, uuid, LastProcessingResult=f"PROBLEM: {problem}")
    missing = create(server, kafka, function, "missing")
    wait_for_mapping(server, missing, LastProcessingResult="PROBLEM: Topic missing does not exist")


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
            for record in records_of(event):
                assert record["offset"] <= done[record["partition"]] + 1, "a record was left out"
                done[record["partition"]] = max(done[record["partition"]], record["offset"])

    sink.decide = decide
    kafka.send(topic, [Sent(value=b"%d" % number, partition=number % partitions) for number in range(count)])
    node = Server.start(data_directory=tmp_path / "alonzo")
    try:
        pollers = {"MinimumPollers": 2, "MaximumPollers": 2}
        create(node, kafka, sink.deploy(node, "killed"), topic, BatchSize=40, ProvisionedPollerConfig=pollers)
        for _ in range(2):
            killer.clear()
            eventually(killer.is_set, what="some batches")
            node.kill()
            node = Server.start(data_directory=tmp_path / "alonzo")
        eventually(lambda: done == [count // partitions - 1] * partitions, what="all records", within_seconds=120)
    finally:
        node.stop()
