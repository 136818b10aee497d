"""One server and one function for all tests of function URLs."""

from collections.abc import Iterator

import pytest
from tests.support.function_urls import ECHO, public_url
from tests.support.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start("--tls", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="package")
def echo_url(server: Server) -> str:
    """The URL of a function that answers with its event, or with what it is told to answer."""
    return public_url(server, server.deploy("echo", ECHO))
