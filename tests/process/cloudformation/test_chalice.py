"""Chalice, unmodified: a REST API and a schedule, deployed, called, read and deleted."""

import sys
import urllib.request
from pathlib import Path

import pytest
from tests.support.deploying import write
from tests.support.deployment_tools import chalice_tools, run_tool
from tests.support.invoking import succeed
from tests.support.server import Server

pytestmark = pytest.mark.thorough

_APP = """
from chalice import Chalice, Rate

app = Chalice(app_name="chaliced")

@app.route("/greet/{name}", methods=["GET"])
def greet(name):
    print("GREETED", name)
    return {"hello": name}

@app.schedule(Rate(1, unit=Rate.HOURS))
def hourly(event):
    return "done"
"""


def test_an_app_of_chalice_is_deployed_called_and_deleted(server: Server, tmp_path: Path) -> None:
    chalice = chalice_tools() / "chalice"
    app = write(
        tmp_path / "chaliced",
        {
            "app.py": _APP,
            "requirements.txt": "",
            ".chalice/config.json": '{"version": "2.0", "app_name": "chaliced", "stages": {"dev": {}}}',
        },
    )
    python = [Path(sys.executable).resolve().parent]
    run_tool(server, [chalice, "deploy"], directory=app, path=python)
    (api,) = server.client("apigateway").get_rest_apis()["items"]
    host = {"Host": f"{api['id']}.execute-api.us-east-1.amazonaws.com"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.endpoint_url}/api/greet/Ada", headers=host), timeout=60) as answer:
        assert answer.read() == b'{"hello":"Ada"}'
    names = ("account", "detail-type", "id", "region", "source", "time", "version")
    assert succeed(server, "chaliced-dev-hourly", dict.fromkeys(names, "") | {"detail": {}, "resources": []}) == "done"
    assert "GREETED Ada" in run_tool(server, [chalice, "logs"], directory=app, path=python)
    (rule,) = server.client("events").list_rules()["Rules"]
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    run_tool(server, [chalice, "delete"], directory=app, path=python)
    assert server.client("lambda").list_functions()["Functions"] == []
