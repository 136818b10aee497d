"""boto3, unmodified, against the server."""

import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError


def error_of(call: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    assert response["ResponseMetadata"]["RequestId"]
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_hands_parameters_and_caller_to_the_operation(edge: Any) -> None:
    answer = edge.client("lambda").list_functions(MaxItems=3, FunctionVersion="ALL")
    context, parameters = edge.calls[-1]
    assert answer["Functions"] == [{"FunctionName": "a"}]
    assert parameters == {"MaxItems": 3, "FunctionVersion": "ALL"}
    assert (context.caller.scope.account_id, context.caller.scope.region) == ("123456789012", "eu-west-1")
    assert context.base_url == edge.url
    assert context.request_id == answer["ResponseMetadata"]["RequestId"]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/json"
    assert headers["date"].endswith(" GMT")


def test_carries_code(edge: Any) -> None:
    code = bytes(range(256)) * 4_096
    role = "arn:aws:iam::123456789012:role/r"
    answer = edge.client("lambda").create_function(FunctionName="f", Role=role, Code={"ZipFile": code})
    assert (answer["CodeSize"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (len(code), 201)


@pytest.mark.parametrize("name", ["f", "arn:aws:lambda:eu-west-1:123456789012:function:f:v1", "ünïcödé"])
def test_hands_invocations_to_their_endpoint(edge: Any, name: str) -> None:
    answer = edge.client("lambda").invoke(FunctionName=name, Payload=b'{"a":1}')
    assert answer["Payload"].read() == b'{"a":1}'
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-function-name"].encode("latin-1").decode() == name


def test_answers_errors_of_operations(edge: Any) -> None:
    get_function = edge.client("lambda").get_function
    assert error_of(get_function, FunctionName="x") == (404, "ResourceNotFoundException", "Function not found: x")
    assert error_of(get_function, FunctionName="paperless") == (402, "ServiceQuotaExceededException", "no paper")


def test_logs_a_bug_once_and_answers_it_as_a_service_error(edge: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, code, message = error_of(edge.client("lambda").get_function, FunctionName="broken")
    assert (status, code) == (500, "ServiceException")
    assert "bug" not in message
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]] == [("a bug",)]


def test_validates_with_the_words_of_aws(edge: Any) -> None:
    status, code, message = error_of(edge.client("lambda").list_functions, FunctionVersion="SOME")
    assert (status, code) == (400, "ValidationException")
    assert message == (
        "1 validation error detected: Value 'SOME' at 'functionVersion' failed to satisfy constraint: "
        "Member must satisfy enum value set: [ALL]"
    )


def test_says_which_operations_are_not_there(edge: Any) -> None:
    lambda_client, logs_client = edge.client("lambda"), edge.client("logs")
    for call, parameters, names in (
        (lambda_client.delete_alias, {"FunctionName": "f", "Name": "a"}, ("DeleteAlias", "lambda")),
        (lambda_client.invoke_with_response_stream, {"FunctionName": "f"}, ("InvokeWithResponseStream", "lambda")),
        (logs_client.describe_log_groups, {}, ("DescribeLogGroups", "logs")),
        (edge.client("dynamodb").list_tables, {}, ("ListTables", "dynamodb")),
        (edge.client("sqs").list_queues, {}, ("ListQueues", "sqs")),
    ):
        status, code, message = error_of(call, **parameters)
        assert (status, code) == (501, "NotImplementedException")
        assert all(name in message for name in names)


@pytest.mark.parametrize("service", ["s3", "sts", "ec2", "cloudformation"])
def test_refuses_services_that_speak_xml(edge: Any, service: str) -> None:
    client = edge.client(service)
    call = {"s3": "list_buckets", "sts": "get_caller_identity", "ec2": "describe_regions", "cloudformation": "list_stacks"}[service]
    with pytest.raises(ClientError) as caught:
        getattr(client, call)()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
    assert f"of the service {service}" in caught.value.response["Error"]["Message"]
