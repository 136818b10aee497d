"""CORS: the URL answers preflights, and adds to answers what browsers look for."""

from tests.support.function_urls import public_url
from tests.support.http_exchange import Exchange, exchange
from tests.support.server import Server

_COUNTS = """
count = 0

def handler(event, context):
    global count
    count += 1
    return {"statusCode": 200, "headers": {"x-count": count}, "body": event["requestContext"]["http"]["method"]}
"""
_ALLOWED = {
    "AllowOrigins": ["https://www.example.com", "http://localhost:60905"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["Content-Type", "X-Custom"],
    "ExposeHeaders": ["X-Count"],
    "MaxAge": 600,
    "AllowCredentials": True,
}


def _preflight(server: Server, url: str, origin: str, method: str = "PUT") -> Exchange:
    asked = [("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", "x-custom")]
    return exchange(server.endpoint_url, url, "OPTIONS", headers=asked)


def _cors(answer: Exchange) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("access-control-")}


def test_preflights_do_not_reach_the_function(server: Server) -> None:
    url = public_url(server, server.deploy("cors", _COUNTS), Cors=_ALLOWED)
    answer = _preflight(server, url, "https://www.example.com")
    assert (answer.status, answer.body) == (200, b"")
    assert _cors(answer) == {
        "access-control-allow-origin": "https://www.example.com",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "Content-Type,X-Custom",
        "access-control-max-age": "600",
    }
    assert answer.values("vary") == ["Origin"]
    assert _cors(_preflight(server, url, "https://elsewhere.example.com")) == {}
    assert _cors(_preflight(server, url, "https://www.example.com", "DELETE")) == {}
    real = exchange(server.endpoint_url, url, "PUT", headers=[("Origin", "http://localhost:60905")])
    assert real.values("x-count") == ["1"], "the first invocation"
    assert _cors(real) == {
        "access-control-allow-origin": "http://localhost:60905",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "X-Count",
    }
    assert _cors(exchange(server.endpoint_url, url)) == {}, "no origin, no browser"
    options = exchange(server.endpoint_url, url, "OPTIONS", headers=[("Origin", "https://www.example.com")])
    assert options.text == "OPTIONS", "no preflight"


def test_any_origin(server: Server) -> None:
    url = public_url(server, server.deploy("cors-any", _COUNTS), Cors={"AllowOrigins": ["*"], "AllowMethods": ["*"], "AllowHeaders": ["*"]})
    answer = _preflight(server, url, "https://a.example.com")
    assert _cors(answer) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
    }


def test_refusals_can_be_read_by_browsers(server: Server) -> None:
    name = server.deploy("cors-refused", _COUNTS)
    url = server.client("lambda").create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors=_ALLOWED)["FunctionUrl"]
    assert _preflight(server, url, "https://www.example.com").status == 200, "preflights are never signed"
    refused = exchange(server.endpoint_url, url, headers=[("Origin", "https://www.example.com")])
    assert refused.status == 403
    assert _cors(refused)["access-control-allow-origin"] == "https://www.example.com"


def test_without_cors_the_function_answers_preflights(server: Server, echo_url: str) -> None:
    answer = _preflight(server, echo_url, "https://www.example.com")
    assert _cors(answer) == {}
    assert b"access-control-request-method" in answer.body
