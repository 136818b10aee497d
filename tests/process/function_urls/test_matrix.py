"""Requests and what becomes of them, answers and what becomes of them: tables of what AWS says, at all ways to a URL."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support.function_urls import id_of
from tests.support.http_exchange import Exchange, exchange
from tests.support.server import Server

_EXPECTED = Path(__file__).parent / "expected"
_REQUESTS = json.loads((_EXPECTED / "requests.json").read_text())
_ANSWERS = json.loads((_EXPECTED / "answers.json").read_text())


def _bytes_of(case: dict[str, Any]) -> bytes | None:
    body = case.get("body")
    return None if body is None else body.encode(case.get("body_encoding", "utf-8"))


def _check(wanted: Any, found: Any, where: str) -> None:
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if value is None:
                assert name not in found, f"{where}.{name}"
            else:
                _check(value, found[name], f"{where}.{name}")
    else:
        assert found == wanted, where


def _send(server: Server, url: str, case: dict[str, Any], method: str, way: str) -> Exchange:
    target = case.get("target", "/")
    headers = [(name, value) for name, value in case.get("headers", ())]
    if way == "path":
        url = f"{server.endpoint_url}/_url/{id_of(url)}/"
    return exchange(server.endpoint_url, url.rstrip("/") + target, method, headers=headers, body=_bytes_of(case))


@pytest.mark.parametrize("way", ["host", "path"])
def test_requests_become_events(server: Server, echo_url: str, way: str) -> None:
    for case in _REQUESTS["cases"]:
        for method in _REQUESTS["methods"] if way == "host" else ["POST"]:
            answer = _send(server, echo_url, case, method, way)
            assert answer.status == 200, (case["name"], method, answer)
            if method == "HEAD":
                assert answer.body == b""
                assert int(answer.values("content-length")[0]) > 100
                continue
            event = json.loads(answer.body)
            _check(case["event"], event, f"{case['name']}, {method}: event")
            assert event["requestContext"]["http"]["method"] == method
            assert event["requestContext"]["http"]["path"] == event["rawPath"]


def test_answers_become_responses(server: Server, echo_url: str) -> None:
    for case in _ANSWERS["cases"]:
        asked = json.dumps(case["answer"]).encode()
        answer = exchange(server.endpoint_url, f"{echo_url}answer", "POST", headers=[("Content-Type", "application/json")], body=asked)
        assert answer.status == case["status"], (case["name"], answer)
        assert answer.body == case["body"].encode(case.get("body_encoding", "utf-8")), case["name"]
        for name, values in case["headers"].items():
            assert answer.values(name) == values, (case["name"], name)
        assert len(answer.values("x-amzn-requestid")) == len(answer.values("date")) == 1, case["name"]


def test_the_context_tells_the_url(server: Server, echo_url: str) -> None:
    event = json.loads(exchange(server.endpoint_url, echo_url).body)
    context, url_id = event["requestContext"], id_of(echo_url)
    assert context["apiId"] == context["domainPrefix"] == url_id
    assert context["domainName"] == f"{url_id}.lambda-url.us-east-1.localhost"
    assert (context["accountId"], context["stage"], context["routeKey"]) == ("anonymous", "$default", "$default")
    assert "authorizer" not in context
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 600
    assert context["time"].endswith(" +0000")
    assert event["headers"]["x-amzn-trace-id"].startswith("Root=1-")


@pytest.mark.parametrize("suffix", ["localhost", "localhost.localstack.cloud", "example.test", "on.aws"])
def test_whatever_the_host_ends_in(server: Server, echo_url: str, suffix: str) -> None:
    port = server.endpoint_url.rpartition(":")[2]
    event = json.loads(exchange(server.endpoint_url, f"http://{id_of(echo_url).upper()}.lambda-url.us-east-1.{suffix}:{port}/x").body)
    assert event["rawPath"] == "/x"
    assert event["requestContext"]["domainName"] == f"{id_of(echo_url)}.lambda-url.us-east-1.{suffix}"


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 3_000_000])
def test_bodies_of_any_size_come_whole(server: Server, echo_url: str, size: int) -> None:
    body = b"x" * size
    answer = exchange(server.endpoint_url, echo_url, "POST", headers=[("Content-Type", "text/plain")], body=body)
    assert json.loads(answer.body)["body"].encode() == body
