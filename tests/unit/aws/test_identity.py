import pytest

from alonzo.aws.api_error import ApiError
from alonzo.aws.identity import ANONYMOUS, CACHED_CREDENTIALS_MAX, CallerDirectory
from alonzo.model.scope import Scope


def authorization(credential: str) -> list[tuple[bytes, bytes]]:
    value = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=ab"
    return [(b"host", b"localhost"), (b"authorization", value.encode())]


@pytest.mark.parametrize(
    ("credential", "scope", "service"),
    [
        ("123456789012/20260101/eu-west-1/lambda/aws4_request", Scope("123456789012", "eu-west-1"), "lambda"),
        ("AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/logs/aws4_request", Scope("000000000000", "us-east-1"), "logs"),
        ("test/20260101/cn-north-1/s3/aws4_request", Scope("000000000000", "cn-north-1", "aws-cn"), "s3"),
        ("ASIA123456789012ABCD/20260101/eu-west-1/sqs/aws4_request", Scope("123456789012", "eu-west-1"), "sqs"),
        ("AKIA1234567890129BCD/20260101/eu-west-1/sqs/aws4_request", Scope("000000000000", "eu-west-1"), "sqs"),
        ("test/20260101/lambda/aws4_request", Scope("000000000000", "us-east-1"), "lambda"),
    ],
)
def test_reads_account_region_and_service_from_the_signature(credential: str, scope: Scope, service: str) -> None:
    caller = CallerDirectory().caller_of(authorization(credential), b"")
    assert (caller.scope, caller.service) == (scope, service)


def test_reads_presigned_requests() -> None:
    query = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=111111111111%2F20260101%2Feu-west-1%2Flambda%2Faws4_request&X-Amz-Date=1"
    assert CallerDirectory().caller_of([], query).scope == Scope("111111111111", "eu-west-1")


@pytest.mark.parametrize("headers", [[], [(b"authorization", b"Bearer x")], [(b"authorization", b"")]])
def test_everybody_else_comes_from_the_default_account(headers: list[tuple[bytes, bytes]]) -> None:
    assert CallerDirectory().caller_of(headers, b"") is ANONYMOUS


@pytest.mark.parametrize(
    "credential", ["", "a", "a/b/c", "/20260101/eu-west-1/lambda/aws4_request", "a/1/EU WEST/lambda/x", "a/1/eu-west-1//x"]
)
def test_refuses_signatures_without_a_credible_scope(credential: str) -> None:
    with pytest.raises(ApiError, match="IncompleteSignatureException"):
        CallerDirectory().caller_of(authorization(credential), b"")


def test_refuses_a_signature_without_a_credential() -> None:
    with pytest.raises(ApiError, match="requires 'Credential' parameter"):
        CallerDirectory().caller_of([(b"authorization", b"AWS4-HMAC-SHA256 garbage")], b"")


def test_answers_the_same_caller_again_and_forgets_old_ones() -> None:
    callers = CallerDirectory()
    first = callers.caller_of(authorization("a/1/eu-west-1/lambda/aws4_request"), b"")
    assert callers.caller_of(authorization("a/1/eu-west-1/lambda/aws4_request"), b"") is first
    for number in range(CACHED_CREDENTIALS_MAX):
        callers.caller_of(authorization(f"b{number}/1/eu-west-1/lambda/aws4_request"), b"")
    assert callers.caller_of(authorization("a/1/eu-west-1/lambda/aws4_request"), b"") is not first
