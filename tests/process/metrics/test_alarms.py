"""Alarms: kept, changed, set off, and told to functions and topics."""

import json
import subprocess
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.aws_cli import AWS
from tests.support.metrics import dimensions
from tests.support.server import Server
from tests.support.waiting import eventually

_KEEPS = "def handler(event, context):\n    print('ALARMED ' + __import__('json').dumps(event))\n"
SETTINGS: dict[str, Any] = {
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def alarm_state(server: Server, name: str) -> str:
    (alarm,) = server.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    state: str = alarm["StateValue"]
    return state


def logged(server: Server, function: str) -> list[dict[str, Any]]:
    """The events that a function of `_KEEPS` has been invoked with."""
    try:
        events = server.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern="ALARMED")["events"]
    except ClientError:
        return []
    return [json.loads(event["message"].partition("ALARMED ")[2]) for event in events]


def test_an_alarm_is_kept_and_described(server: Server) -> None:
    client = server.client("cloudwatch")
    tags = [{"Key": "a", "Value": "b"}]
    client.put_metric_alarm(AlarmName="alarm-kept", Dimensions=dimensions(FunctionName="f"), Tags=tags, **SETTINGS)
    (alarm,) = client.describe_alarms(AlarmNamePrefix="alarm-ke")["MetricAlarms"]
    assert {name: alarm[name] for name in SETTINGS} == SETTINGS
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    assert alarm["StateReason"] == "Unchecked: Initial alarm creation"
    assert alarm["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:alarm-kept"
    assert client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == tags
    of_metric = client.describe_alarms_for_metric(Namespace="AWS/Lambda", MetricName="Errors", Dimensions=dimensions(FunctionName="f"))
    assert [each["AlarmName"] for each in of_metric["MetricAlarms"]] == ["alarm-kept"]
    client.delete_alarms(AlarmNames=["alarm-kept"])
    assert client.describe_alarms(AlarmNames=["alarm-kept"])["MetricAlarms"] == []


def test_an_alarm_invokes_a_function(server: Server) -> None:
    client, name = server.client("cloudwatch"), server.deploy("alarmed", _KEEPS)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    client.put_metric_alarm(AlarmName="alarm-function", AlarmActions=[arn], **SETTINGS)
    command = [
        AWS,
        "cloudwatch",
        "set-alarm-state",
        "--alarm-name",
        "alarm-function",
        "--state-value",
        "ALARM",
        "--state-reason",
        "a test",
    ]
    subprocess.run(command, env=server.environment(), check=True, capture_output=True)
    (event,) = eventually(lambda: logged(server, name), what="the function is told")
    assert event["source"] == "aws.cloudwatch"
    assert event["alarmData"]["alarmName"] == "alarm-function"
    assert event["alarmData"]["state"]["value"] == "ALARM"
    assert event["alarmData"]["state"]["reason"] == "a test"
    assert event["alarmData"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert event["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "Errors"

    def kinds() -> list[str] | None:
        items = client.describe_alarm_history(AlarmName="alarm-function")["AlarmHistoryItems"]
        return [item["HistoryItemType"] for item in items] if len(items) > 2 else None

    assert eventually(kinds, what="the action is in its history") == ["Action", "StateUpdate", "ConfigurationUpdate"]


def test_actions_can_be_switched_off(server: Server) -> None:
    client, name = server.client("cloudwatch"), server.deploy("alarmed-not", _KEEPS)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    client.put_metric_alarm(AlarmName="alarm-quiet", AlarmActions=[arn], OKActions=[arn], **SETTINGS)
    client.disable_alarm_actions(AlarmNames=["alarm-quiet"])
    client.set_alarm_state(AlarmName="alarm-quiet", StateValue="ALARM", StateReason="quiet")
    client.enable_alarm_actions(AlarmNames=["alarm-quiet"])
    client.set_alarm_state(AlarmName="alarm-quiet", StateValue="OK", StateReason="loud")
    events = eventually(lambda: logged(server, name), what="the second change is told")
    assert [event["alarmData"]["state"]["reason"] for event in events] == ["loud"]


def test_refuses_alarms_that_cannot_be(server: Server) -> None:
    client = server.client("cloudwatch")
    for wrong in ({"DatapointsToAlarm": 2}, {"Period": 61}, {"TreatMissingData": "maybe"}):
        with pytest.raises(ClientError, match="ValidationError"):
            client.put_metric_alarm(AlarmName="alarm-wrong", **(SETTINGS | wrong))
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.set_alarm_state(AlarmName="alarm-none", StateValue="OK", StateReason="")
    assert client.describe_alarms(AlarmNames=["alarm-wrong"])["MetricAlarms"] == []


@pytest.mark.thorough
def test_an_alarm_goes_off_by_itself_and_tells_a_topic(server: Server) -> None:
    name = server.deploy("alarmed-by-errors", "def handler(event, context):\n    raise RuntimeError\n")
    topic = server.client("sns").create_topic(Name="alarms")["TopicArn"]
    queue = server.client("sqs").create_queue(QueueName="alarms")["QueueUrl"]
    server.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:alarms")
    server.client("cloudwatch").put_metric_alarm(
        AlarmName="alarm-errors", AlarmActions=[topic], Dimensions=dimensions(FunctionName=name), **SETTINGS
    )
    server.client("lambda").invoke(FunctionName=name)
    eventually(lambda: alarm_state(server, "alarm-errors") == "ALARM", what="the alarm goes off", within_seconds=180)
    (message,) = eventually(lambda: server.client("sqs").receive_message(QueueUrl=queue).get("Messages"), what="the queue has it")
    notification = json.loads(message["Body"])
    assert notification["Subject"] == 'ALARM: "alarm-errors" in us-east-1'
    told = json.loads(notification["Message"])
    assert told["NewStateValue"] == "ALARM"
    assert told["OldStateValue"] == "INSUFFICIENT_DATA"
    assert told["NewStateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (")
    assert told["Trigger"]["MetricName"] == "Errors"
    assert told["Trigger"]["Statistic"] == "SUM"
    eventually(lambda: alarm_state(server, "alarm-errors") == "INSUFFICIENT_DATA", what="no errors any more", within_seconds=400)


@pytest.mark.thorough
def test_stacks_make_alarms(server: Server) -> None:
    properties = SETTINGS | {"TreatMissingData": "notBreaching"}
    template = {
        "Resources": {"Errors": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}},
        "Outputs": {"Name": {"Value": {"Ref": "Errors"}}, "Arn": {"Value": {"Fn::GetAtt": ["Errors", "Arn"]}}},
    }
    stacks, client = server.client("cloudformation"), server.client("cloudwatch")
    stacks.create_stack(StackName="alarms", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="alarms", WaiterConfig={"Delay": 1})
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stacks.describe_stacks(StackName="alarms")["Stacks"][0]["Outputs"]}
    (alarm,) = client.describe_alarms(AlarmNames=[outputs["Name"]])["MetricAlarms"]
    assert {name: alarm[name] for name in properties} == properties
    assert alarm["AlarmArn"] == outputs["Arn"]
    stacks.delete_stack(StackName="alarms")
    stacks.get_waiter("stack_delete_complete").wait(StackName="alarms", WaiterConfig={"Delay": 1})
    assert client.describe_alarms(AlarmNames=[outputs["Name"]])["MetricAlarms"] == []
