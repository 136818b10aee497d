import pytest

from alonzo.aws.identity import ANONYMOUS, Caller
from alonzo.aws.requests import Request
from alonzo.aws.service_model import ServiceModels
from alonzo.aws.services import service_of


@pytest.mark.parametrize(
    ("headers", "path", "service"),
    [
        ([], "/2015-03-31/functions", "lambda"),
        ([], "/2031-01-01/anything", "lambda"),
        ([], "/", None),
        ([], "/bucket/key", None),
        ([(b"x-amz-target", b"Logs_20140328.FilterLogEvents")], "/", "logs"),
        ([(b"x-amz-target", b"DynamoDB_20120810.ListTables")], "/", "DynamoDB_20120810"),
        ([(b"x-amz-target", b"nothing")], "/", "nothing"),
        ([(b"host", b"lambda.eu-west-1.amazonaws.com")], "/", "lambda"),
        ([(b"host", b"lambda.localhost:4566")], "/", "lambda"),
        ([(b"host", b"s3.us-east-1.amazonaws.com")], "/bucket", "s3"),
        ([(b"host", b"localhost:4566")], "/2015-03-31/functions", "lambda"),
    ],
)
def test_finds_the_service_of_unsigned_requests(
    models: ServiceModels, headers: list[tuple[bytes, bytes]], path: str, service: str | None
) -> None:
    assert service_of(models, ANONYMOUS, Request(method="GET", path=path, headers=headers)) == service


def test_believes_the_signature_first(models: ServiceModels) -> None:
    caller = Caller(scope=ANONYMOUS.scope, access_key_id="a", service="sqs")
    assert service_of(models, caller, Request(method="GET", path="/2015-03-31/functions", headers=[])) == "sqs"
