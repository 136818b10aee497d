"""The companion is killed while things run: functions are not disturbed, and what was accepted runs."""

import json
from pathlib import Path

import pytest
from tests.conftest import StartServer
from tests.support.event_sink import REPORTING, EventSink
from tests.support.invoking import succeed
from tests.support.server import Server
from tests.support.waiting import eventually

from .processes import companions_of
from .received import arn_of

COUNT = 12


def kill_companion(server: Server) -> None:
    (companion,) = companions_of(server)
    companion.kill()
    companion.wait(30)


def test_functions_and_accepted_events_outlive_it(start_server: StartServer) -> None:
    server = start_server()
    server.deploy("reports", REPORTING, Timeout=60)
    server.deploy("echoes", "def handler(event, context):\n    return event\n")
    sns = server.client("sns", retries={"total_max_attempts": 5})
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of("reports"))
    with EventSink() as sink:
        for number in range(COUNT):
            sink.send(server, "reports", number, gate="open")
        eventually(lambda: sink.reports, what="a function that runs")
        kill_companion(server)
        assert succeed(server, "echoes", {"n": 1}) == {"n": 1}
        sink.open("open")
        eventually(lambda: len(sink.counts()) == COUNT or None, what="all events")
        assert "Topics" in sns.list_topics()
        assert sns.list_topics()["Topics"] == []
        assert succeed(server, "echoes", {"n": 2}) == {"n": 2}


@pytest.mark.thorough
def test_what_services_pushed_before_runs(start_server: StartServer) -> None:
    """Notifications and messages are in the durable queue when the request that caused them is answered."""
    server = start_server("--persist")
    source = (
        "import json, urllib.request\n"
        "def handler(event, context):\n"
        "    record = event['Records'][0]\n"
        "    sent = json.loads(record['Sns']['Message'])\n"
        "    report = {'id': sent['id'], 'request_id': context.aws_request_id}\n"
        "    urllib.request.urlopen(urllib.request.Request(sent['sink'] + '/ran', data=json.dumps(report).encode())).read()\n"
    )
    server.deploy("of-topic", source, Timeout=60)
    client = server.client("lambda")
    sns = server.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of("of-topic"))
    client.put_function_concurrency(FunctionName="of-topic", ReservedConcurrentExecutions=1)
    with EventSink() as sink:
        for number in range(COUNT):
            sns.publish(TopicArn=topic, Message=json.dumps({"id": number, "sink": sink.url}))
        kill_companion(server)
        eventually(lambda: len(sink.counts()) == COUNT or None, what="all messages")


@pytest.mark.thorough
def test_state_machines_are_kept_with_what_they_have_done(start_server: StartServer, tmp_path: Path) -> None:
    first = start_server("--persist", data_directory=tmp_path / "data")
    states = first.client("stepfunctions")
    states.list_state_machines()
    assert "what came after the last snapshot is lost" in first.log_file.read_text()
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 7, "End": True}}})
    role = "arn:aws:iam::000000000000:role/states"
    machine = states.create_state_machine(name="kept", definition=definition, roleArn=role)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, name="one")["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED" or None, what="its end")
    waits = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1_000, "End": True}}})
    running = states.create_state_machine(name="running", definition=waits, roleArn=role)["stateMachineArn"]
    unfinished = states.start_execution(stateMachineArn=running, name="two")["executionArn"]
    first.stop()
    second = start_server("--persist", data_directory=tmp_path / "data")
    states = second.client("stepfunctions")
    assert [each["name"] for each in states.list_state_machines()["stateMachines"]] == ["kept", "running"]
    assert states.describe_execution(executionArn=execution)["output"] == "7"
    assert states.get_execution_history(executionArn=execution)["events"][-1]["type"] == "ExecutionSucceeded"
    assert states.describe_execution(executionArn=unfinished)["status"] == "ABORTED"
    again = states.start_execution(stateMachineArn=machine, name="three")["executionArn"]
    eventually(lambda: states.describe_execution(executionArn=again)["status"] == "SUCCEEDED" or None, what="its end")
