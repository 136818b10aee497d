"""The requests of the function URLs' table at all other doors: HTTP APIs with both payload formats, REST APIs, load balancers.

`expected/events.json` tells what the events have of them; what every event of a door has alike is tested elsewhere.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.process.gateway.front import Answered, Front
from tests.process.gateway.rest import RestApi

_REQUESTS = json.loads((Path(__file__).parents[1] / "function_urls" / "expected" / "requests.json").read_text())
_EXPECTED_FILE = Path(__file__).parent / "expected" / "events.json"
_EXPECTED = json.loads(_EXPECTED_FILE.read_text())
_TOLD = (
    *("path", "rawPath", "rawQueryString", "cookies", "queryStringParameters", "multiValueQueryStringParameters"),
    *("pathParameters", "body", "isBase64Encoded"),
)
_SENT_BY_ALL = frozenset({"host", "x-amzn-trace-id", "x-forwarded-port", "content-length"})

Send = Callable[..., Answered]


def told(event: dict[str, Any]) -> dict[str, Any]:
    """Those members of an event that depend on the request, with the headers that not all requests have."""
    told = {name: event[name] for name in _TOLD if name in event}
    for name in ("headers", "multiValueHeaders"):
        if name in event:
            told[name] = {header: value for header, value in event[name].items() if header.lower() not in _SENT_BY_ALL}
    return told


@pytest.fixture(scope="module")
def doors(front: Front) -> dict[str, Send]:
    """By the names of the table."""
    http_v2 = front.http_api({"ANY /{proxy+}": "echo", "$default": "echo"})
    http_v1 = front.http_api({"ANY /{proxy+}": "echo", "$default": "echo"}, payload="1.0")
    rest = RestApi.create(front)
    rest.add_proxy("ANY", "/", "echo")
    rest.add_proxy("ANY", "/{proxy+}", "echo")
    rest.deploy("dev")
    return {
        "HTTP API, format 2.0": http_v2.send,
        "HTTP API, format 1.0": http_v1.send,
        "REST API": lambda method, path, **settings: rest.send(method, f"/dev{path}", **settings),
        "load balancer": _balancer(front, "matrix-single", "false"),
        "load balancer, multi-value headers": _balancer(front, "matrix-multi", "true"),
    }


@pytest.mark.parametrize("door", sorted(_EXPECTED))
def test_requests_become_events(doors: dict[str, Send], door: str) -> None:
    for case in _REQUESTS["cases"]:
        body = case.get("body", "").encode(case.get("body_encoding", "utf-8"))
        headers = [(name, value) for name, value in case.get("headers", ())]
        for method in ("POST", "DELETE"):
            answered = doors[door](method, case.get("target", "/"), headers=headers, body=body)
            assert answered.status == 200, (case["name"], answered)
            event = answered.json()
            assert told(event) == _EXPECTED[door][case["name"]], (case["name"], method)
            assert event.get("httpMethod", method) == method


@pytest.mark.parametrize("door", sorted(_EXPECTED))
def test_all_methods_are_passed_on(doors: dict[str, Send], door: str) -> None:
    for method in _REQUESTS["methods"]:
        answered = doors[door](method, "/x")
        assert answered.status == 200
        if method == "HEAD":
            assert answered.body == b""
            continue
        event = answered.json()
        assert event.get("httpMethod") or event["requestContext"]["http"]["method"] == method


def _balancer(front: Front, name: str, multi_value_headers: str) -> Send:
    subnets = [each["SubnetId"] for each in front.server.client("ec2").describe_subnets()["Subnets"][:2]]
    made = front.elb.create_load_balancer(Name=name, Subnets=subnets, Type="application")["LoadBalancers"][0]
    group = front.elb.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    front.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": front.arn("echo")}])
    attribute = {"Key": "lambda.multi_value_headers.enabled", "Value": multi_value_headers}
    front.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[attribute])
    front.elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}]
    )
    return lambda method, path, **settings: front.send(method, path, host=made["DNSName"], **settings)
