"""Requests about event source mappings, and what is waited for with them."""

import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"


def arn_of(service: str, resource: str) -> str:
    """In the account and the region of the tests."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


def stream_arn_of(table: str) -> str:
    """Of a DynamoDB table."""
    return arn_of("dynamodb", f"table/{table}/stream/2026-01-01T00:00:00.000")


FUNCTION = arn_of("lambda", "function")
SECRET = arn_of("secretsmanager", "secret:credentials")
BASIC_AUTH = [{"Type": "BASIC_AUTH", "URI": SECRET}]
QUEUE = {"EventSourceArn": arn_of("sqs", "kinds")}
FIFO = {"EventSourceArn": arn_of("sqs", "kinds.fifo")}
KINESIS = {"EventSourceArn": arn_of("kinesis", "stream/kinds"), "StartingPosition": "LATEST"}
DYNAMODB = {"EventSourceArn": stream_arn_of("kinds"), "StartingPosition": "LATEST"}
MSK = {"EventSourceArn": arn_of("kafka", "cluster/kinds/7f6a"), "Topics": ["topic"]}
MQ = {"EventSourceArn": arn_of("mq", "broker:kinds:b-1"), "Queues": ["queue"], "SourceAccessConfigurations": BASIC_AUTH}
DOCUMENT_DB = {
    "EventSourceArn": arn_of("rds", "cluster:kinds"),
    "DocumentDBEventSourceConfig": {"DatabaseName": "shop"},
    "SourceAccessConfigurations": BASIC_AUTH,
    "StartingPosition": "LATEST",
}
SELF_MANAGED = {
    "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["b:9092"]}},
    "SourceAccessConfigurations": BASIC_AUTH,
    "Topics": ["topic"],
}


def refusal(call: Any, **parameters: Any) -> str:
    """What is said of parameters that cannot be."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException", error
    return str(error["Message"])


def wait_until_settled(client: Any, uuid: str, state: str | None) -> Any:
    """The mapping, once it has arrived in a state; None: until it is gone."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            answer = client.get_event_source_mapping(UUID=uuid)
        except client.exceptions.ResourceNotFoundException:
            answer = None
        if (None if answer is None else answer["State"]) == state:
            return answer
    raise AssertionError(f"{uuid} does not become {state}")


def map_new_function(requests: Any, **parameters: Any) -> Any:
    """CreateEventSourceMapping for a function of its own each time."""
    name = f"mapping-kinds-{uuid4().hex}"
    requests.create_active(name)
    return requests.client.create_event_source_mapping(FunctionName=name, **parameters)
