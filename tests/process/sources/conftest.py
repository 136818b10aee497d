"""One server, with its companion, and one sink for all tests here; they use functions, queues and streams of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.event_sink import EventSink
from tests.support.mappings import mappings_deleted
from tests.support.server import Server


@pytest.fixture(scope="package")
def sources_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server.start(data_directory=Path(tmp_path_factory.mktemp("sources")) / "data") as server:
        yield server


@pytest.fixture
def server(sources_server: Server) -> Iterator[Server]:
    with mappings_deleted(sources_server):
        yield sources_server


@pytest.fixture(scope="package")
def sink() -> Iterator[EventSink]:
    with EventSink() as running:
        yield running
