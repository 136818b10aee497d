"""Mappings of Kafka's topics, and what functions get of them."""

import base64
from typing import Any

from tests.support.batch_sink import BatchSink
from tests.support.brokers.kafka import KafkaBroker
from tests.support.mappings import create_mapping
from tests.support.server import Server
from tests.support.waiting import eventually

FLOW = {"MaximumBatchingWindowInSeconds": 0, "StartingPosition": "TRIM_HORIZON"}
_SUBNET = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0123456789abcdef0"}]


def map_topic(server: Server, kafka: KafkaBroker, function: str, topic: str, **settings: Any) -> str:
    """Map a topic of the cluster to a function; the mapping's UUID, once it is enabled."""
    known = {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [kafka.plain]}},
        "SourceAccessConfigurations": _SUBNET,
        **FLOW,
    }
    return create_mapping(server, function, Topics=[topic], **(known | settings))


def kafka_records_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    """All records of an event."""
    return [record for records in event["records"].values() for record in records]


def kafka_values_of(events: list[dict[str, Any]]) -> list[str]:
    """Their values, decoded."""
    return [base64.b64decode(record["value"]).decode() for event in events for record in kafka_records_of(event)]


def wait_for_values(sink: BatchSink, count: int) -> list[str]:
    """All values that functions have got, once they are so many."""
    eventually(lambda: len(kafka_values_of(sink.events)) >= count, what=f"{count} records")
    return kafka_values_of(sink.events)
