"""Where other AWS services are, as options and boto's variables say it."""

import pytest

from alonzo.aws.client.endpoints import COMPANION, AwsEndpoints
from alonzo.errors import SetupError
from alonzo.node.aws_endpoints import read_aws_endpoints


def test_nothing_is_assumed() -> None:
    endpoints = read_aws_endpoints((), {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "eu-west-1"}, companion=False)
    assert endpoints == AwsEndpoints()
    assert endpoints.find("sqs") is None


def test_the_companion_is_where_nothing_else_is() -> None:
    endpoints = read_aws_endpoints(("s3=http://minio:9000",), {}, companion=True)
    assert [endpoints.find(service) for service in ("s3", "sqs")] == ["http://minio:9000", COMPANION]


def test_services_may_have_endpoints_of_their_own() -> None:
    given = ("http://all:1", "sqs=http://queues:2/", "sns=aws", "http://all:3")
    endpoints = read_aws_endpoints(given, {}, companion=True)
    assert [endpoints.find(service) for service in ("s3", "sqs", "sns")] == ["http://all:3", "http://queues:2", "aws"]


def test_botos_variables_count_for_their_services_and_options_win() -> None:
    variables = {"AWS_ENDPOINT_URL_EVENTBRIDGE": "http://bus:1", "AWS_ENDPOINT_URL_SQS": "http://queues:1", "AWS_ENDPOINT_URL_SNS": ""}
    endpoints = read_aws_endpoints(("sqs=http://mine:2", "http://all:3"), variables, companion=False)
    assert [endpoints.find(service) for service in ("eventbridge", "sqs", "sns")] == ["http://bus:1", "http://mine:2", "http://all:3"]
    ignoring = read_aws_endpoints((), variables | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, companion=False)
    assert ignoring == AwsEndpoints()


@pytest.mark.parametrize("given", ["127.0.0.1:5000", "sqs=", "sqs=queue", "ftp://x", "http://", "http://x:99999", "AWS", "S3=http://x"])
def test_what_is_no_endpoint_is_refused(given: str) -> None:
    with pytest.raises(SetupError, match="is no endpoint"):
        read_aws_endpoints((given,), {}, companion=True)


def test_the_variable_with_the_problem_is_named() -> None:
    with pytest.raises(SetupError, match="AWS_ENDPOINT_URL_S3"):
        read_aws_endpoints((), {"AWS_ENDPOINT_URL_S3": "nowhere"}, companion=True)
