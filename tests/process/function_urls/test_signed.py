"""URLs with the authorization AWS_IAM: signed by botocore, in headers and in links."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.support.http_exchange import Exchange, exchange
from tests.support.server import Server


@pytest.fixture(scope="module")
def signed_url(server: Server) -> str:
    name = server.deploy("signed", "def handler(event, context):\n    return event\n")
    url: str = server.client("lambda").create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    return url


def _signed(
    url: str,
    *,
    key: str = "test",
    secret: str = "test",
    region: str = "us-east-1",
    service: str = "lambda",
    body: bytes = b"",
    **headers: Any,
) -> AWSRequest:
    request = AWSRequest("POST", url, headers={"Host": urlsplit(url).netloc, **headers}, data=body)
    botocore.auth.SigV4Auth(Credentials(key, secret), service, region).add_auth(request)
    return request


def _send(server: Server, request: AWSRequest, body: bytes | None = None) -> Exchange:
    headers = [(name, value) for name, value in request.headers.items() if name != "Host"]
    return exchange(server.endpoint_url, request.url, request.method, headers=headers, body=request.data if body is None else body)


@pytest.mark.parametrize("target", ["", "a/b?x=1&a=%20b&x=0", "a%20b/./c/../d//e/?q", "caf%C3%A9?e=%C3%A9%20f&~=-_.~"])
def test_a_good_signature(server: Server, signed_url: str, target: str) -> None:
    answer = _send(server, _signed(signed_url + target, body=b"hello", **{"Content-Type": "text/plain"}))
    assert answer.status == 200, answer
    event = json.loads(answer.body)
    assert event["body"] == "hello"
    assert "authorization" not in event["headers"]
    context = event["requestContext"]
    assert context["accountId"] == "000000000000"
    assert context["authorizer"]["iam"] == {
        "accessKey": "test",
        "accountId": "000000000000",
        "callerId": "000000000000",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::000000000000:root",
        "userId": "000000000000",
    }


def test_a_signed_link(server: Server, signed_url: str) -> None:
    request = AWSRequest("GET", f"{signed_url}a?b=c", headers={"Host": urlsplit(signed_url).netloc})
    botocore.auth.SigV4QueryAuth(Credentials("test", "test"), "lambda", "us-east-1", expires=60).add_auth(request)
    assert exchange(server.endpoint_url, request.url).status == 200
    assert exchange(server.endpoint_url, request.url.replace("b=c", "b=d")).status == 403


def test_no_signature(server: Server, signed_url: str) -> None:
    for headers in ([], [("Authorization", "Bearer x")], [("Authorization", "AWS4-HMAC-SHA256 nonsense")]):
        assert exchange(server.endpoint_url, signed_url, headers=headers).status == 403
    assert exchange(server.endpoint_url, signed_url).text == '{"Message":"Forbidden"}'


def test_signatures_that_do_not_fit(server: Server, signed_url: str) -> None:
    refused = _send(server, _signed(signed_url, secret="other"))
    assert refused.status == 403
    assert refused.values("x-amzn-errortype") == ["InvalidSignatureException"]
    assert "does not match the signature you provided" in json.loads(refused.body)["message"]
    assert _send(server, _signed(signed_url, body=b"one"), body=b"two").status == 403
    assert _send(server, _signed(signed_url, region="eu-west-1")).status == 403
    assert _send(server, _signed(signed_url, service="execute-api")).status == 403


def test_an_old_signature(server: Server, signed_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = botocore.auth.get_current_datetime()
    for distance in (timedelta(hours=-1), timedelta(hours=1)):
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, distance=distance, **__: now + distance)
        refused = _send(server, _signed(signed_url))
        assert refused.status == 403, distance
        assert json.loads(refused.body)["message"].startswith("Signature")


def test_another_account_needs_the_policy(server: Server, signed_url: str) -> None:
    def answer() -> int:
        return _send(server, _signed(signed_url, key="222222222222", secret="whatever")).status

    assert answer() == 403
    server.client("lambda").add_permission(
        FunctionName="signed",
        StatementId="other",
        Action="lambda:InvokeFunctionUrl",
        Principal="222222222222",
        FunctionUrlAuthType="AWS_IAM",
    )
    assert answer() == 200
