"""Programs that were started ahead of their functions end with their node, however it ends."""

import pytest
from tests.conftest import StartServer
from tests.crash.census import take_census
from tests.support.prestarted import wait_for_prestarted
from tests.support.server import ROLE, zip_of
from tests.support.waiting import eventually


@pytest.mark.parametrize("network", ["host", "isolated"])
@pytest.mark.parametrize("way", ["stop", "kill"])
def test_nothing_that_waits_outlives_its_node(start_server: StartServer, way: str, network: str) -> None:
    server = start_server("--network", network)
    code = {"ZipFile": zip_of({"index.js": "exports.handler = async (event) => event;"})}
    server.client("lambda").create_function(FunctionName="echo", Runtime="nodejs20.x", Handler="index.handler", Role=ROLE, Code=code)
    waiting = wait_for_prestarted(server)
    census = take_census(server)
    assert set(waiting) <= census.processes
    if way == "kill":
        server.kill()
    else:
        assert server.stop() == 0
    eventually(lambda: census.remaining().is_empty(), what=f"the end of {census}", within_seconds=10)
