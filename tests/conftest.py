"""What tests share: a real server, started as users start it, on a port and a data directory of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from tests.support.groups import make_scheduler, put_in_order
from tests.support.server import Server

StartServer = Callable[..., Server]

# How long an example takes says more about what else the machine does than about what is tested.
settings.register_profile("alonzo", deadline=None)
settings.load_profile("alonzo")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes run the tests, all have them in the same order."""
    if hasattr(config, "workerinput"):
        put_in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Where several processes run the tests, what belongs together stays together."""
    return make_scheduler(config, log)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module; they use functions of their own."""
    with Server.start(data_directory=tmp_path_factory.mktemp("alonzo")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers with options of the test's own: `start_server("--network", "isolated")`. All are ended with the test."""
    with ExitStack() as stack:

        def start(*options: str, data_directory: Path | None = None, environment: dict[str, str] | None = None) -> Server:
            running = Server.start(*options, data_directory=data_directory or tmp_path / "alonzo", environment=environment)
            return stack.enter_context(running)

        yield start
