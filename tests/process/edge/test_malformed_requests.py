"""Whatever is sent, the answer is an error of the sender (4xx) or says what is missing here (501, 505): never a 500, never a silence.

The operations behind it refuse everything (nothing exists), so that a request which happens to be well formed gets a 404 too.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "../..", "a" * 999, "arn:aws:iam::000000000000:role/r"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    [
        "FunctionName",
        "Role",
        "Code",
        "Timeout",
        "MemorySize",
        "Layers",
        "Environment",
        "Tags",
        "VpcConfig",
        "Publish",
        "Name",
        "FunctionVersion",
    ]
)
objects = st.dictionaries(
    members, json_values | st.dictionaries(st.sampled_from(["ZipFile", "Variables", "SubnetIds"]), json_values), max_size=6
)
bodies = (
    st.binary(max_size=200)
    | json_values.map(lambda value: json.dumps(value).encode())
    | objects.map(lambda value: json.dumps(value).encode())
    | objects.map(lambda value: json.dumps(value).encode()[:-1])
    | st.sampled_from([b"[" * 1_200, b'{"a":' * 1_200, b"9" * 1_200, b'{"Timeout":' + b"9" * 1_200 + b"}", b"\xef\xbb\xbf{}"])
)
methods = st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD", b"TRACE"])
segments = st.sampled_from(
    [b"functions", b"%00", b"%ff", b"%2F", b"%", b"..", b"", b"aliases", b"code", b"configuration", b"invocation", b"x" * 999]
) | st.text("abc/%:$*'()", max_size=12).map(str.encode)
unknown_targets = st.builds(
    lambda prefix, parts: prefix + b"/".join(parts),
    st.sampled_from([b"/2015-03-31/functions/", b"/2015-03-31/", b"/2017-03-31/tags/", b"/2018-10-31/layers/", b"/", b"//", b"http://x/"]),
    st.lists(segments, max_size=4),
)
with_bodies = st.sampled_from(
    [
        (b"POST", b"/2015-03-31/functions"),
        (b"PUT", b"/2015-03-31/functions/f/configuration"),
        (b"POST", b"/2015-03-31/functions/%24%00/aliases"),
        (b"POST", b"/2017-03-31/tags/arn%3Aaws%3Ax"),
        (b"POST", b"/2015-03-31/event-source-mappings"),
    ]
)
queries = st.sampled_from([b"", b"?MaxItems=x", b"?Marker=%ff", b"?" + b"a&" * 1_001, b"?X-Amz-Credential=x", b"?find=LayerVersion"])
credentials = st.sampled_from(
    [
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=",
        b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
        b"AWS4-HMAC-SHA256 Credential=////, SignedHeaders=x, Signature=y",
        b"AWS4-HMAC-SHA256 Credential=a/1/us-east-1/lambda/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=a/1/us-east-1/\xff/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=a/1/us-east-1/logs/aws4_request",
        b"AWS4-HMAC-SHA256 Credential=a/1/us-east-1/s3/aws4_request",
        b"AWS4-ECDSA-P256-SHA256 Credential=a/1/lambda/aws4_request",
        b"Basic Og==",
    ]
)
headers = st.lists(
    st.tuples(st.just(b"authorization"), credentials)
    | st.tuples(st.just(b"x-amz-target"), st.sampled_from([b"Logs_20140328.FilterLogEvents", b"Logs_20140328.", b"x", b"", b"\xff.\xff"]))
    | st.tuples(st.just(b"host"), st.sampled_from([b"lambda.us-east-1.amazonaws.com", b"logs.localhost", b"", b"\xff", b"a" * 999]))
    | st.tuples(st.sampled_from([b"content-type", b"x-amz-date", b"accept"]), st.text("abc/;=\xe4", max_size=20).map(str.encode)),
    max_size=3,
)


def written(method: bytes, target: bytes, head: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = b"".join(b"%s: %s\r\n" % header for header in head)
    return b"%s %s HTTP/1.1\r\n%scontent-length: %d\r\nconnection: close\r\n\r\n%s" % (method, target, lines, len(body), body)


requests = st.builds(
    lambda line, query, head, body: written(line[0], line[1] + query, head, body),
    with_bodies | with_bodies | st.tuples(methods, unknown_targets),
    queries,
    st.just([]) | headers,
    bodies,
)
damaged_requests = st.builds(
    lambda request, place, damage: request[: place % len(request)] + damage + request[place % len(request) + len(damage) // 2 :],
    requests,
    st.integers(0, 400),
    st.binary(min_size=1, max_size=8) | st.sampled_from([b"\r\n", b"\x00", b" ", b"transfer-encoding: chunked\r\n", b"HTTP/9.9"]),
)


def assert_refused(answer: bytes) -> None:
    """Several answers may come (garbage can hold two requests); none at all means that the connection was closed."""
    for part in answer.split(b"HTTP/1.1 ")[1:]:
        status = int(part[:3])
        assert 400 <= status < 500 or status in {100, 501, 505}, answer[:2_000]


@SETTINGS
@given(request_bytes=requests)
def test_refuses_malformed_requests(empty_edge: Any, request_bytes: bytes) -> None:
    answer = empty_edge.send(request_bytes)
    assert answer.startswith(b"HTTP/1.1 ")
    assert_refused(answer)


@settings(SETTINGS, max_examples=400)
@given(garbage=damaged_requests | st.lists(damaged_requests | st.binary(max_size=100), max_size=3).map(b"".join))
def test_survives_garbage_on_the_socket(empty_edge: Any, garbage: bytes) -> None:
    """We say that nothing more comes, as damaged framing may leave the server waiting: it ends that by time, which is tested elsewhere."""
    assert_refused(empty_edge.send(garbage, half_close=True))


def test_still_serves_afterwards(empty_edge: Any) -> None:
    with pytest.raises(ClientError, match="There is nothing here"):
        empty_edge.client("lambda").list_functions()
