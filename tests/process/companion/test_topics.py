"""SNS topics whose subscribers are functions."""

import base64
import json
from typing import Any

import pytest
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

from .received import ACCOUNT, SHOWS, arn_of, events_of

_ids = iter(range(1_000))


@pytest.fixture(scope="module")
def function(server: Server) -> str:
    return server.deploy("of-sns", SHOWS)


@pytest.fixture
def topic(server: Server) -> str:
    arn: str = server.client("sns").create_topic(Name=f"topic-{next(_ids)}")["TopicArn"]
    return arn


def subscribe(server: Server, topic: str, function: str, **attributes: Any) -> str:
    text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
    answer = server.client("sns").subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=arn_of(function), Attributes=text, ReturnSubscriptionArn=True
    )
    return str(answer["SubscriptionArn"])


def messages_of(server: Server, function: str, topic: str, *, count: int) -> list[dict[str, Any]]:
    found = events_of(server, function, count=count, wanted=lambda event: event["Records"][0]["Sns"]["TopicArn"] == topic)
    return [event["Records"][0]["Sns"] for event in found]


def test_an_event_says_what_snss_say(server: Server, function: str, topic: str) -> None:
    subscription = subscribe(server, topic, function)
    attributes = {
        "text": {"DataType": "String", "StringValue": "v"},
        "number": {"DataType": "Number", "StringValue": "5.5"},
        "list": {"DataType": "String.Array", "StringValue": '["a", 1]'},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    message_id = server.client("sns").publish(TopicArn=topic, Message="hello", Subject="greeting", MessageAttributes=attributes)[
        "MessageId"
    ]
    (event,) = events_of(server, function, count=1, wanted=lambda event: event["Records"][0]["Sns"]["TopicArn"] == topic)
    (record,) = event["Records"]
    sns = record.pop("Sns")
    assert record == {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription}
    assert list(sns.pop("Timestamp"))[-1] == "Z"
    assert base64.b64decode(sns.pop("Signature"))
    assert sns.pop("SigningCertUrl").startswith("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-")
    assert sns == {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": topic,
        "Subject": "greeting",
        "Message": "hello",
        "SignatureVersion": "1",
        "UnsubscribeUrl": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={subscription}",
        "MessageAttributes": {
            "text": {"Type": "String", "Value": "v"},
            "number": {"Type": "Number", "Value": "5.5"},
            "list": {"Type": "String.Array", "Value": '["a", 1]'},
            "bytes": {"Type": "Binary", "Value": "AAE="},
        },
    }


POLICIES: list[tuple[dict[str, Any], str, Any, Any]] = [
    ({"kind": ["order"]}, "MessageAttributes", "order", "other"),
    ({"kind": [{"prefix": "ord"}]}, "MessageAttributes", "order", "other"),
    ({"kind": [{"suffix": "er"}]}, "MessageAttributes", "order", "sale"),
    ({"kind": [{"anything-but": ["other"]}]}, "MessageAttributes", "order", "other"),
    ({"kind": [{"equals-ignore-case": "ORDER"}]}, "MessageAttributes", "order", "other"),
    ({"size": [{"numeric": [">", 3, "<=", 5]}]}, "MessageAttributes", 5, 3),
    ({"kind": ["order"]}, "MessageBody", "order", "other"),
    ({"deep": {"kind": [{"prefix": "or"}]}}, "MessageBody", "order", "other"),
    ({"$or": [{"kind": ["order"]}, {"size": [{"numeric": ["=", 5]}]}]}, "MessageBody", 5, "other"),
    ({"missing": [{"exists": False}], "kind": ["order"]}, "MessageBody", "order", "other"),
]


@pytest.mark.parametrize("case", POLICIES)
def test_filter_policies_choose_messages(server: Server, function: str, topic: str, case: tuple[dict[str, Any], str, Any, Any]) -> None:
    policy, scope, wanted, unwanted = case
    subscribe(server, topic, function, FilterPolicy=policy, FilterPolicyScope=scope)
    sns = server.client("sns")
    for number, value in enumerate((unwanted, wanted)):
        name = "size" if isinstance(value, int) else "kind"
        described = {"DataType": "Number" if isinstance(value, int) else "String", "StringValue": str(value)}
        body = json.dumps({name: value, "deep": {name: value}, "n": number})
        sns.publish(TopicArn=topic, Message=body, MessageAttributes={name: described})
    (message,) = messages_of(server, function, topic, count=1)
    assert json.loads(message["Message"])["n"] == 1


def test_a_filter_policy_may_be_changed_and_a_subscription_ended(server: Server, function: str, topic: str) -> None:
    sns = server.client("sns")
    subscription = subscribe(server, topic, function, FilterPolicy={"k": ["v"]})
    sns.publish(TopicArn=topic, Message="1")
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue="{}")
    sns.publish(TopicArn=topic, Message="2")
    sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a", "Message": "3"}, {"Id": "b", "Message": "4"}])
    # What comes at once may run in any order.
    assert sorted(each["Message"] for each in messages_of(server, function, topic, count=3)) == ["2", "3", "4"]
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.publish(TopicArn=topic, Message="5")
    subscribe(server, topic, function)
    sns.publish(TopicArn=topic, Message="6")
    assert sorted(each["Message"] for each in messages_of(server, function, topic, count=4)) == ["2", "3", "4", "6"]


def test_a_message_may_differ_by_protocol(server: Server, function: str, topic: str) -> None:
    subscribe(server, topic, function)
    message = json.dumps({"default": "for all", "lambda": "for functions"})
    server.client("sns").publish(TopicArn=topic, Message=message, MessageStructure="json")
    (sns,) = messages_of(server, function, topic, count=1)
    assert sns["Message"] == "for functions"


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(server: Server, function: str, topic: str) -> None:
    """And to everybody else as if nothing had been."""
    url = server.client("sqs").create_queue(QueueName="dead-messages")["QueueUrl"]
    subscribe(server, topic, "nobody", RedrivePolicy={"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead-messages"})
    subscribe(server, topic, function)
    message_id = server.client("sns").publish(TopicArn=topic, Message="hello", Subject="s")["MessageId"]
    sqs = server.client("sqs")
    (dead,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), what="the message that nobody took")
    body = json.loads(dead["Body"])
    assert (body["Type"], body["MessageId"], body["Message"], body["Subject"]) == ("Notification", message_id, "hello", "s")
    assert "SigningCertURL" in body
    (sns,) = messages_of(server, function, topic, count=1)
    assert sns["MessageId"] == message_id


def test_a_function_of_another_account_gets_messages(server: Server, topic: str) -> None:
    account = "333344445555"
    client = server.client("lambda", account=account)
    client.create_function(
        FunctionName="elsewhere", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": SHOWS})}
    )
    client.get_waiter("function_active_v2").wait(FunctionName="elsewhere", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    sns = server.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of("elsewhere", account=account))
    sns.publish(TopicArn=topic, Message="hello")
    logs = server.client("logs", account=account)

    def find_line() -> str | None:
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/elsewhere")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return next((event["message"] for event in events if "GOT" in event["message"]), None)

    assert "hello" in eventually(find_line, what="the function's log")
