"""Step Functions that run and call functions."""

import json
from typing import Any

import pytest
from tests.support.server import Server
from tests.support.waiting import eventually

from .received import arn_of

ROLE = "arn:aws:iam::123456789012:role/states"
INVOKE = "arn:aws:states:::lambda:invoke"
ADDS = """
import time

seen = []

def handler(event, context):
    if event.get("fail"):
        raise ValueError("told to fail")
    if event.get("flaky"):
        seen.append(1)
        if len(seen) < 3:
            raise KeyError("not yet")
    if event.get("sleep"):
        time.sleep(event["sleep"])
    return {"n": event.get("n", 0) + 1}
"""
HANDS_BACK = """
import boto3, json

states = boto3.client("stepfunctions")

def handler(event, context):
    if event["fails"]:
        states.send_task_failure(taskToken=event["token"], error="MyError", cause="because")
    else:
        states.send_task_success(taskToken=event["token"], output=json.dumps({"done": event["n"]}))
"""
_ids = iter(range(1_000))


@pytest.fixture(scope="module")
def adds(server: Server) -> str:
    return server.deploy("adds", ADDS, Timeout=20)


@pytest.fixture(scope="module")
def throttled(server: Server) -> str:
    name = server.deploy("throttled", ADDS)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    return name


@pytest.fixture(scope="module")
def times_out(server: Server) -> str:
    return server.deploy("times-out", ADDS, Timeout=1)


def run(server: Server, states: dict[str, Any], event: Any) -> dict[str, Any]:
    """The first state is the first of them; the description of the execution at its end."""
    client = server.client("stepfunctions")
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    machine = client.create_state_machine(name=f"machine-{next(_ids)}", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]

    def ended() -> dict[str, Any] | None:
        description: dict[str, Any] = client.describe_execution(executionArn=execution)
        return None if description["status"] == "RUNNING" else description

    return eventually(ended, what="the end of the execution")


def output_of(server: Server, states: dict[str, Any], event: Any) -> Any:
    description = run(server, states, event)
    assert description["status"] == "SUCCEEDED", description
    return json.loads(description["output"])


def caught(server: Server, state: dict[str, Any], error: str, event: Any) -> dict[str, str]:
    """What a catcher of that error gets."""
    catch = [{"ErrorEquals": [error], "ResultPath": "$.caught", "Next": "Caught"}]
    state = {name: value for name, value in state.items() if name != "End"} | {"Catch": catch, "Next": "Caught"}
    output: dict[str, str] = output_of(server, {"A": state, "Caught": {"Type": "Pass", "End": True}}, event)["caught"]
    return output


def history_of(server: Server, description: dict[str, Any]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = server.client("stepfunctions").get_execution_history(executionArn=description["executionArn"])["events"]
    return events


def task(**members: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": arn_of("adds"), **({} if "Next" in members else {"End": True}), **members}


def invoke(**members: Any) -> dict[str, Any]:
    return task(Resource=INVOKE, Parameters={"FunctionName": "adds", "Payload.$": "$"}, **members)


def test_tasks_call_functions_by_arn_and_by_the_services_integration(server: Server, adds: str) -> None:
    description = run(server, {"A": task(Next="B"), "B": invoke(ResultSelector={"n.$": "$.Payload.n", "s.$": "$.StatusCode"})}, {"n": 1})
    assert json.loads(description["output"]) == {"n": 3, "s": 200}
    assert description["executionArn"].rpartition(":")[2] == description["name"]
    types = [event["type"] for event in history_of(server, description)]
    assert types == [
        "ExecutionStarted",
        *("TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited"),
        *("TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"),
        "ExecutionSucceeded",
    ]


def test_choice_map_parallel_and_wait(server: Server, adds: str) -> None:
    iterator = {"StartAt": "Each", "States": {"Each": task()}}
    states = {
        "Which": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.kind", "StringEquals": "many", "Next": "Pause"}],
            "Default": "None",
        },
        "None": {"Type": "Fail", "Error": "Nothing", "Cause": "to do"},
        "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Many"},
        "Many": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ItemProcessor": iterator, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "First", "States": {"First": task(InputPath="$[0]")}},
                {"StartAt": "Last", "States": {"Last": task(InputPath="$[2]")}},
            ],
            "End": True,
        },
    }
    assert output_of(server, states, {"kind": "many", "items": [{"n": 1}, {"n": 2}, {"n": 3}]}) == [{"n": 3}, {"n": 5}]
    failed = run(server, states, {"kind": "few"})
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Nothing", "to do")


def test_what_fails_is_tried_again_and_caught(server: Server, adds: str) -> None:
    retry = [{"ErrorEquals": ["KeyError"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 3}]
    description = run(server, {"A": task(Retry=retry)}, {"flaky": True})
    assert json.loads(description["output"]) == {"n": 1}
    assert [event["type"] for event in history_of(server, description)].count("LambdaFunctionFailed") == 2

    failed = run(server, {"A": invoke()}, {"fail": True})
    assert (failed["status"], failed["error"]) == ("FAILED", "ValueError")
    assert json.loads(failed["cause"])["errorMessage"] == "told to fail"


@pytest.mark.parametrize("error", ["ValueError", "States.TaskFailed", "States.ALL"])
def test_errors_of_functions_are_caught_by_name(server: Server, adds: str, error: str) -> None:
    for caller in (task(), invoke()):
        assert caught(server, caller, error, {"fail": True})["Error"] == "ValueError"


@pytest.mark.parametrize("by_arn", [True, False])
def test_errors_of_lambda_have_the_names_that_aws_gives_them(server: Server, throttled: str, times_out: str, by_arn: bool) -> None:
    def calling(name: str) -> dict[str, Any]:
        if by_arn:
            return task(Resource=arn_of(name))
        return task(Resource=INVOKE, Parameters={"FunctionName": name, "Payload.$": "$"})

    missing = caught(server, calling("nobody"), "Lambda.ResourceNotFoundException", {})
    assert missing["Cause"].startswith(f"Function not found: {arn_of('nobody')}")
    assert "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: " in missing["Cause"]
    assert caught(server, calling(throttled), "Lambda.TooManyRequestsException", {})["Error"] == "Lambda.TooManyRequestsException"
    assert caught(server, calling(times_out), "Sandbox.Timedout", {"sleep": 10})["Error"] == "Sandbox.Timedout"


@pytest.mark.parametrize("fails", [False, True])
def test_a_task_waits_for_its_token(server: Server, fails: bool) -> None:
    name = server.deploy(f"hands-back-{fails}".lower(), HANDS_BACK, Timeout=60, MemorySize=512)
    parameters = {"FunctionName": name, "Payload": {"token.$": "$$.Task.Token", "n.$": "$.n", "fails": fails}}
    description = run(server, {"A": task(Resource=f"{INVOKE}.waitForTaskToken", Parameters=parameters, TimeoutSeconds=60)}, {"n": 7})
    if fails:
        assert (description["status"], description["error"], description["cause"]) == ("FAILED", "MyError", "because")
    else:
        assert json.loads(description["output"]) == {"done": 7}


def test_other_services_are_tasks_too(server: Server) -> None:
    """They are of the execution's own account, whatever account its role says."""
    queue = server.client("sqs").create_queue(QueueName="of-states")["QueueUrl"]
    send = {"QueueUrl": queue, "MessageBody.$": "$.text"}
    states = {
        "A": task(Resource="arn:aws:states:::sqs:sendMessage", Parameters=send, ResultPath=None, Next="B"),
        "B": task(Resource="arn:aws:states:::aws-sdk:sqs:listQueues", Parameters={"QueueNamePrefix": "of-states"}),
    }
    assert output_of(server, states, {"text": "hello"})["QueueUrls"] == [queue]
    (message,) = server.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "hello"


def test_an_execution_is_stopped_and_a_wrong_definition_refused(server: Server) -> None:
    client = server.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1_000, "End": True}}})
    machine = client.create_state_machine(name="waits", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, name="mine")["executionArn"]
    assert execution.endswith(":waits:mine")
    client.stop_execution(executionArn=execution)
    assert client.describe_execution(executionArn=execution)["status"] == "ABORTED"
    with pytest.raises(client.exceptions.InvalidToken):
        client.send_task_success(taskToken="nobodys", output="{}")
    with pytest.raises(client.exceptions.InvalidDefinition):
        client.create_state_machine(
            name="wrong", definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Nothing"}}}), roleArn=ROLE
        )


def test_expressions_may_be_jsonata(server: Server, adds: str) -> None:
    states = {
        "A": {
            "Type": "Task",
            "Resource": INVOKE,
            "Arguments": {"FunctionName": "adds", "Payload": {"n": "{% $sum($states.input.items.n) %}"}},
            "Assign": {"sum": "{% $states.result.Payload.n %}"},
            "Output": {"big": "{% $states.result.Payload.n > 5 %}", "all": "{% $states.input.items.n %}"},
            "Next": "B",
        },
        "B": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.big %}", "Next": "C"}], "Default": "D"},
        "C": {"Type": "Pass", "Output": {"sum": "{% $sum %}", "all": "{% $states.input.all %}"}, "End": True},
        "D": {"Type": "Fail"},
    }
    event = {"items": [{"n": 2}, {"n": 3}]}
    client = server.client("stepfunctions")
    definition = json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": states})
    machine = client.create_state_machine(name="jsonata", definition=definition, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    quick = server.client("stepfunctions", inject_host_prefix=False)
    answer = quick.start_sync_execution(stateMachineArn=machine, input=json.dumps(event))
    assert (answer["status"], json.loads(answer.get("output", "null"))) == ("SUCCEEDED", {"sum": 6, "all": [2, 3]}), answer
    failed = quick.start_sync_execution(stateMachineArn=machine, input=json.dumps({"items": [{"n": "x"}]}))
    assert (failed["status"], failed["error"]) == ("FAILED", "States.QueryEvaluationError")
    standard = client.create_state_machine(name="standard", definition=definition, roleArn=ROLE)["stateMachineArn"]
    with pytest.raises(client.exceptions.StateMachineTypeNotSupported):
        quick.start_sync_execution(stateMachineArn=standard)
