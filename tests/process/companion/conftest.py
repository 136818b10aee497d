"""One server, with its companion, for all tests here that need nothing special; they use functions, buckets and queues of their own."""

from collections.abc import Iterator

import pytest
from tests.support.server import Server


@pytest.fixture(scope="package")
def companion_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start(data_directory=tmp_path_factory.mktemp("companion") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def server(companion_server: Server) -> Server:
    return companion_server
