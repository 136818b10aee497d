"""What the targets of EventBridge's rules get, and what becomes of an event that none takes."""

import json
import uuid
from typing import Any

import pytest
from tests.support.invoking import wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
LOGS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"
EVENT = {
    "Source": "shop",
    "DetailType": "order",
    "Detail": json.dumps({"id": 7, "tags": ["a", "b"], "to": {"city": "Bern"}, "said": 'a "b"'}),
}


def arn_of(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{name}"


def create_queue(server: Server, **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new one."""
    name = f"q{uuid.uuid4().hex[:8]}" + (".fifo" if attributes else "")
    return server.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn_of("sqs", name)


def receive(server: Server, url: str) -> dict[str, Any]:
    sqs = server.client("sqs")

    def find() -> list[dict[str, Any]] | None:
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"], AttributeNames=["All"])
        return found.get("Messages")

    return eventually(find, what="a message")[0]


def put_to(server: Server, *targets: dict[str, Any], event: dict[str, Any] = EVENT) -> str:
    """Put an event for a rule of its own with these targets; the rule's name."""
    events, name = server.client("events"), f"r{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": str(number), **target} for number, target in enumerate(targets)])
    assert events.put_events(Entries=[event | {"Source": name}])["FailedEntryCount"] == 0
    return name


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"always": "this"}'}, '{"always": "this"}'),
        ({"InputPath": "$.detail.to"}, '{"city":"Bern"}'),
        ({"InputPath": "$.detail.tags[1]"}, '"b"'),
        ({"InputPath": "$.detail.nothing"}, "null"),
        (({"n": "$.detail.id"}, '{"number": <n>, "text": "no <n>"}'), '{"number": 7, "text": "no 7"}'),
        (({"c": "$.detail.to", "t": "$.detail.tags"}, '{"to": <c>, "tags": <t>}'), '{"to": {"city":"Bern"}, "tags": ["a","b"]}'),
        (({"s": "$.detail.said"}, '{"said": <s>, "in": "<s>!"}'), r'{"said": "a \"b\"", "in": "a \"b\"!"}'),
        (({"c": "$.detail.to"}, '"to <c>"'), '"to {city:Bern}"'),
        (({"x": "$.detail.nothing"}, '{"x": <x>}'), '{"x": ""}'),
        (({}, '"<aws.events.rule-name>"'), '"RULE"'),
        (({}, '{"all": <aws.events.event.json>}'), None),
    ],
)
def test_a_target_says_what_it_gets(server: Server, target: Any, expected: str | None) -> None:
    if isinstance(target, tuple):
        target = {"InputTransformer": {"InputPathsMap": target[0], "InputTemplate": target[1]}}
    url, arn = create_queue(server)
    rule = put_to(server, {"Arn": arn, **target})
    body = receive(server, url)["Body"]
    if expected is None:
        assert json.loads(body)["all"]["detail"]["to"] == {"city": "Bern"}
    else:
        assert body.replace(rule, "RULE") == expected


def test_all_targets_of_a_rule_get_the_event(server: Server) -> None:
    server.deploy("first", LOGS)
    server.deploy("second", LOGS)
    url, queue = create_queue(server)
    fifo_url, fifo = create_queue(server, FifoQueue="true")
    topic_url, topic_queue = create_queue(server)
    topic = server.client("sns").create_topic(Name="of-a-rule")["TopicArn"]
    server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=topic_queue, Attributes={"RawMessageDelivery": "true"})
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    states = server.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="of-a-rule", definition=definition, roleArn=role)["stateMachineArn"]
    rule = put_to(
        server,
        {"Arn": arn_of("lambda", "function:first")},
        {"Arn": arn_of("lambda", "function:nobody")},
        {"Arn": arn_of("lambda", "function:second:$LATEST"), "InputPath": "$.detail.id"},
    )
    for name in ("first", "second"):
        wait_for_log(server, name, "GOT")
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="of-a-rule", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="of-a-rule", WaiterConfig={"Delay": 1})
    stream = {"Arn": arn_of("kinesis", "stream/of-a-rule"), "KinesisParameters": {"PartitionKeyPath": "$.detail.to.city"}}
    rule = put_to(
        server,
        stream,
        {"Arn": queue},
        {"Arn": fifo, "SqsParameters": {"MessageGroupId": "group"}},
        {"Arn": topic},
        {"Arn": machine, "RoleArn": role},
    )
    bodies = [receive(server, each)["Body"] for each in (url, fifo_url, topic_url)]
    (execution,) = eventually(lambda: states.list_executions(stateMachineArn=machine)["executions"], what="an execution")
    bodies.append(states.describe_execution(executionArn=execution["executionArn"])["input"])
    shard = kinesis.get_shard_iterator(StreamName="of-a-rule", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    (record,) = kinesis.get_records(ShardIterator=shard["ShardIterator"])["Records"]
    bodies.append(record["Data"])
    assert record["PartitionKey"] == "Bern"
    assert [json.loads(body)["source"] for body in bodies] == [rule] * 5
    assert set(json.loads(bodies[0])) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}


def test_an_event_that_cannot_be_delivered_goes_to_the_dead_letter_queue_at_once(server: Server) -> None:
    url, arn = create_queue(server)
    nobody = arn_of("lambda", "function:nobody")
    rule = put_to(server, {"Arn": nobody, "DeadLetterConfig": {"Arn": arn}, "Input": '"shaped"'})
    message = receive(server, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["source"] == rule
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": arn_of("events", f"rule/{rule}"),
        "TARGET_ARN": nobody,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


def test_an_event_is_kept_by_an_archive_and_replayed(server: Server) -> None:
    server.deploy("replayed", LOGS)
    events = server.client("events")
    bus = arn_of("events", "event-bus/default")
    pattern = {"detail": {"kept": [{"numeric": [">", 1]}]}}
    archive = events.create_archive(ArchiveName="kept", EventSourceArn=bus, EventPattern=json.dumps(pattern))["ArchiveArn"]
    rule = put_to(server, {"Arn": arn_of("lambda", "function:replayed")}, event=EVENT | {"Detail": '{"kept": 2}', "Time": 1_700_000_000})
    events.put_events(Entries=[EVENT | {"Source": rule, "Detail": '{"kept": 1}'}])
    assert events.describe_archive(ArchiveName="kept")["EventCount"] == 1
    events.start_replay(ReplayName="again", EventSourceArn=archive, EventStartTime=0, EventEndTime=2e9, Destination={"Arn": bus})
    lines = [line for line in wait_for_log(server, "replayed", "GOT", count=3) if "GOT" in line]
    got = [json.loads(line.partition("GOT ")[2]) for line in lines]
    (replayed,) = [event for event in got if "replay-name" in event]
    assert (replayed["replay-name"], replayed["detail"], replayed["time"]) == ("again", {"kept": 2}, "2023-11-14T22:13:20Z")


def test_an_event_goes_over_to_another_bus(server: Server) -> None:
    events = server.client("events")
    other = events.create_event_bus(Name="other")["EventBusArn"]
    url, arn = create_queue(server)
    events.put_rule(Name="there", EventBusName="other", EventPattern='{"detail-type": ["order"]}')
    events.put_targets(Rule="there", EventBusName="other", Targets=[{"Id": "q", "Arn": arn}])
    rule = put_to(server, {"Arn": other, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"})
    assert json.loads(receive(server, url)["Body"])["source"] == rule
