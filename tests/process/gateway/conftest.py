from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.process.gateway.front import Front
from tests.support.server import Server

ECHO = """
import json

def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
"""


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A server with functions that services may call: `echo` answers with its event, `acting` as its event's body or query asks."""
    directory: Path = tmp_path_factory.mktemp("gateway")
    with Server.start("--tls", data_directory=directory / "data") as server:
        front = Front(server)
        front.deploy("echo", ECHO)
        front.deploy("acting", ACTING)
        yield front


ACTING = """
import base64
import json
import time

def handler(event, context):
    parameters = event.get("queryStringParameters") or event.get("multiValueQueryStringParameters") or {}
    kind = parameters.get("kind", "")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "fail":
        raise ValueError("as asked")
    if kind == "malformed":
        return {"statusCode": "teapot"}
    if kind == "text":
        return "hello"
    if kind == "binary":
        headers = {"content-type": "image/png"}
        return {"statusCode": 200, "headers": headers, "body": base64.b64encode(bytes(range(256))).decode(), "isBase64Encoded": True}
    if kind == "slow":
        time.sleep(3)
    if kind == "cookies":
        return {"statusCode": 201, "cookies": ["a=1", "b=2; Secure"], "headers": {"x-one": "1"}, "body": "{}"}
    if kind == "multi":
        many = {"x-many": ["1", "2"], "Set-Cookie": ["a=1", "b=2"]}
        return {"statusCode": 200, "multiValueHeaders": many, "headers": {"x-one": "1"}, "body": ""}
    return {"statusCode": 200, "headers": {}, "body": kind}
"""
