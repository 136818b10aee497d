"""Services that invoke functions, and functions whose outcomes go to services, with nothing configured."""

import json
from typing import Any

import pytest
from tests.conftest import StartServer
from tests.support.invoking import wait_for_log
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
LOGS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"
FAILS = "def handler(event, context):\n    raise ValueError('oh')\n"


def arn_of(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def create_queue(server: Server, name: str) -> tuple[str, str]:
    url: str = server.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def got(server: Server, name: str) -> Any:
    """The event that a function has logged."""
    line = next(line for line in wait_for_log(server, name, "GOT") if "GOT" in line)
    return json.loads(line.partition("GOT ")[2])


def test_an_event_on_a_bus_invokes_a_function(server: Server) -> None:
    server.deploy("of-events", LOGS)
    events = server.client("events")
    events.put_rule(Name="orders", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="orders", Targets=[{"Id": "function", "Arn": arn_of("of-events")}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": json.dumps({"id": 7})}])
    event = got(server, "of-events")
    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert (event["source"], event["account"], event["detail"]) == ("shop", ACCOUNT, {"id": 7})


def test_a_change_of_an_alarm_is_an_event_and_nobody_else_makes_one(server: Server) -> None:
    server.deploy("of-alarms", LOGS)
    events, alarms = server.client("events"), server.client("cloudwatch")
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": {"state": {"value": ["ALARM"]}}}
    events.put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="alarms", Targets=[{"Id": "function", "Arn": arn_of("of-alarms")}])
    forged = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps({"state": {"value": "ALARM"}}),
    }
    assert events.put_events(Entries=[forged])["FailedEntryCount"] == 1
    alarms.put_metric_alarm(
        AlarmName="rung",
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        ActionsEnabled=False,
    )
    alarms.set_alarm_state(AlarmName="rung", StateValue="OK", StateReason="quiet")
    alarms.set_alarm_state(AlarmName="rung", StateValue="ALARM", StateReason="loud")
    event = got(server, "of-alarms")
    assert (event["source"], event["account"], event["region"]) == ("aws.cloudwatch", ACCOUNT, "us-east-1")
    assert event["resources"] == [f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:rung"]
    detail = event["detail"]
    assert (detail["alarmName"], detail["state"]["reason"], detail["previousState"]["value"]) == ("rung", "loud", "OK")
    assert detail["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "m"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"always": "this"}'}, {"always": "this"}),
        ({"InputPath": "$.detail.id"}, 7),
        ({"InputTransformer": {"InputPathsMap": {"n": "$.detail.id"}, "InputTemplate": '{"number": <n>}'}}, {"number": 7}),
    ],
)
def test_a_rule_says_what_its_function_gets(server: Server, target: dict[str, Any], expected: Any) -> None:
    name = server.deploy(f"shaped-{next(iter(target))}", LOGS)
    events = server.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    targets = [{"Id": "gone", "Arn": arn_of("nobody")}, {"Id": "function", "Arn": arn_of(name), **target}]
    events.put_targets(Rule=name, Targets=targets)
    assert events.put_events(Entries=[{"Source": name, "DetailType": "order", "Detail": json.dumps({"id": 7})}])["FailedEntryCount"] == 0
    assert got(server, name) == expected


def test_a_function_of_another_account_is_invoked_by_its_own(server: Server) -> None:
    account = "333344445555"
    client = server.client("lambda", account=account)
    code = {"ZipFile": zip_of({"app.py": LOGS})}
    client.create_function(FunctionName="elsewhere-notified", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=code)
    client.get_waiter("function_active_v2").wait(FunctionName="elsewhere-notified", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    sns = server.client("sns", account=account)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=f"arn:aws:lambda:us-east-1:{account}:function:elsewhere-notified")
    sns.publish(TopicArn=topic, Message="hello")
    logs = server.client("logs", account=account)

    def find_line() -> str | None:
        try:
            events = logs.filter_log_events(logGroupName="/aws/lambda/elsewhere-notified")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return next((event["message"] for event in events if "GOT" in event["message"]), None)

    assert "hello" in eventually(find_line, what="the function's log")


def test_outcomes_go_to_destinations_and_dead_letter_queues(start_server: StartServer) -> None:
    server = start_server("--async-retry-delays", "0.1,0.1")
    (failures, failures_arn), (dead, dead_arn) = create_queue(server, "failures"), create_queue(server, "dead")
    successes, successes_arn = create_queue(server, "successes")
    topic = server.client("sns").create_topic(Name="successes")["TopicArn"]
    server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=successes_arn, Attributes={"RawMessageDelivery": "true"})
    server.deploy("fails", FAILS, DeadLetterConfig={"TargetArn": dead_arn})
    server.deploy("works", "def handler(event, context):\n    return 'fine'\n")
    client = server.client("lambda")
    client.put_function_event_invoke_config(FunctionName="fails", DestinationConfig={"OnFailure": {"Destination": failures_arn}})
    client.put_function_event_invoke_config(FunctionName="works", DestinationConfig={"OnSuccess": {"Destination": topic}})
    client.invoke(FunctionName="fails", InvocationType="Event", Payload=b'{"n": 1}')
    client.invoke(FunctionName="works", InvocationType="Event", Payload=b"{}")
    sqs = server.client("sqs")

    def receive(url: str) -> dict[str, Any]:
        messages = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), what="a message")
        return dict(json.loads(messages[0]["Body"]))

    assert receive(failures)["requestContext"]["condition"] == "RetriesExhausted"
    assert receive(dead) == {"n": 1}
    assert receive(successes)["responsePayload"] == "fine"
