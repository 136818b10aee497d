"""Rules and schedules that fire: in a time that goes a minute a second where that is needed, else in real time."""

import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from tests.process.companion.processes import companions_of
from tests.support.invoking import read_log, wait_for_log
from tests.support.server import Server
from tests.support.waiting import eventually

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
SPEED = 60
LOGS = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"
OFF = {"Mode": "OFF"}
QUICK = Path(__file__).parents[2] / "support" / "quick_time.py"


def arn_of(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{name}"


def start_quick(directory: Path, *options: str) -> Server:
    return Server.start(*options, data_directory=directory, command=(sys.executable, str(QUICK), str(SPEED)))


@pytest.fixture(scope="module")
def quick_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_quick(tmp_path_factory.mktemp("quick") / "data") as running:
        yield running


def create_queue(server: Server) -> tuple[str, str]:
    """URL and ARN of a new one."""
    name = f"q{uuid.uuid4().hex[:8]}"
    return server.client("sqs").create_queue(QueueName=name)["QueueUrl"], arn_of("sqs", name)


def receive(server: Server, url: str, count: int = 1) -> list[dict[str, Any]]:
    """So many messages, or more."""
    sqs, found = server.client("sqs"), []

    def have_enough() -> bool:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        for message in answer.get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message)
        return len(found) >= count

    eventually(have_enough, what=f"{count} messages")
    return found


def soon(seconds: float = 1.0, zone: str = "UTC") -> str:
    """A time as `at` takes it."""
    at = datetime.now(ZoneInfo(zone)) + timedelta(seconds=seconds)
    return f"at({at.strftime('%Y-%m-%dT%H:%M:%S')})"


def test_a_rule_with_a_rate_invokes_its_function_again_and_again(quick_server: Server) -> None:
    server = quick_server
    server.deploy("rated", LOGS)
    events = server.client("events")
    rule = events.put_rule(Name="rated", ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule="rated", Targets=[{"Id": "1", "Arn": arn_of("lambda", "function:rated")}])
    lines = [line for line in wait_for_log(server, "rated", "GOT", count=3) if "GOT" in line]
    got = [json.loads(line.partition("GOT ")[2]) for line in lines]
    assert {**got[0], "id": "ID", "time": "TIME"} == {
        "version": "0",
        "id": "ID",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "TIME",
        "region": "us-east-1",
        "resources": [rule],
        "detail": {},
    }
    times = sorted(datetime.fromisoformat(event["time"]) for event in got)
    assert {(later - earlier) % timedelta(minutes=1) for earlier, later in pairwise(times)} == {timedelta()}
    events.disable_rule(Name="rated")
    assert events.describe_rule(Name="rated")["State"] == "DISABLED"


def test_a_rule_with_a_cron_expression_fires_at_its_minutes_and_shapes_its_event(quick_server: Server) -> None:
    server = quick_server
    url, arn = create_queue(server)
    events = server.client("events")
    events.put_rule(Name="timed", ScheduleExpression="cron(0/2 * * * ? *)")
    transformer = {"InputPathsMap": {"time": "$.time"}, "InputTemplate": '{"at": <time>}'}
    events.put_targets(Rule="timed", Targets=[{"Id": "1", "Arn": arn, "InputTransformer": transformer}])
    times = [datetime.fromisoformat(json.loads(message["Body"])["at"]) for message in receive(server, url, 2)]
    assert {(time.minute % 2, time.second) for time in times} == {(0, 0)}
    events.remove_targets(Rule="timed", Ids=["1"])
    events.delete_rule(Name="timed")


@pytest.mark.thorough
def test_a_schedule_with_an_end_fires_until_then_and_goes(quick_server: Server) -> None:
    server = quick_server
    url, arn = create_queue(server)
    scheduler = server.client("scheduler")
    # The server's time is ahead of this one's, by how much is not known here.
    scheduler.create_schedule(
        Name="ending",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": arn, "RoleArn": ROLE, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
    )
    first = json.loads(receive(server, url)[0]["Body"])["at"]
    end = datetime.fromisoformat(first) + timedelta(minutes=8)
    update = {"Name": "ending", "ScheduleExpression": "rate(2 minutes)", "FlexibleTimeWindow": OFF, "ActionAfterCompletion": "DELETE"}
    scheduler.update_schedule(
        **update, EndDate=end, Target={"Arn": arn, "RoleArn": ROLE, "Input": '{"late": "<aws.scheduler.scheduled-time>"}'}
    )

    def is_gone() -> bool:
        try:
            scheduler.get_schedule(Name="ending")
        except scheduler.exceptions.ResourceNotFoundException:
            return True
        return False

    eventually(is_gone, what="the end of the schedule")
    bodies = [json.loads(message["Body"]) for message in receive(server, url)]
    late = sorted(datetime.fromisoformat(body["late"]) for body in bodies if "late" in body)
    assert 1 <= len(late) <= 4
    assert late[-1] <= end


def test_a_flexible_schedule_fires_within_its_window(quick_server: Server) -> None:
    server = quick_server
    url, arn = create_queue(server)
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    server.client("scheduler").create_schedule(
        Name="flexible", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow=window, Target={"Arn": arn, "RoleArn": ROLE, "Input": "{}"}
    )
    assert len(receive(server, url)) == 1


@pytest.mark.thorough
def test_schedules_fire_after_a_restart_without_the_companion(tmp_path: Path) -> None:
    with start_quick(tmp_path / "data", "--persist") as first:
        first.deploy("kept", LOGS)
        target = {"Arn": arn_of("lambda", "function:kept"), "RoleArn": ROLE}
        first.client("scheduler").create_schedule(Name="kept", ScheduleExpression="rate(1 minute)", FlexibleTimeWindow=OFF, Target=target)
        wait_for_log(first, "kept", "GOT")
        before = sum("GOT" in line for line in read_log(first, "kept"))
    with start_quick(tmp_path / "data", "--persist") as second:
        wait_for_log(second, "kept", "GOT", count=before + 2)
        assert companions_of(second) == []
        assert second.client("scheduler").list_schedules()["Schedules"][0]["Name"] == "kept"


def test_a_single_time_in_a_time_zone_invokes_a_function_with_what_its_schedule_knows(server: Server) -> None:
    server.deploy("once", LOGS)
    scheduler = server.client("scheduler")
    attributes = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    expression = soon(zone="Asia/Kolkata")
    arn = scheduler.create_schedule(
        Name="once",
        ScheduleExpression=expression,
        ScheduleExpressionTimezone="Asia/Kolkata",
        FlexibleTimeWindow=OFF,
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": arn_of("lambda", "function:once"),
            "RoleArn": ROLE,
            "Input": json.dumps({name: f"<aws.scheduler.{name}>" for name in attributes}),
        },
    )["ScheduleArn"]
    line = next(line for line in wait_for_log(server, "once", "GOT") if "GOT" in line)
    event = json.loads(line.partition("GOT ")[2])
    at = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=ZoneInfo("Asia/Kolkata")).astimezone(UTC)
    assert uuid.UUID(event.pop("execution-id"))
    assert event == {"schedule-arn": arn, "scheduled-time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "attempt-number": "1"}
    eventually(lambda: not scheduler.list_schedules(NamePrefix="once")["Schedules"], what="the schedule's deletion")


def test_a_schedule_without_an_input_sends_an_event_of_its_own(server: Server) -> None:
    url, arn = create_queue(server)
    target = {"Arn": arn, "RoleArn": ROLE}
    schedule = server.client("scheduler").create_schedule(Name="plain", ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target)[
        "ScheduleArn"
    ]
    event = json.loads(receive(server, url)[0]["Body"])
    assert (event["source"], event["detail-type"], event["resources"], event["detail"]) == (
        "aws.scheduler",
        "Scheduled Event",
        [schedule],
        "{}",
    )


def test_a_schedule_puts_an_event_on_a_bus(server: Server) -> None:
    url, arn = create_queue(server)
    events = server.client("events")
    events.put_rule(Name="of-a-schedule", EventPattern='{"source": ["calendar"], "detail": {"day": ["today"]}}')
    events.put_targets(Rule="of-a-schedule", Targets=[{"Id": "1", "Arn": arn}])
    target = {
        "Arn": arn_of("events", "event-bus/default"),
        "RoleArn": ROLE,
        "Input": '{"day": "today"}',
        "EventBridgeParameters": {"DetailType": "reminder", "Source": "calendar"},
    }
    server.client("scheduler").create_schedule(Name="on-a-bus", ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target)
    event = json.loads(receive(server, url)[0]["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("calendar", "reminder", {"day": "today"})


def test_universal_targets_call_what_they_name(server: Server) -> None:
    server.deploy("named", LOGS)
    url, _ = create_queue(server)
    targets = {
        "lambda:invoke": {"FunctionName": "named", "InvocationType": "Event", "Payload": '{"from": "schedule"}'},
        "sqs:sendMessage": {"QueueUrl": url, "MessageBody": "hello"},
    }
    for name, parameters in targets.items():
        server.client("scheduler").create_schedule(
            Name=name.replace(":", "-"),
            ScheduleExpression=soon(),
            FlexibleTimeWindow=OFF,
            Target={"Arn": f"arn:aws:scheduler:::aws-sdk:{name}", "RoleArn": ROLE, "Input": json.dumps(parameters)},
        )
    assert receive(server, url)[0]["Body"] == "hello"
    assert any('GOT {"from": "schedule"}' in line for line in wait_for_log(server, "named", "GOT"))


def test_a_schedule_whose_target_is_not_there_goes_to_its_dead_letter_queue(server: Server) -> None:
    url, arn = create_queue(server)
    target = {"Arn": arn_of("lambda", "function:nobody"), "RoleArn": ROLE, "Input": "{}", "DeadLetterConfig": {"Arn": arn}}
    schedule = server.client("scheduler").create_schedule(Name="failing", ScheduleExpression=soon(), FlexibleTimeWindow=OFF, Target=target)[
        "ScheduleArn"
    ]
    (message,) = receive(server, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert (message["Body"], attributes["SCHEDULE_ARN"], attributes["RETRY_ATTEMPTS"]) == ("{}", schedule, "0")
    assert {"SCHEDULED_TIME", "EXECUTION_ID", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE"} <= attributes.keys()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ScheduleExpression": "rate(5 seconds)"}, "Invalid Schedule Expression rate(5 seconds)."),
        ({"ScheduleExpression": "cron(0 0 * * * *)"}, "Invalid Schedule Expression cron(0 0 * * * *)."),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "Invalid ScheduleExpressionTimezone Mars/Base."),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes must be between 1 and 1440 when Mode is FLEXIBLE."),
        ({"GroupName": "nobody"}, "Schedule group nobody does not exist."),
    ],
)
def test_schedules_that_cannot_be_are_refused(server: Server, changed: dict[str, Any], message: str) -> None:
    schedule = {
        "Name": "refused",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": ROLE, "RoleArn": ROLE},
    }
    with pytest.raises(ClientError) as refused:
        server.client("scheduler").create_schedule(**schedule | changed)
    assert refused.value.response["Error"]["Message"] == message


@pytest.mark.parametrize(
    "changed",
    [
        {"StartDate": "soon"},
        {"EndDate": [1]},
        {"Target": "x"},
        {"Target": {"Arn": 7}},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "5"}},
    ],
)
def test_what_no_client_of_aws_sends_harms_nobody(server: Server, changed: dict[str, Any]) -> None:
    sent = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": OFF, "Target": {"Arn": ROLE}, "ClientToken": "c"} | changed
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0"}
    headers["content-type"] = "application/json"
    request = urllib.request.Request(f"{server.endpoint_url}/schedules/hostile", data=json.dumps(sent).encode(), headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    with refused.value as answer:
        assert answer.status == 400
    assert not server.client("scheduler").list_schedules(NamePrefix="hostile")["Schedules"]


@pytest.mark.parametrize(
    "expression", ["rate(1 minutes)", "rate(5 minute)", "cron(* * * * *)", "cron(0 25 * * ? *)", "at(2030-01-01T00:00:00)"]
)
def test_rules_whose_expression_is_none_are_refused(server: Server, expression: str) -> None:
    with pytest.raises(ClientError, match="Parameter ScheduleExpression is not valid"):
        server.client("events").put_rule(Name="refused", ScheduleExpression=expression)


@pytest.mark.thorough
def test_one_of_several_workers_fires_a_schedule(tmp_path: Path) -> None:
    with Server.start("--workers", "3", data_directory=tmp_path / "data") as server:
        url, arn = create_queue(server)
        names = [f"s{number}" for number in range(6)]
        for name in names:
            target = {"Arn": arn, "RoleArn": ROLE, "Input": json.dumps(name)}
            server.client("scheduler").create_schedule(Name=name, ScheduleExpression=soon(2), FlexibleTimeWindow=OFF, Target=target)
        fired = [json.loads(message["Body"]) for message in receive(server, url, len(names))]
        assert sorted(fired) == names
        attributes = server.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "0"
