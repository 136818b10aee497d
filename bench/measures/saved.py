"""From a saved file to the function that runs it: `alonzo up DIR`, and a client that asks until the answer is the new one."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.server import Server, zip_of

from bench.figures import Figure, Limit, percentile
from bench.running_platform import temporary_directory
from bench.settings import BenchSettings

_NAME = "saved"
_PATIENCE_SECONDS = 60.0
_SOURCE = "VERSION = {version}\n\ndef handler(event, context):\n    return VERSION\n"


def measure_saved(settings: BenchSettings) -> Iterator[Figure]:
    """How long until the first answer of what was saved, its cold start included; asked without a pause."""
    with temporary_directory() as directory:
        source = directory / _NAME / "app.py"
        source.parent.mkdir()
        source.write_text(_SOURCE.format(version=0))
        environment = {"XDG_CACHE_HOME": str(directory / "cache")}
        with Server.start(str(source.parent), data_directory=directory / "data", environment=environment) as server:
            assert server.process.stdout is not None
            while not (line := server.process.stdout.readline()).startswith("alonzo: watching"):
                assert line, "the server ended"
            client = server.client("lambda")
            versions = range(1, max(settings.cold_start_count // 2, 3) + 1)
            took = [_save(client, source, version) for version in versions]
            server.deploy("bare", _SOURCE.format(version=0))
            bare = [_update(client, version) for version in versions]
    yield Figure(
        row="saved file of a Python function to its first answer: p50",
        value=percentile(took, 50) * 1e3,
        unit="ms",
        limit=Limit(percentile(bare, 50) * 1e3, "UpdateFunctionCode to the first answer, nothing watched or packed"),
        note=f"{len(took)} saves; slowest {max(took) * 1e3:.0f} ms",
    )


def _save(client: Any, source: Path, version: int) -> float:
    started_at = time.perf_counter()
    source.write_text(_SOURCE.format(version=version))
    return _wait(client, _NAME, version, started_at)


def _update(client: Any, version: int) -> float:
    package = zip_of({"app.py": _SOURCE.format(version=version)})
    started_at = time.perf_counter()
    client.update_function_code(FunctionName="bare", ZipFile=package)
    return _wait(client, "bare", version, started_at)


def _wait(client: Any, name: str, version: int, started_at: float) -> float:
    while client.invoke(FunctionName=name)["Payload"].read() != str(version).encode():
        assert time.perf_counter() - started_at < _PATIENCE_SECONDS, f"version {version} is not live"
    return time.perf_counter() - started_at
