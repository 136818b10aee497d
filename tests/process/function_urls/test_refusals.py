"""What a URL answers when the function does not: statuses and words of AWS."""

import json

from tests.support.function_urls import allow_anybody, id_of, public_url
from tests.support.http_exchange import exchange
from tests.support.server import Server

_TROUBLE = """
import os, time

def handler(event, context):
    what = event["rawPath"]
    if what == "/raises":
        raise ValueError("secret")
    if what == "/exits":
        os._exit(3)
    if what == "/sleeps":
        time.sleep(60)
    if what == "/large":
        return "x" * 7_000_000
    return {"statusCode": 200, "body": "fine"}
"""


def test_a_url_that_is_not_there(server: Server) -> None:
    answer = exchange(server.endpoint_url, "http://0123456789abcdefghijklmnopqrstuv.lambda-url.us-east-1.localhost/")
    assert (answer.status, answer.text) == (403, '{"Message":null}')
    assert answer.values("x-amzn-errortype") == ["AccessDeniedException"]
    assert answer.values("content-type") == ["application/json"]


def test_nobody_has_been_allowed(server: Server) -> None:
    name = server.deploy("unreachable", _TROUBLE)
    client = server.client("lambda")
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    refused = exchange(server.endpoint_url, url)
    assert (refused.status, refused.text) == (403, '{"Message":"Forbidden"}')
    client.add_permission(FunctionName=name, StatementId="a", Action="lambda:InvokeFunction", Principal="*")
    assert exchange(server.endpoint_url, url).status == 403, "another action"
    client.add_permission(
        FunctionName=name, StatementId="b", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="AWS_IAM"
    )
    assert exchange(server.endpoint_url, url).status == 403, "the other kind of URL"
    allow_anybody(server, name)
    assert exchange(server.endpoint_url, url).status == 200
    client.remove_permission(FunctionName=name, StatementId="FunctionURLAllowPublicAccess")
    assert exchange(server.endpoint_url, url).status == 403
    client.delete_function_url_config(FunctionName=name)
    assert exchange(server.endpoint_url, url).text == '{"Message":null}'


def test_functions_that_fail(server: Server) -> None:
    url = public_url(server, server.deploy("trouble", _TROUBLE, Timeout=1))
    for path in ("raises", "exits", "sleeps", "large"):
        answer = exchange(server.endpoint_url, url + path)
        assert (answer.status, answer.text) == (502, "Internal Server Error"), path
        assert answer.values("x-amzn-requestid"), path
    assert exchange(server.endpoint_url, url).text == "fine"


def test_requests_too_large(server: Server, echo_url: str) -> None:
    for size, content_type in ((6_291_457, "text/plain"), (6_291_000, "text/plain"), (5_000_000, "image/png")):
        answer = exchange(server.endpoint_url, echo_url, "POST", headers=[("Content-Type", content_type)], body=b"x" * size)
        assert answer.status == 413, size
        assert answer.values("x-amzn-errortype") == ["RequestEntityTooLargeException"]
        assert "Request must be smaller than 6291456 bytes" in json.loads(answer.body)["Message"]


def test_a_throttled_function(server: Server) -> None:
    name = server.deploy("reserved", _TROUBLE)
    url = public_url(server, name)
    server.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    answer = exchange(server.endpoint_url, url)
    assert answer.status == 429
    assert json.loads(answer.body)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert answer.values("x-amzn-errortype") == ["TooManyRequestsException"]


def test_too_many_parameters(server: Server, echo_url: str) -> None:
    assert exchange(server.endpoint_url, f"{echo_url}?{'a=1&' * 2_500}").status == 400


def test_an_alias_has_a_url_and_a_policy_of_its_own(server: Server) -> None:
    name = server.deploy("aliased", "def handler(event, context):\n    return context.invoked_function_arn\n")
    client = server.client("lambda")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    url = client.create_function_url_config(FunctionName=name, AuthType="NONE", Qualifier="live")["FunctionUrl"]
    allow_anybody(server, name)
    assert exchange(server.endpoint_url, url).status == 403, "the function's policy is not the alias's"
    allow_anybody(server, name, Qualifier="live")
    assert exchange(server.endpoint_url, url).text.endswith(":function:aliased:live")
    own = client.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert exchange(server.endpoint_url, own).text.endswith(":function:aliased")
    assert id_of(own) != id_of(url)
