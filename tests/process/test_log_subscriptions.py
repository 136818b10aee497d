"""Log groups that functions are subscribed to: what they get, of functions' lines and of clients' events, and what is refused."""

import base64
import gzip
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.conftest import StartServer
from tests.support.invoking import read_log, succeed, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
SHOWS = (
    "import base64, gzip, json\n"
    "def handler(event, context):\n"
    "    message = json.loads(gzip.decompress(base64.b64decode(event['awslogs']['data'])))\n"
    "    for each in message['logEvents']: each['message'] = each['message'][:100]\n"
    "    print('GOT', json.dumps(message))\n"
)
WRITES = "def handler(event, context):\n    for line in event: print(line)\n"
TAG = {"Key": "team", "Value": "blue"}
_ids = iter(range(1_000))


def arn_of(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def permit(server: Server, name: str) -> None:
    server.client("lambda").add_permission(
        FunctionName=name, StatementId=f"logs-{next(_ids)}", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )


def subscribe(server: Server, group: str, function: str, *, pattern: str = "", name: str = "filter") -> None:
    server.client("logs").put_subscription_filter(
        logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=arn_of(function)
    )


def messages_of(server: Server, function: str, group: str, *, event_count: int) -> list[dict[str, Any]]:
    """Once they hold that many events."""

    def find() -> list[dict[str, Any]] | None:
        lines = [line.partition("GOT ")[2] for line in read_log(server, function) if line.startswith("GOT ")]
        messages = [message for message in map(json.loads, lines) if message["logGroup"] == group]
        return messages if sum(len(message["logEvents"]) for message in messages) >= event_count else None

    return eventually(find, what=f"{event_count} events of {group}")


def texts_of(messages: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for message in messages for event in message["logEvents"]]


@pytest.fixture(scope="module")
def subscriber(server: Server) -> str:
    name = server.deploy("subscriber", SHOWS)
    permit(server, name)
    return name


@pytest.fixture(scope="module")
def source(server: Server) -> str:
    return server.deploy("source", WRITES)


@pytest.fixture
def group(server: Server) -> Iterator[tuple[str, str]]:
    """A client's own, with a log stream."""
    logs = server.client("logs")
    name = f"/app/{next(_ids)}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="stream")
    yield name, "stream"
    logs.delete_log_group(logGroupName=name)


def put(server: Server, group: tuple[str, str], *messages: str) -> None:
    now = time.time_ns() // 1_000_000
    server.client("logs").put_log_events(
        logGroupName=group[0], logStreamName=group[1], logEvents=[{"timestamp": now, "message": message} for message in messages]
    )


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_lines_of_a_function_reach_a_function(server: Server, subscriber: str, source: str) -> None:
    succeed(server, source, ["first of all"])
    log_group = f"/aws/lambda/{source}"
    wait_for_log(server, source, "first of all")
    subscribe(server, log_group, subscriber, pattern='"ERROR one" -two', name="errors")
    succeed(server, source, ["ERROR one", "ERROR one two", "fine", "ERROR one more"])
    (message,) = messages_of(server, subscriber, log_group, event_count=2)
    events = message.pop("logEvents")
    stream = message.pop("logStream")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    assert message == {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": log_group,
        "subscriptionFilters": ["errors"],
    }
    assert [event["message"] for event in events] == ["ERROR one\n", "ERROR one more\n"]
    assert [set(event) for event in events] == [{"id", "timestamp", "message"}] * 2
    assert all(re.fullmatch(r"\d{56}", event["id"]) for event in events)
    assert events[0]["id"] < events[1]["id"]
    server.client("logs").delete_subscription_filter(logGroupName=log_group, filterName="errors")


@pytest.mark.parametrize(
    ("pattern", "messages", "expected"),
    [
        ("", ["a", "b"], ["a", "b"]),
        ("{ $.level = ERROR && $.code >= 500 }", ['{"level": "ERROR", "code": 500}', '{"level": "ERROR", "code": 4}', "ERROR 500"], [0]),
        ("[ip, ..., status = 5*]", ["1.2.3.4 - GET 500", "1.2.3.4 - GET 200"], [0]),
        (r"%5\d\d%", ["status 503", "status 203"], [0]),
    ],
)
def test_events_of_clients_reach_a_function(
    server: Server, subscriber: str, group: tuple[str, str], *, pattern: str, messages: list[str], expected: list[Any]
) -> None:
    subscribe(server, group[0], subscriber, pattern=pattern)
    put(server, group, *messages)
    wanted = [messages[each] if isinstance(each, int) else each for each in expected]
    found = messages_of(server, subscriber, group[0], event_count=len(wanted))
    assert texts_of(found) == wanted
    if pattern.startswith("["):
        assert found[0]["logEvents"][0]["extractedFields"] == {"ip": "1.2.3.4", "status": "500"}


def test_large_batches_come_in_parts(server: Server, subscriber: str, group: tuple[str, str]) -> None:
    subscribe(server, group[0], subscriber)
    put(server, group, *(f"{number:02d}" + "x" * 100_000 for number in range(10)))
    found = messages_of(server, subscriber, group[0], event_count=10)
    assert len(found) == 2
    assert sorted(text[:2] for text in texts_of(found)) == [f"{number:02d}" for number in range(10)]


def test_a_filter_is_described_replaced_and_deleted(server: Server, subscriber: str, group: tuple[str, str]) -> None:
    logs = server.client("logs")
    subscribe(server, group[0], subscriber, pattern="one", name="a")
    subscribe(server, group[0], subscriber, pattern="two", name="b")
    described = logs.describe_subscription_filters(logGroupName=group[0])["subscriptionFilters"]
    assert described[0].pop("creationTime") <= described[1].pop("creationTime")
    shared = {
        "logGroupName": group[0],
        "destinationArn": arn_of(subscriber),
        "distribution": "ByLogStream",
        "applyOnTransformedLogs": False,
    }
    assert described == [{"filterName": "a", "filterPattern": "one", **shared}, {"filterName": "b", "filterPattern": "two", **shared}]
    again = {"logGroupName": group[0], "filterPattern": "", "destinationArn": arn_of(subscriber)}
    assert refused(logs.put_subscription_filter, filterName="c", **again) == ("LimitExceededException", "Resource limit exceeded.")
    subscribe(server, group[0], subscriber, pattern="three", name="a")
    logs.delete_subscription_filter(logGroupName=group[0], filterName="b")
    (left,) = logs.describe_subscription_filters(logGroupName=group[0])["subscriptionFilters"]
    assert left["filterPattern"] == "three"
    put(server, group, "one two", "three")
    assert texts_of(messages_of(server, subscriber, group[0], event_count=1)) == ["three"]


def test_what_is_wrong_is_refused(server: Server, subscriber: str, group: tuple[str, str]) -> None:
    logs = server.client("logs")
    wanted = {"logGroupName": group[0], "filterName": "f", "filterPattern": "", "destinationArn": arn_of(subscriber)}
    closed = server.deploy("closed", SHOWS)
    for change, code, message in (
        ({"logGroupName": "nobodys"}, "ResourceNotFoundException", "The specified log group does not exist."),
        ({"filterPattern": "{ $.a"}, "InvalidParameterException", "Invalid filter pattern"),
        ({"destinationArn": arn_of("nobody")}, "InvalidParameterException", "Could not execute the lambda function."),
        (
            {"destinationArn": arn_of(closed)},
            "InvalidParameterException",
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
        ),
        ({"destinationArn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"}, "InvalidParameterException", "Alonzo delivers"),
    ):
        found = refused(logs.put_subscription_filter, **(wanted | change))
        assert found[0] == code
        assert found[1].startswith(message)
    assert logs.describe_subscription_filters(logGroupName=group[0])["subscriptionFilters"] == []
    assert refused(logs.delete_subscription_filter, logGroupName=group[0], filterName="f") == (
        "ResourceNotFoundException",
        "The specified subscription filter does not exist.",
    )


def test_groups_streams_and_events_of_clients(server: Server, group: tuple[str, str]) -> None:
    logs = server.client("logs")
    name, stream = group
    assert refused(logs.create_log_group, logGroupName=name)[0] == "ResourceAlreadyExistsException"
    assert refused(logs.create_log_stream, logGroupName=name, logStreamName=stream)[0] == "ResourceAlreadyExistsException"
    assert refused(logs.create_log_stream, logGroupName="nobodys", logStreamName="s")[0] == "ResourceNotFoundException"
    now = time.time_ns() // 1_000_000
    wanted = {"logGroupName": name, "logStreamName": stream}
    events = [{"timestamp": now - 20 * 86_400_000, "message": "old"}, {"timestamp": now, "message": "now"}]
    answer = logs.put_log_events(**wanted, logEvents=[*events, {"timestamp": now + 9 * 3_600_000, "message": "new"}])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert refused(logs.put_log_events, **wanted, logEvents=[events[1], events[0]])[0] == "InvalidParameterException"
    assert refused(logs.put_log_events, **(wanted | {"logStreamName": "nobodys"}), logEvents=events) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    put(server, group, "two", "three")
    found = logs.filter_log_events(logGroupName=name, filterPattern="?now ?three", logStreamNames=[stream])["events"]
    assert [event["message"] for event in found] == ["now", "three"]
    assert logs.filter_log_events(logGroupName=name, logStreamNames=["other"])["events"] == []
    assert [each["logGroupName"] for each in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]] == [name]
    matches = logs.test_metric_filter(filterPattern="{ $.a = 1 }", logEventMessages=["no", '{"a": 1}'])["matches"]
    assert matches == [{"eventNumber": 2, "eventMessage": '{"a": 1}', "extractedValues": {"$.a": "1"}}]
    logs.delete_log_stream(**wanted)
    assert logs.describe_log_streams(logGroupName=name)["logStreams"] == []


def test_a_function_subscribed_to_its_own_log_is_stopped(server: Server) -> None:
    """After 16 rounds, as in every other loop."""
    name = server.deploy("own-log", "def handler(event, context):\n    print('RAN')\n")
    permit(server, name)
    succeed(server, name, {})
    group = f"/aws/lambda/{name}"
    wait_for_log(server, name, "RAN")
    subscribe(server, group, name, pattern="RAN")
    succeed(server, name, {})
    wait_for_log(server, name, "RAN", count=17)
    eventually(lambda: "a chain of requests has invoked it" in server.log_file.read_text() or None, what="the end of the loop")
    assert sum("RAN" in line for line in read_log(server, name)) <= 18


@pytest.mark.thorough
def test_workers_share_subscriptions(start_server: StartServer) -> None:
    server = start_server("--workers", "2")
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/shared")
    logs.create_log_stream(logGroupName="/shared", logStreamName="stream")
    subscriber = server.deploy("subscriber", SHOWS)
    permit(server, subscriber)
    subscribe(server, "/shared", subscriber)
    for number in range(4):  # connections of their own, which go to the workers in turn
        put(server, ("/shared", "stream"), f"event {number}")
    found = messages_of(server, subscriber, "/shared", event_count=4)
    assert sorted(texts_of(found)) == [f"event {number}" for number in range(4)]


def test_what_a_function_gets_is_packed(server: Server, group: tuple[str, str]) -> None:
    name = server.deploy("raw", "import json\ndef handler(event, context):\n    print('RAW', json.dumps(event))\n")
    permit(server, name)
    subscribe(server, group[0], name)
    put(server, group, "hello")
    line = next(line for line in wait_for_log(server, name, "RAW") if "RAW" in line)
    event = json.loads(line.partition("RAW ")[2])
    assert list(event) == ["awslogs"]
    assert list(event["awslogs"]) == ["data"]
    assert json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))["logEvents"][0]["message"] == "hello"


@pytest.mark.thorough
def test_a_stack_makes_groups_and_subscribes_functions(server: Server, subscriber: str) -> None:
    template = {
        "Resources": {
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/of/stack", "RetentionInDays": 7, "Tags": [TAG]}},
            "Stream": {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": {"Ref": "Group"}, "LogStreamName": "stream"}},
            "Filter": {
                "Type": "AWS::Logs::SubscriptionFilter",
                "Properties": {"LogGroupName": {"Ref": "Group"}, "FilterPattern": "ERROR", "DestinationArn": arn_of(subscriber)},
            },
            "Metric": {
                "Type": "AWS::Logs::MetricFilter",
                "Properties": {
                    "LogGroupName": {"Ref": "Group"},
                    "FilterPattern": "{ $.a = * }",
                    "MetricTransformations": [
                        {
                            "MetricName": "of-stack",
                            "MetricNamespace": "Stack",
                            "MetricValue": 1,
                            "Dimensions": [{"Key": "A", "Value": "$.a"}],
                        }
                    ],
                },
            },
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Group", "Arn"]}}},
    }
    cloudformation = server.client("cloudformation")
    cloudformation.create_stack(StackName="logs", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="logs", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    (stack,) = cloudformation.describe_stacks(StackName="logs")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/of/stack:*"
    assert server.client("logs").describe_log_groups(logGroupNamePrefix="/of/")["logGroups"][0]["retentionInDays"] == 7
    assert server.client("logs").list_tags_log_group(logGroupName="/of/stack")["tags"] == {"team": "blue"}
    (counted,) = server.client("logs").describe_metric_filters(logGroupName="/of/stack")["metricFilters"]
    assert counted["metricTransformations"] == [
        {"metricName": "of-stack", "metricNamespace": "Stack", "metricValue": "1", "dimensions": {"A": "$.a"}}
    ]
    put(server, ("/of/stack", "stream"), "fine", "ERROR")
    assert texts_of(messages_of(server, subscriber, "/of/stack", event_count=1)) == ["ERROR"]
    cloudformation.delete_stack(StackName="logs")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="logs", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    assert server.client("logs").describe_log_groups(logGroupNamePrefix="/of/")["logGroups"] == []
