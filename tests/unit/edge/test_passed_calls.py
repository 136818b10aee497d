"""Calls that are passed on, as CloudTrail records them: what they are called, and what is said of how they ended."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alonzo.aws.operation_names import OperationNames
from alonzo.aws.service_model import botocore_data_directory
from alonzo.edge.other_services import OtherRequest
from alonzo.edge.passed_calls import PassedCall, passed_call, passed_record

NAMES = OperationNames(data_directory=botocore_data_directory())
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
JSON_ERROR = b'{"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "Message": "no table"}'
XML_ERROR = b"<ErrorResponse><Error><Type>Sender</Type><Code>NoSuch&amp;Topic</Code><Message>none</Message></Error></ErrorResponse>"


def a_passed_call(service: str, method: str = "POST", path: str = "/", query: str = "", **said: Any) -> PassedCall | None:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in said.pop("headers", {}).items()]
    request = OtherRequest(service=service, account_id="111111111111", region="eu-west-1", access_key_id="AKIA", **said)
    scope = {
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "client": ("10.0.0.1", 1),
    }
    return passed_call(scope, request)


def recorded(call: PassedCall | None, status: int = 200, answer: bytes = b"", form: bytes = b"") -> dict[str, Any] | None:
    if call is None:
        return None
    if form:
        call.note_form(form)
    call.note_answer(status, [(b"x-amzn-RequestId", b"theirs"), (b"x-other", b"o" * 60_000)])
    call.note_part(answer)
    return passed_record(call, NAMES, event_id="event", at=NOW) if call.is_to_be_recorded else None


@pytest.mark.parametrize(
    ("call", "form", "name"),
    [
        (a_passed_call("dynamodb", headers={"x_amz_target": "DynamoDB_20120810.CreateTable"}), b"", "CreateTable"),
        (a_passed_call("sns"), b"Action=CreateTopic&Name=secret", "CreateTopic"),
        (a_passed_call("iam", "GET", query="Action=ListRoles&Version=2010-05-08"), b"", "ListRoles"),
        (a_passed_call("monitoring", path="/service/GraniteServiceVersion20100801/operation/PutDashboard"), b"", "PutDashboard"),
        (a_passed_call("s3", "PUT", "/bucket"), b"", "CreateBucket"),
        (a_passed_call("s3", "PUT", "/", "policy", bucket="bucket"), b"", "PutBucketPolicy"),
        (a_passed_call("apigateway", "POST", "/restapis"), b"", "CreateRestApi"),
        (a_passed_call("apigateway", "POST", "/v2/apis"), b"", "CreateApi"),
    ],
)
def test_what_calls_are_called(call: PassedCall, form: bytes, name: str) -> None:
    record = recorded(call, form=form)
    assert record is not None
    assert (record["eventName"], record["eventSource"]) == (name, f"{call.request.service}.amazonaws.com")
    assert (record["awsRegion"], record["recipientAccountId"], record["requestID"]) == ("eu-west-1", "111111111111", "theirs")
    assert "secret" not in str(record)
    assert len(str(call)) < 2_000


@pytest.mark.parametrize(
    ("call", "form"),
    [
        (a_passed_call("dynamodb", headers={"x_amz_target": "DynamoDB_20120810.PutItem"}), b""),
        (a_passed_call("sqs"), b"Action=SendMessage&MessageBody=m"),
        (a_passed_call("s3", "GET", "/bucket/key"), b""),
        (a_passed_call("s3", "GET", "/key", bucket="bucket"), b""),
        (a_passed_call("s3", "GET", "/bucket", "list-type=2"), b""),
        (a_passed_call("../lambda", "GET", "/"), b""),
        (a_passed_call("nobody", "GET", "/such/path"), b""),
    ],
)
def test_the_use_of_resources_and_what_names_no_operation_are_not_recorded(call: PassedCall | None, form: bytes) -> None:
    assert recorded(call, form=form) is None


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (JSON_ERROR, "ResourceNotFoundException", "no table"),
        (XML_ERROR, "NoSuch&Topic", "none"),
        (b"\xff not JSON", "NotFound", ""),
        (b"x" * 100_000, "NotFound", ""),
    ],
)
def test_what_is_said_of_failures(answer: bytes, code: str, message: str) -> None:
    record = recorded(a_passed_call("kms", headers={"x_amz_target": "TrentService.DescribeKey"}), 404, answer)
    assert record is not None
    assert (record["errorCode"], record["errorMessage"], record["readOnly"]) == (code, message, True)
