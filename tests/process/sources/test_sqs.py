"""Queues, over the companion's: each option changes what the function gets."""

import json
import urllib.request
from itertools import groupby
from typing import Any

from tests.support.event_sink import EventSink
from tests.support.event_sources import (
    create_queue,
    deploy_recorder,
    events_of,
    map_source,
    most_at_once,
    records_of,
    wait_for_records,
    wait_for_state,
)
from tests.support.server import Server
from tests.support.waiting import eventually


def _send(server: Server, url: str, bodies: list[str], **parameters: Any) -> None:
    sqs = server.own_client("sqs")
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(index), "MessageBody": body, **parameters} for index, body in enumerate(bodies[start : start + 10])]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)


def _is_empty(server: Server, url: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = server.own_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return all(attributes[name] == "0" for name in names)


def test_messages_look_as_on_aws_and_are_gone_when_they_are_processed(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-shape")
    url, arn = create_queue(server, name)
    map_source(server, name, arn)
    attributes = {
        "text": {"DataType": "String", "StringValue": "x"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    server.own_client("sqs").send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    (record,) = wait_for_records(sink, name, 1)
    assert record.keys() == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "md5OfMessageAttributes"),
        *("eventSource", "eventSourceARN", "awsRegion"),
    }
    assert record["body"] == "hello"
    assert record["messageAttributes"] == {
        "text": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "bytes": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
    }
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= record["attributes"].keys()
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    eventually(lambda: _is_empty(server, url), what="an empty queue")


def test_a_mapping_is_enabled_changed_disabled_and_deleted(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-life")
    url, arn = create_queue(server, name)
    _send(server, url, [str(number) for number in range(6)])
    uuid = map_source(server, name, arn, until="Disabled", Enabled=False, BatchSize=2)
    client = server.own_client("lambda")
    assert records_of(sink, name) == []
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for_records(sink, name, 6)
    assert max(len(event["Records"]) for event in events_of(sink, name)) == 2
    wait_for_state(server, uuid, "Enabled")
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    wait_for_state(server, uuid, "Disabled")
    _send(server, url, [str(number) for number in range(6, 12)])
    client.update_event_source_mapping(UUID=uuid, BatchSize=5)
    wait_for_state(server, uuid, "Disabled")
    assert len(records_of(sink, name)) == 6
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for_records(sink, name, 12)
    assert max(len(event["Records"]) for event in events_of(sink, name)) == 5
    wait_for_state(server, uuid, "Enabled")
    client.delete_event_source_mapping(UUID=uuid)
    listed = lambda: client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]  # noqa: E731
    eventually(lambda: not listed(), what="the end of the mapping")


def test_a_window_gathers_more_than_one_answer_of_the_queue(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-window")
    url, arn = create_queue(server, name)
    _send(server, url, [str(number) for number in range(25)])
    map_source(server, name, arn, BatchSize=100, MaximumBatchingWindowInSeconds=4)
    wait_for_records(sink, name, 25)
    assert len(events_of(sink, name)) == 1


def test_only_messages_that_the_function_names_come_again(server: Server, sink: EventSink) -> None:
    answer = """
def answer(event):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "2" and r["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""
    name = deploy_recorder(server, sink, "sqs-partial", answer)
    url, arn = create_queue(server, name, VisibilityTimeout=1)
    _send(server, url, ["1", "2", "3"])
    map_source(server, name, arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    bodies = [record["body"] for record in wait_for_records(sink, name, 4)]
    assert sorted(bodies) == ["1", "2", "2", "3"]
    eventually(lambda: _is_empty(server, url), what="an empty queue")


def test_a_message_that_always_fails_goes_to_the_queues_own_dead_letter_queue(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-poison", "def answer(event):\n    raise ValueError('no')\n")
    dead_url, dead_arn = create_queue(server, f"{name}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "2"})
    url, arn = create_queue(server, name, VisibilityTimeout=1, RedrivePolicy=redrive)
    uuid = map_source(server, name, arn)
    _send(server, url, ["poison"])
    found = lambda: server.own_client("sqs").receive_message(QueueUrl=dead_url).get("Messages")  # noqa: E731
    (message,) = eventually(found, what="a dead letter", within_seconds=30)
    assert message["Body"] == "poison"
    assert len(records_of(sink, name)) == 2
    result = lambda: server.own_client("lambda").get_event_source_mapping(UUID=uuid).get("LastProcessingResult")  # noqa: E731
    eventually(lambda: result() == "PROBLEM: Function call failed", what="the problem")


def test_messages_that_match_no_filter_are_deleted_and_events_are_counted(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-filter")
    url, arn = create_queue(server, name)
    pattern = json.dumps({"body": {"total": [{"numeric": [">", 10]}]}})
    metrics = {"Metrics": ["EventCount"]}
    uuid = map_source(server, name, arn, FilterCriteria={"Filters": [{"Pattern": pattern}]}, MetricsConfig=metrics)
    _send(server, url, [json.dumps({"total": 5}), "no JSON", json.dumps({"total": 50})])
    (record,) = wait_for_records(sink, name, 1)
    assert json.loads(record["body"]) == {"total": 50}
    eventually(lambda: _is_empty(server, url), what="an empty queue")

    def counted() -> dict[str, int]:
        page = urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics", timeout=20).read().decode()
        lines = [line.rpartition(" ") for line in page.splitlines() if uuid in line]
        return {line.partition("{")[0].removeprefix("alonzo_"): int(count) for line, _, count in lines}

    expected = {
        "polled_event_count_total": 3,
        "filtered_out_event_count_total": 2,
        "invoked_event_count_total": 1,
        "deleted_event_count_total": 1,
    }
    eventually(lambda: counted() == expected, what=str(expected), within_seconds=10)


def test_no_more_run_at_once_than_the_maximum_concurrency(server: Server, sink: EventSink) -> None:
    sleep = "def answer(event):\n    time.sleep(0.15)\n"
    limited, free = (deploy_recorder(server, sink, f"sqs-{which}", sleep) for which in ("limited", "free"))
    for name, parameters in ((limited, {"ScalingConfig": {"MaximumConcurrency": 2}}), (free, {})):
        url, arn = create_queue(server, name)
        _send(server, url, [str(number) for number in range(16)])
        map_source(server, name, arn, until=None, BatchSize=1, **parameters)
    for name in (limited, free):
        wait_for_records(sink, name, 16)
        eventually(lambda name=name: len([each for each in sink.ended_ids if each[0] == name]) == 16, what="the end of all")
    assert most_at_once(sink, limited) == 2
    assert most_at_once(sink, free) > 2


def test_a_function_that_may_not_run_loses_nothing(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-throttled")
    client = server.own_client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    url, arn = create_queue(server, name)
    uuid = map_source(server, name, arn)
    _send(server, url, [str(number) for number in range(5)])
    result = lambda: client.get_event_source_mapping(UUID=uuid).get("LastProcessingResult")  # noqa: E731
    eventually(lambda: result() == "PROBLEM: Function is throttled", what="the throttle")
    assert records_of(sink, name) == []
    client.delete_function_concurrency(FunctionName=name)
    wait_for_records(sink, name, 5)
    eventually(lambda: _is_empty(server, url), what="an empty queue")


def test_groups_of_a_fifo_queue_stay_in_order_though_the_function_fails(server: Server, sink: EventSink) -> None:
    answer = """
def answer(event):
    if any(r["body"].endswith("-0") and r["attributes"]["ApproximateReceiveCount"] == "1" for r in event["Records"]):
        raise ValueError("the first time")
"""
    name = deploy_recorder(server, sink, "sqs-fifo", answer)
    url, arn = create_queue(server, f"{name}.fifo", FifoQueue="true", VisibilityTimeout=1)
    sqs = server.own_client("sqs")
    for number in range(4):
        for group in "abc":
            body = f"{group}-{number}"
            sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)
    map_source(server, name, arn, BatchSize=3)
    eventually(lambda: _is_empty(server, url), what="an empty queue", within_seconds=40)
    attributes = records_of(sink, name)[0]["attributes"]
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} <= attributes.keys()
    for group in "abc":
        bodies = [record["body"] for record in records_of(sink, name) if record["body"].startswith(group)]
        last_run = [body for body, _ in groupby(bodies[max(index for index, body in enumerate(bodies) if body == f"{group}-0") :])]
        assert last_run == [f"{group}-{number}" for number in range(4)]


def test_a_queue_that_is_not_there_is_a_problem_until_it_is(server: Server, sink: EventSink) -> None:
    name = deploy_recorder(server, sink, "sqs-late")
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    uuid = map_source(server, name, arn)
    client = server.own_client("lambda")
    result = lambda: client.get_event_source_mapping(UUID=uuid).get("LastProcessingResult") or ""  # noqa: E731
    eventually(lambda: result().startswith("PROBLEM:"), what="the problem")
    url, _ = create_queue(server, name)
    _send(server, url, ["late"])
    wait_for_records(sink, name, 1)
    eventually(lambda: not result(), what="no problem any more")
