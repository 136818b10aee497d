"""The Serverless Framework 3 with LocalStack's plugin, unmodified."""

import urllib.request
from pathlib import Path

import pytest
from tests.support.deploying import write
from tests.support.deployment_tools import run_tool, serverless_tools
from tests.support.server import Server
from tests.support.toolchains import require_tool

pytestmark = pytest.mark.thorough

_SERVICE = """
service: served
frameworkVersion: "3"
plugins: [serverless-localstack]
package: {patterns: ["!**", app.py]}  # serverless would follow the link to node_modules
provider: {name: aws, runtime: python3.11, region: us-east-1}
functions:
  greet:
    handler: app.handler
    events: [{http: {path: greet, method: get}}]
"""
_APP = """
def handler(event, context):
    print("GREETED", event.get("path"))
    return {"statusCode": 200, "body": "hello"}
"""


def test_a_service_is_deployed_called_and_removed(server: Server, tmp_path: Path) -> None:
    require_tool("node")
    modules = serverless_tools()
    directory = write(tmp_path / "served", {"serverless.yml": _SERVICE, "app.py": _APP, "package.json": "{}"})
    (directory / "node_modules").symlink_to(modules)

    def serverless(*arguments: str) -> str:
        more = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "CI": "1"}
        return run_tool(server, [modules / ".bin" / "serverless", *arguments], directory=directory, **more)

    serverless("deploy")
    (api,) = server.client("apigateway").get_rest_apis()["items"]
    host = {"Host": f"{api['id']}.execute-api.us-east-1.amazonaws.com"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.endpoint_url}/dev/greet", headers=host), timeout=60) as answer:
        assert answer.read() == b"hello"
    assert "served-dev-greet" in serverless("info")
    assert "hello" in serverless("invoke", "--function", "greet")
    assert "GREETED /greet" in serverless("logs", "--function", "greet")
    serverless("remove")
    assert server.client("lambda").list_functions()["Functions"] == []
