"""Kafka as an event source, with Apache's own broker."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.batch_sink import BatchSink
from tests.support.brokers.kafka import KafkaBroker, Sent
from tests.support.server import Server
from tests.support.waiting import eventually

_SUBNET = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0123456789abcdef0"}]
_FLOW = {"MaximumBatchingWindowInSeconds": 0, "StartingPosition": "TRIM_HORIZON"}


@pytest.fixture(scope="module")
def server(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A node that knows where the managed cluster is."""
    options = ("--broker", f"arn:aws:kafka:*:cluster/orders/*=kafka://{kafka.plain}")
    with Server.start(*options, data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


def create(server: Server, kafka: KafkaBroker, function: str, topic: str, **settings: Any) -> str:
    """Map a topic of the cluster to a function and wait until it is enabled; the mapping's UUID."""
    known = {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka.plain]}},
        "SourceAccessConfigurations": _SUBNET,
        **_FLOW,
    }
    uuid: str = server.client("lambda").create_event_source_mapping(FunctionName=function, Topics=[topic], **(known | settings))["UUID"]
    wait_for(server, uuid, State="Enabled")
    return uuid


def wait_for(server: Server, uuid: str, **members: Any) -> dict[str, Any]:
    """The mapping, once it is so."""

    def found() -> dict[str, Any] | None:
        mapping: dict[str, Any] = server.client("lambda").get_event_source_mapping(UUID=uuid)
        return mapping if mapping.items() >= members.items() else None

    return eventually(found, what=f"{members} of mapping {uuid}")


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
