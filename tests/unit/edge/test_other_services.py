"""Whose request is it? Read from signatures, hosts and paths as AWS's clients write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.aws.identity import CallerDirectory
from alonzo.aws.service_model import ServiceModels
from alonzo.edge.other_services import EVERY_OPERATION, OtherRequest, OtherServices

OWN = {"lambda": EVERY_OPERATION, "logs": EVERY_OPERATION, "xray": {"PutTraceSegments"}}
SERVICES = OtherServices(own=OWN, models=ServiceModels(), callers=CallerDirectory())
SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=ab"


def find(path: str = "/", *, method: str = "GET", query: str = "", **headers: str) -> OtherRequest | None:
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {
        "method": method,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": named,
    }
    return SERVICES.find(scope)


@pytest.mark.parametrize("service", ["lambda", "logs"])
def test_our_own_services_stay_ours(service: str) -> None:
    assert find(authorization=SIGNED.format(service)) is None
    assert find(query=f"X-Amz-Credential=test%2F20260101%2Fus-east-1%2F{service}%2Faws4_request") is None


def test_a_signature_names_service_account_and_region() -> None:
    expected = OtherRequest(service="dynamodb", account_id="123456789012", region="eu-west-1", access_key_id="123456789012")
    assert find(method="POST", authorization=SIGNED.format("dynamodb")) == expected
    assert find(query="a=b&X-Amz-Credential=123456789012%2F20260101%2Feu-west-1%2Fdynamodb%2Faws4_request") == expected


@pytest.mark.parametrize(
    ("host", "bucket", "rest"),
    [
        ("my-bucket.s3.localhost:4566", "my-bucket", "s3.localhost:4566"),
        (
            "my.dotted.bucket.s3.eu-west-1.localhost.localstack.cloud:4566",
            "my.dotted.bucket",
            "s3.eu-west-1.localhost.localstack.cloud:4566",
        ),
        ("my-bucket.s3.amazonaws.com", "my-bucket", "s3.amazonaws.com"),
        ("My-Bucket.s3.eu-west-1.amazonaws.com", "my-bucket", "s3.eu-west-1.amazonaws.com"),
        ("my-bucket.localhost:4566", "my-bucket", "localhost:4566"),
        ("s3.localhost:4566", None, None),
        ("s3.eu-west-1.amazonaws.com", None, None),
        ("localhost:4566", None, None),
        ("127.0.0.1:4566", None, None),
        ("[::1]:4566", None, None),
    ],
)
def test_hosts_name_buckets(host: str, bucket: str | None, rest: str | None) -> None:
    found = find("/key", authorization=SIGNED.format("s3"), host=host)
    assert found is not None
    assert (found.service, found.bucket, found.host) == ("s3", bucket, rest)


def test_signatures_of_version_2_are_s3s() -> None:
    for found in (find("/b/k", authorization="AWS 123456789012:abc="), find("/b/k", query="AWSAccessKeyId=123456789012&Signature=x")):
        assert found is not None
        assert (found.service, found.account_id, found.bucket) == ("s3", "123456789012", None)


@pytest.mark.parametrize(
    ("path", "method", "headers", "service"),
    [
        ("/bucket/key", "GET", {}, "s3"),
        ("/k", "GET", {"host": "bucket.s3.localhost"}, "s3"),
        ("/", "POST", {"content_type": "application/x-www-form-urlencoded"}, "sts"),
        ("/", "POST", {"x_amz_target": "AWSCognitoIdentityProviderService.InitiateAuth"}, "AWSCognitoIdentityProviderService"),
        ("/", "GET", {}, None),
        ("/UPPER", "GET", {}, None),
        ("/x", "GET", {}, None),
        ("/2015-03-31/functions", "GET", {}, None),
        ("/", "POST", {"x_amz_target": "Logs_20140328.DescribeLogGroups"}, None),
        ("/", "GET", {"authorization": "AWS4-HMAC-SHA256 Credential=broken"}, None),
    ],
)
def test_unsigned_requests_are_sorted_by_what_they_say(path: str, method: str, headers: dict[str, str], service: str | None) -> None:
    found = find(path, method=method, **headers)
    assert (found and found.service) == service


@given(path=st.text(alphabet=st.characters(max_codepoint=255)), query=st.text(alphabet=st.characters(max_codepoint=255)))
def test_whatever_comes_is_sorted(path: str, query: str) -> None:
    for host in (query, "bucket.s3.localhost"):
        find(f"/{path}", query=query, host=host, authorization=path)
        find(f"/{path}", query=f"AWSAccessKeyId={query}", host=host)
