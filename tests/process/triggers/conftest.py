"""One server for all tests here that need nothing special."""

from collections.abc import Iterator

import pytest
from tests.support.server import Server


@pytest.fixture(scope="package")
def triggers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start(data_directory=tmp_path_factory.mktemp("triggers") / "data") as server:
        yield server


@pytest.fixture
def server(triggers_server: Server) -> Server:
    return triggers_server
