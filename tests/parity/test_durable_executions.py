"""Durable executions and callbacks that are not there: no function can have any yet."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT_ID, REGION = "111111111111", "us-east-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function"
EXECUTION_ARN = f"{FUNCTION_ARN}:f:1/durable-execution/order-1/run-1"
TOKEN = "QUJDRA=="


def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    "operation",
    [
        "get_durable_execution",
        "get_durable_execution_history",
        "stop_durable_execution",
        "pause_durable_execution",
        "resume_durable_execution",
        "delete_durable_execution",
    ],
)
def test_an_execution_that_is_not_there(lambda_client: Any, operation: str) -> None:
    for arn in (EXECUTION_ARN, EXECUTION_ARN.replace(REGION, "eu-west-1"), EXECUTION_ARN.replace(ACCOUNT_ID, "2" * 12)):
        answer = refused(lambda arn=arn: getattr(lambda_client, operation)(DurableExecutionArn=arn))
        assert answer == ("ResourceNotFoundException", f"Durable execution not found: {arn}")


@pytest.mark.parametrize("operation", ["get_durable_execution_state", "checkpoint_durable_execution"])
def test_a_token_that_is_none(lambda_client: Any, operation: str) -> None:
    answer = refused(lambda: getattr(lambda_client, operation)(DurableExecutionArn=EXECUTION_ARN, CheckpointToken=TOKEN))
    assert answer == ("InvalidParameterValueException", "Invalid Checkpoint Token")


@pytest.mark.parametrize("answer", ["success", "failure", "heartbeat"])
def test_a_callback_that_is_not_there(lambda_client: Any, answer: str) -> None:
    send = getattr(lambda_client, f"send_durable_execution_callback_{answer}")
    assert refused(lambda: send(CallbackId="QUJ/RA==")) == ("ResourceNotFoundException", "Callback not found: QUJ/RA==")


def test_what_comes_with_an_answer_is_read(lambda_client: Any) -> None:
    error = {"ErrorMessage": "no", "ErrorType": "Refused", "StackTrace": ["a", "b"]}
    answer = refused(lambda: lambda_client.send_durable_execution_callback_failure(CallbackId=TOKEN, Error=error))
    assert answer[0] == "ResourceNotFoundException"
    answer = refused(lambda: lambda_client.send_durable_execution_callback_success(CallbackId=TOKEN, Result=b'{"a": 1}'))
    assert answer[0] == "ResourceNotFoundException"
    too_large = {"ErrorData": "x" * 1_048_577}
    answer = refused(lambda: lambda_client.stop_durable_execution(DurableExecutionArn=EXECUTION_ARN, Error=too_large))
    assert answer[0] == "InvalidParameterValueException"


def test_an_arn_that_is_none(lambda_client: Any) -> None:
    code, message = refused(lambda: lambda_client.get_durable_execution(DurableExecutionArn=f"{FUNCTION_ARN}:f"))
    assert code == "ValidationException"
    assert "durableExecutionArn" in message


def test_a_function_has_no_executions(requests: Any) -> None:
    client, name = requests.client, "not-durable"
    requests.create_active(name)
    for parameters in ({}, {"Qualifier": "$LATEST"}, {"Statuses": ["RUNNING", "FAILED"], "ReverseOrder": True, "MaxItems": 5}):
        answer = client.list_durable_executions_by_function(FunctionName=name, **parameters)
        assert answer["DurableExecutions"] == []
        assert "NextMarker" not in answer


def test_a_function_or_version_that_is_not_there(requests: Any) -> None:
    client, name = requests.client, "unversioned-durable"
    requests.create_active(name)
    for parameters, arn in (
        ({"FunctionName": "i-dont-exist"}, f"{FUNCTION_ARN}:i-dont-exist"),
        ({"FunctionName": name, "Qualifier": "7"}, f"{FUNCTION_ARN}:{name}:7"),
    ):
        answer = refused(lambda parameters=parameters: client.list_durable_executions_by_function(**parameters))
        assert answer == ("ResourceNotFoundException", f"Function not found: {arn}")


def test_a_status_that_is_none(lambda_client: Any) -> None:
    answer = refused(lambda: lambda_client.list_durable_executions_by_function(FunctionName="f", Statuses=["WAITING"]))
    assert answer[0] == "ValidationException"
