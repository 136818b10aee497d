"""One server for all modules of this folder, and a collector that it exports to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.otlp_collector import OtlpCollector
from tests.support.server import Server


@pytest.fixture(scope="package")
def collector() -> Iterator[OtlpCollector]:
    with OtlpCollector() as collector:
        yield collector


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, collector: OtlpCollector) -> Iterator[Server]:
    data_directory: Path = tmp_path_factory.mktemp("metrics") / "data"
    with Server.start("--otlp-endpoint", collector.url, "--async-retry-delays", "0.1,0.1", data_directory=data_directory) as server:
        yield server
