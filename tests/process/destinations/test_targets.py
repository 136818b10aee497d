"""What arrives where: each kind of target, filled by the real deliveries and read back with real boto3."""

import json
import re
from typing import Any

import pytest
from tests.support.aws_peer import ACCOUNT, AwsPeer

from alonzo.model import lineage
from alonzo.model.asynchronous import Condition
from alonzo.model.names import FunctionReference

from .outcomes import HERE, TRACE, Delivering, an_outcome, delivering

FAILURE = {
    "version": "1.0",
    "timestamp": "2019-11-14T18:16:05.568Z",
    "requestContext": {
        "requestId": "e4b46cbf-b738-4c7a-8880-a18cdf61200e",
        "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:source:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": {"order": ["a", "b"]},
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "responsePayload": {"errorMessage": "oh", "errorType": "ValueError"},
}


def test_a_queue_gets_the_record_of_a_failure(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("failures")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn, on_success="arn:aws:sqs:us-east-1:1:other")
        await there.deliver(an_outcome())
        assert there.counts() == {}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    (message,) = peer.receive(url)
    assert json.loads(message["Body"]) == FAILURE
    assert message["Attributes"]["AWSTraceHeader"] == TRACE
    assert "MessageAttributes" not in message


def test_a_queue_gets_the_record_of_a_success(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("successes")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_success=arn, qualifier="live")
        await there.deliver(an_outcome(Condition.SUCCESS))
        await there.deliver(an_outcome(Condition.SUCCESS, event={"qualifier": "live"}, executed_version="7", invoke_count=1))

    delivering(scenario, endpoint_url=peer.endpoint_url)
    (message,) = peer.receive(url)  # that of the alias: the one of $LATEST has no destination
    record = json.loads(message["Body"])
    assert record["requestContext"] | {"requestId": ""} == {
        "requestId": "",
        "functionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:source:live",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "7"}
    assert record["responsePayload"] == {"ok": True}


def test_a_topic_gets_the_record(peer: AwsPeer) -> None:
    url, queue_arn = peer.create_queue("subscriber")
    sns = peer.client("sns")
    topic = sns.create_topic(Name="failures")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=topic)
        await there.deliver(an_outcome())

    delivering(scenario, endpoint_url=peer.endpoint_url)
    assert [json.loads(message["Body"]) for message in peer.receive(url)] == [FAILURE]


def test_an_event_bus_gets_an_event(peer: AwsPeer) -> None:
    url, queue_arn = peer.create_queue("rule-target")
    events = peer.client("events")
    bus = events.create_event_bus(Name="orders")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="orders", EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="all", EventBusName="orders", Targets=[{"Id": "queue", "Arn": queue_arn}])

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=bus, on_success=bus)
        await there.deliver(an_outcome())
        await there.deliver(an_outcome(Condition.SUCCESS))
        assert there.counts() == {}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    failure, success = (json.loads(message["Body"]) for message in peer.receive(url))
    assert failure["source"] == "lambda"
    assert failure["detail-type"] == "Lambda Function Invocation Result - Failure"
    assert failure["resources"] == [bus, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:source:$LATEST"]
    assert failure["detail"] == FAILURE
    assert success["detail-type"] == "Lambda Function Invocation Result - Success"


def test_a_bucket_gets_an_object(peer: AwsPeer) -> None:
    s3 = peer.client("s3")
    s3.create_bucket(Bucket="failures")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure="arn:aws:s3:::failures")
        await there.deliver(an_outcome())
        await there.deliver(an_outcome())
        assert there.counts() == {}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="failures")["Contents"]]
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert len(set(keys)) == 2
    assert all(re.fullmatch(rf"aws/lambda/async/source/2019/11/14/2019-11-14T18\.16\.05-{uuid}", key) for key in keys)
    assert json.load(s3.get_object(Bucket="failures", Key=keys[0])["Body"]) == FAILURE


def test_a_function_gets_the_record_through_the_queue_of_events() -> None:
    async def scenario(there: Delivering) -> None:
        there.control.dead_letters["next"] = None
        there.control.configure(on_failure=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:next:live")
        await there.deliver(an_outcome())
        (event,) = there.accepted
        assert event.target == FunctionReference(HERE, "next", "live")
        assert json.loads(event.payload) == FAILURE
        assert event.request_id != an_outcome().event.request_id
        assert event.trace_header == f"{TRACE}|{lineage.mark_of(HERE, 'next')}:0"

    delivering(scenario, endpoint_url=None)


@pytest.mark.parametrize("kind", ["sqs", "sns"])
def test_the_dead_letter_queue_gets_the_event_as_it_was(peer: AwsPeer, kind: str) -> None:
    url, arn = peer.create_queue(f"dead-{kind}")
    if kind == "sns":
        sns, queue_arn = peer.client("sns"), arn
        arn = sns.create_topic(Name="dead")["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})

    async def scenario(there: Delivering) -> None:
        there.control.dead_letters["source"] = arn
        await there.deliver(an_outcome(Condition.SUCCESS))
        await there.deliver(an_outcome(event={"payload": b'{ "as": "it was\\u0021" }'}))
        assert there.counts() == {}

    delivering(scenario, endpoint_url=peer.endpoint_url)
    (message,) = peer.receive(url)
    assert message["Body"] == '{ "as": "it was\\u0021" }'
    attributes = {name: (value["DataType"], value["StringValue"]) for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": ("String", "e4b46cbf-b738-4c7a-8880-a18cdf61200e"),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", "oh"),
    }


def test_a_failure_goes_both_ways_if_both_are_configured(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("both")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        there.control.dead_letters["source"] = arn
        await there.deliver(an_outcome())

    delivering(scenario, endpoint_url=peer.endpoint_url)
    assert sorted("MessageAttributes" in message for message in peer.receive(url)) == [False, True]


@pytest.mark.parametrize(
    ("condition", "response", "attributes"),
    [
        (Condition.EVENT_AGE_EXCEEDED, {"statusCode": 429}, {"ErrorCode": "429", "ErrorMessage": "Rate Exceeded."}),
        (Condition.RECURSIVE_INVOCATION, {"statusCode": 400}, {"ErrorCode": "400", "ErrorMessage": "Recursive invocation detected"}),
        (
            Condition.ZERO_RESERVED_CONCURRENCY,
            None,
            {"ErrorMessage": "Function not invoked. Function isconfigured with zero reserved concurrent executions"},
        ),
    ],
)
def test_an_event_that_never_ran_has_no_response(peer: AwsPeer, condition: Condition, response: Any, attributes: dict[str, str]) -> None:
    (url, arn), (dead_url, dead_arn) = peer.create_queue(f"never-{condition}"), peer.create_queue(f"never-dead-{condition}")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        there.control.dead_letters["source"] = dead_arn
        await there.deliver(an_outcome(condition, invoke_count=0, function_error=None, payload=None))

    delivering(scenario, endpoint_url=peer.endpoint_url)
    record = json.loads(peer.receive(url)[0]["Body"])
    assert record["requestContext"]["condition"] == condition.value
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record.get("responseContext") == response
    assert "responsePayload" not in record
    (dead,) = peer.receive(dead_url)
    del dead["MessageAttributes"]["RequestID"]
    assert {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()} == attributes


def test_services_have_endpoints_of_their_own(peer: AwsPeer) -> None:
    url, arn = peer.create_queue("own-endpoint")

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=arn)
        await there.deliver(an_outcome())

    delivering(scenario, endpoint_url="http://127.0.0.1:1", sqs=peer.endpoint_url)
    assert len(peer.receive(url)) == 1


def test_the_region_is_that_of_the_target(peer: AwsPeer) -> None:
    sqs = peer.client("sqs", region="eu-central-1")
    url = sqs.create_queue(QueueName="elsewhere")["QueueUrl"]

    async def scenario(there: Delivering) -> None:
        there.control.configure(on_failure=f"arn:aws:sqs:eu-central-1:{ACCOUNT}:elsewhere")
        await there.deliver(an_outcome())

    delivering(scenario, endpoint_url=peer.endpoint_url)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
