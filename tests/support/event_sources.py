"""Functions that tell what they got from a source, and mappings to them."""

import json
from typing import Any

from tests.support.event_sink import EventSink
from tests.support.server import Server
from tests.support.waiting import eventually

_RECORDER = """
import base64, json, os, time, urllib.request

def answer(event):
    return None
{answer}

def handler(event, context):
    began_at = time.time()
    report = {{"id": context.function_name, "event": event, "began_at": began_at}}
    urllib.request.urlopen(urllib.request.Request(os.environ["SINK"] + "/ran", data=json.dumps(report).encode())).read()
    try:
        return answer(event)
    finally:
        report = {{"id": [context.function_name, began_at, time.time()]}}
        urllib.request.urlopen(urllib.request.Request(os.environ["SINK"] + "/ended", data=json.dumps(report).encode())).read()
"""
ACCOUNT = "000000000000"


def deploy_recorder(server: Server, sink: EventSink, name: str, answer: str = "", **configuration: Any) -> str:
    """A function that reports each event and then returns what `def answer(event)` in `answer` says."""
    variables = {"SINK": sink.url}
    return server.deploy(name, _RECORDER.format(answer=answer), Environment={"Variables": variables}, **configuration)


def events_of(sink: EventSink, name: str) -> list[dict[str, Any]]:
    """What a function has got so far."""
    return [report["event"] for report in list(sink.reports) if report["id"] == name]


def records_of(sink: EventSink, name: str) -> list[dict[str, Any]]:
    """All records, of all events."""
    return [record for event in events_of(sink, name) for record in event["Records"]]


def wait_for_records(sink: EventSink, name: str, count: int) -> list[dict[str, Any]]:
    """All records, once there are so many."""

    def found() -> list[dict[str, Any]] | None:
        records = records_of(sink, name)
        return records if len(records) >= count else None

    return eventually(found, what=f"{count} records at {name}", within_seconds=30)


def most_at_once(sink: EventSink, name: str) -> int:
    """How many invocations that have ended ran at the same time, at most."""
    spans = [(began_at, ended_at) for each, began_at, ended_at in list(sink.ended_ids) if each == name]
    return max(sum(began <= moment < ended for began, ended in spans) for moment, _ in spans)


def map_source(server: Server, name: str, source_arn: str, *, until: str | None = "Enabled", **parameters: Any) -> str:
    """Create a mapping and wait until it is in that state; its UUID."""
    client = server.client("lambda")
    uuid: str = client.create_event_source_mapping(FunctionName=name, EventSourceArn=source_arn, **parameters)["UUID"]
    if until is not None:
        wait_for_state(server, uuid, until)
    return uuid


def wait_for_state(server: Server, uuid: str, state: str) -> dict[str, Any]:
    """The mapping, once it is in that state."""
    client = server.client("lambda")

    def found() -> dict[str, Any] | None:
        mapping: dict[str, Any] = client.get_event_source_mapping(UUID=uuid)
        return mapping if mapping["State"] == state else None

    return eventually(found, what=f"state {state}", within_seconds=30)


def create_queue(server: Server, name: str, **attributes: Any) -> tuple[str, str]:
    """Its URL and ARN."""
    url = server.client("sqs").create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def create_stream(server: Server, name: str, shard_count: int = 1) -> str:
    """Its ARN."""
    server.client("kinesis").create_stream(StreamName=name, ShardCount=shard_count)
    return f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"


def receive_one(server: Server, queue_url: str) -> dict[str, Any]:
    """The body of a queue's next message, decoded, once there is one."""
    sqs = server.client("sqs")

    def found() -> dict[str, Any] | None:
        messages = sqs.receive_message(QueueUrl=queue_url).get("Messages")
        return messages[0] if messages else None

    body: dict[str, Any] = json.loads(eventually(found, what="a message", within_seconds=30)["Body"])
    return body
