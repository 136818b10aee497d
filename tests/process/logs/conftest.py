"""What tests of the Logs API share: one server; groups and functions have names of their own."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from tests.support.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves all modules of this directory."""
    with Server.start("--companion", "off", data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture(scope="package")
def new_group(server: Server) -> Callable[[], str]:
    """Makes a log group with the log stream `stream`; its name."""
    numbers = itertools.count()

    def make() -> str:
        name = f"/app/logs-{next(numbers)}"
        logs = server.client("logs")
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="stream")
        return name

    return make
