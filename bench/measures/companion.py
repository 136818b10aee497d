"""The companion, the other AWS services: from the first request for one to its answer, and the memory that it takes then.

Before that request there is no such process: what `alonzo up` takes to be ready, and what it takes of memory, is measured by `start`.
"""

import time
from collections.abc import Callable, Iterator
from statistics import median

import psutil
from tests.support.server import Server

from bench.figures import Figure, Limit
from bench.limits import bare_interpreter_mb, exec_seconds, import_seconds
from bench.processes import read_pss_mb
from bench.running_platform import temporary_directory
from bench.settings import BenchSettings

_LIBRARIES = "moto.moto_server.werkzeug_app, waitress.server, boto3"
_QUIET_SECONDS = 1.0
_REQUESTS = 50


def measure_companion(settings: BenchSettings) -> Iterator[Figure]:
    """Each start on a server of its own."""
    count = settings.start_count
    limit_seconds = median(exec_seconds(count)) + median(import_seconds(_LIBRARIES, count))
    first, later, megabytes = [], [], []
    with temporary_directory() as directory:
        for number in range(count):
            with Server.start(data_directory=directory / str(number)) as server:
                sqs = server.client("sqs")
                first.append(_seconds_of(sqs.list_queues))
                later.append(median(_seconds_of(sqs.list_queues) for _ in range(_REQUESTS)))
                time.sleep(_QUIET_SECONDS)
                megabytes.append(read_pss_mb([_companion_of(server)]))
    yield Figure(
        row="companion: first request for a service to its answer, median",
        value=median(first),
        unit="s",
        limit=Limit(limit_seconds, "python, and importing moto's server"),
        note=f"{count} starts, {min(first):.2f} to {max(first):.2f} s; later requests {median(later) * 1e3:.1f} ms",
    )
    yield Figure(
        row="memory of an idle companion (PSS)",
        value=median(megabytes),
        unit="MB",
        limit=Limit(bare_interpreter_mb(), "a bare interpreter"),
        note="after requests for one service; each further one brings its own modules",
    )


def _seconds_of(call: Callable[[], object]) -> float:
    started_at = time.perf_counter()
    call()
    return time.perf_counter() - started_at


def _companion_of(server: Server) -> int:
    for child in psutil.Process(server.process.pid).children(recursive=True):
        if "alonzo.companion" in child.cmdline():
            return child.pid
    raise RuntimeError("there is no companion")
