"""One server with several workers for all tests here that do not kill any."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.server import Server

WORKERS = 3


@pytest.fixture(scope="package")
def workers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start("--workers", str(WORKERS), data_directory=Path(tmp_path_factory.mktemp("workers")) / "data") as server:
        yield server


@pytest.fixture
def server(workers_server: Server) -> Server:
    return workers_server
