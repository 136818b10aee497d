"""Requests are those of boto3, signatures included; what comes back is read as boto3 reads it."""

from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from alonzo.aws.client.calls import AwsCalls
from alonzo.aws.client.errors import AwsRefused, AwsRequestInvalid, AwsUnreachable, NoAwsCredentials
from alonzo.aws.client.messages import HttpResponse
from alonzo.model.scope import Scope

HERE = Scope("123456789012", "eu-west-1")
ENDPOINT = "http://127.0.0.1:5000"
OPERATIONS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        *("sqs", "sqs", "SendMessage", "send_message"),
        {
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
            "MessageBody": "ü",
            "MessageAttributes": {"A": {"DataType": "String", "StringValue": "b"}},
        },
    ),
    ("sns", "sns", "Publish", "publish", {"TopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "Message": "a&b=c ü"}),
    (
        *("eventbridge", "events", "PutEvents", "put_events"),
        {"Entries": [{"Source": "lambda", "DetailType": "d", "Detail": "{}", "Time": datetime(2026, 1, 1, tzinfo=UTC)}]},
    ),
    ("s3", "s3", "PutObject", "put_object", {"Bucket": "a-bucket", "Key": "aws/lambda/x-2019-11-14T18.16.05", "Body": b"{}"}),
]


@pytest.mark.parametrize(("service", "botocore_name", "operation", "method", "parameters"), OPERATIONS)
def test_a_request_is_that_of_boto3(service: str, botocore_name: str, operation: str, method: str, parameters: dict[str, Any]) -> None:
    client = boto3.client(
        botocore_name,
        endpoint_url=ENDPOINT,
        region_name="eu-west-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="alonzo",
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, request_checksum_calculation="when_required", retries={"total_max_attempts": 1}
        ),
    )
    sent: list[Any] = []

    def keep(request: Any, **_: Any) -> None:
        sent.append(request)
        raise botocore.exceptions.EndpointConnectionError(endpoint_url="nowhere")

    client.meta.events.register("before-send", keep)
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        getattr(client, method)(**parameters)
    ours = AwsCalls().prepare(service, operation, parameters, endpoint=ENDPOINT, scope=HERE, headers={})
    theirs = sent[0]
    body = theirs.body.read() if hasattr(theirs.body, "read") else theirs.body
    assert (ours.method, ours.url) == (theirs.method, theirs.url)
    assert ours.body == (body.encode() if isinstance(body, str) else body)
    unlike = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "expect", "authorization", "x-amz-date"}
    assert _headers(ours.headers, unlike) == _headers(dict(theirs.headers), unlike)
    assert ours.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=123456789012/")


def _headers(headers: dict[str, Any], unlike: set[str]) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in headers.items() if name.lower() not in unlike
    }


def test_aws_itself_is_called_with_the_credentials_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for endpoint in ("aws", "https://sqs.eu-west-1.amazonaws.com"):
        request = AwsCalls().prepare("sqs", "ListQueues", {}, endpoint=endpoint, scope=HERE, headers={})
        assert request.url == "https://sqs.eu-west-1.amazonaws.com/"
        assert "Credential=AKIAIOSFODNN7EXAMPLE/" in request.headers["Authorization"]


def test_nobody_else_sees_the_credentials_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for endpoint in ("http://127.0.0.1:1", "https://amazonaws.com.example.org", "https://x.org/.amazonaws.com"):
        request = AwsCalls().prepare("sqs", "ListQueues", {}, endpoint=endpoint, scope=HERE, headers={})
        assert "Credential=123456789012/" in request.headers["Authorization"]


def test_without_credentials_aws_is_not_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(NoAwsCredentials):
        AwsCalls().prepare("sqs", "ListQueues", {}, endpoint="aws", scope=HERE, headers={})


@pytest.mark.parametrize(
    ("status", "body", "code", "is_worth_retrying"),
    [
        (400, b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}', "QueueDoesNotExist", False),
        (400, b'{"__type": "ThrottlingException"}', "ThrottlingException", True),
        (429, b"", "429", True),
        (500, b"<html>", "500", True),
        (503, b'{"__type": "x#ServiceUnavailable"}', "ServiceUnavailable", True),
        (301, b"", "301", False),
        (404, b"not found", "404", False),
    ],
)
def test_refusals_say_whether_to_try_again(status: int, body: bytes, code: str, is_worth_retrying: bool) -> None:
    with pytest.raises(AwsRefused) as refused:
        AwsCalls().read("sqs", "SendMessage", HttpResponse(status=status, headers={}, body=body))
    assert (refused.value.code, refused.value.is_worth_retrying) == (code, is_worth_retrying)


def test_what_is_not_the_protocol_is_no_answer() -> None:
    with pytest.raises(AwsUnreachable, match="something else"):
        AwsCalls().read("sns", "Publish", HttpResponse(status=200, headers={}, body=b"<html"))


def test_parameters_that_do_not_fit_are_not_sent() -> None:
    with pytest.raises(AwsRequestInvalid, match="MessageBody"):
        AwsCalls().prepare("sqs", "SendMessage", {"QueueUrl": "q"}, endpoint=ENDPOINT, scope=HERE, headers={})


@pytest.mark.parametrize("region", ["", "nowhere", "eu-west-1.example.org", "eu-west-1/../", "example.org#eu-west-1", "eu-west-1\r\nX: y"])
def test_a_region_that_there_is_not_leads_nowhere(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(AwsRequestInvalid, match="no region"):
        AwsCalls().prepare("sqs", "ListQueues", {}, endpoint="aws", scope=Scope("123456789012", region), headers={})


def test_a_bucket_stays_a_part_of_the_path() -> None:
    parameters = {"Bucket": "../x?y#z\r\n", "Key": "../../k", "Body": b""}
    request = AwsCalls().prepare("s3", "PutObject", parameters, endpoint=ENDPOINT, scope=HERE, headers={})
    assert request.url == f"{ENDPOINT}/..%2Fx%3Fy%23z%0D%0A/../../k"
