"""From the start of `alonzo up` until it serves, and what it takes when nobody asks anything of it."""

import asyncio
import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import uvloop
from tests.support.server import Server

from alonzo.store.server import EmbeddedServer
from bench.figures import Figure, Limit
from bench.limits import bare_interpreter_mb, exec_seconds, import_seconds
from bench.processes import PlatformProcesses, read_pss_mb
from bench.promises import PROMISES
from bench.running_platform import started_platform, temporary_directory
from bench.settings import BenchSettings

_MEMORY_ROW = "memory of an idle platform (PSS)"
_LIBRARIES = "asyncio, click, httptools, msgspec, nats.aio.client, psutil, uvicorn.config, uvloop"
_HANDLER = "def handler(event, context):\n    return event\n"


def measure_start(settings: BenchSettings) -> Iterator[Figure]:
    """Each start on a data directory of its own, then each on the one that is there already."""
    count = settings.start_count
    store_seconds = median(uvloop.run(_start_of_store())[0] for _ in range(count))
    limit_seconds = store_seconds + median(exec_seconds(count)) + median(import_seconds(_LIBRARIES, count))
    limit = Limit(limit_seconds, "nats-server alone, python, and importing the libraries")
    with temporary_directory() as directory:
        first = [_start_seconds(directory / str(number)) for number in range(count)]
        again = [_start_seconds(directory / "0") for _ in range(count)]
    for row, durations in (("first start to ready: median", first), ("restart to ready: median", again)):
        yield Figure(
            row=row,
            value=median(durations),
            unit="s",
            limit=limit,
            promise=PROMISES.get(row),
            note=f"{count} starts, {min(durations):.2f} to {max(durations):.2f} s",
        )


def measure_memory(settings: BenchSettings) -> Iterator[Figure]:
    """Everything that runs when one function is deployed and nothing happens: node, store, zygote, spare sandboxes."""
    del settings
    limit_mb = uvloop.run(_start_of_store())[1] + bare_interpreter_mb()
    with started_platform() as platform:
        platform.deploy("idle", _HANDLER)
        processes = platform.wait_until_quiet()
        yield Figure(
            row=_MEMORY_ROW,
            value=read_pss_mb(processes.every),
            unit="MB",
            limit=Limit(limit_mb, "nats-server and a bare interpreter"),
            promise=PROMISES.get(_MEMORY_ROW),
            note=_composition(processes),
        )


def _start_seconds(data_directory: Path) -> float:
    started_at = time.perf_counter()
    with Server.start(data_directory=data_directory) as server:
        address = urlsplit(server.endpoint_url)
        assert address.hostname is not None
        connection = http.client.HTTPConnection(address.hostname, address.port)
        connection.request("GET", "/health")
        status = connection.getresponse().status
        seconds = time.perf_counter() - started_at
        connection.close()
    if status != 200:
        raise RuntimeError(f"GET /health answered {status}")
    return seconds


async def _start_of_store() -> tuple[float, float]:
    """Seconds until nats-server alone serves, and its memory then."""
    with temporary_directory() as directory:
        started_at = time.perf_counter()
        async with await EmbeddedServer.start(data_directory=directory) as server:
            seconds = time.perf_counter() - started_at
            return seconds, await asyncio.to_thread(read_pss_mb, [server.pid])


def _composition(processes: PlatformProcesses) -> str:
    parts = (
        ("node", (processes.node,)),
        ("nats-server", processes.store),
        ("zygote", processes.others),
        (f"{len(processes.sandboxes)} spare sandboxes", processes.sandboxed),
    )
    return ", ".join(f"{name} {read_pss_mb(process_ids):.1f}" for name, process_ids in parts)
