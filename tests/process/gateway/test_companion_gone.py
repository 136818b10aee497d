"""APIs outlive the companion that holds their configuration, and with `--persist` the server."""

from pathlib import Path

import pytest
from tests.process.companion.processes import companions_of
from tests.process.gateway.conftest import ECHO
from tests.process.gateway.front import Front
from tests.process.gateway.rest import RestApi
from tests.support.server import Server

pytestmark = pytest.mark.thorough


def test_apis_outlive_the_server_and_the_companion(tmp_path: Path) -> None:
    with Server.start("--persist", data_directory=tmp_path / "data") as server:
        front = Front(server)
        front.deploy("echo", ECHO)
        http = front.http_api({"GET /x": "echo"})
        rest = RestApi.create(front)
        rest.add_proxy("GET", "/x", "echo")
        rest.deploy("dev")
        rest.add_proxy("GET", "/later", "echo")
    with Server.start("--persist", data_directory=tmp_path / "data") as server:
        front = Front(server)
        paths = (f"/_aws/execute-api/{http.api_id}/x", f"/_aws/execute-api/{rest.api_id}/dev/x")
        assert [front.send("GET", path).status for path in paths] == [200, 200]
        assert front.send("GET", f"/_aws/execute-api/{rest.api_id}/dev/later").status == 403  # it has not been deployed
        (companion,) = companions_of(server)
        companion.kill()
        companion.wait(30)
        assert [front.send("GET", path).status for path in paths] == [200, 200]
