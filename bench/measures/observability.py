"""What observing costs: warm invocations of a server that logs, counts, traces, audits and exports, beside one that does nothing of it.

Traced is what AWS traces with active tracing: the first request of a second and 5 % of the others. Invocations are not in the audit trail,
so both servers are asked something of the API meanwhile, as often as a busy deployment does.

What decides is the processor time of all processes of each: rates tell as much only where nothing else runs.
"""

import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from tests.support.otlp_collector import OtlpCollector

from bench.figures import Figure, Limit
from bench.load import order_load, run_order
from bench.processes import read_cpu_seconds
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = "def handler(event, context):\n    return event\n"
_BODY = b"{}"
_CLIENT_COUNT = 8
_ROUNDS = 10
_AFTERMATH_SECONDS = 0.8
"""Logs are written a moment later, spans are sent a second later: most of that is to count for the round that it comes of."""

_API_CALL_EVERY_SECONDS = 0.05
_UNOBSERVED = (sys.executable, "-m", "bench.programs.unobserved")


@dataclass(frozen=True, slots=True)
class _Round:
    per_second: float
    cpu_seconds: float
    """Of the platform, for one invocation."""
    failure_count: int


def measure_observability(settings: BenchSettings) -> Iterator[Figure]:
    """Both run at the same time and are loaded in turn, so that what else the machine does meets both: the medians of all turns count."""
    with (
        OtlpCollector() as collector,
        started_platform("--otlp-endpoint", collector.url) as observed,
        started_platform(command=_UNOBSERVED) as unobserved,
    ):
        names = {
            observed: observed.deploy("observed", _HANDLER, TracingConfig={"Mode": "Active"}),
            unobserved: unobserved.deploy("observed", _HANDLER),
        }
        for platform in names:
            platform.wait_until_quiet()
        seconds = settings.load_seconds / _ROUNDS
        turns = [{platform: _load(platform, name, seconds) for platform, name in names.items()} for _ in range(_ROUNDS + 1)]
    pairs = [(turn[observed], turn[unobserved]) for turn in turns[1:]]  # in the first one environments were made
    failures = sum(each.failure_count for turn in turns for each in turn.values())
    rate, free_rate = (statistics.median(each.per_second for each in side) for side in zip(*pairs, strict=True))
    cpu, free_cpu = (statistics.median(each.cpu_seconds for each in side) for side in zip(*pairs, strict=True))
    quotient = statistics.median(with_all.cpu_seconds / without.cpu_seconds for with_all, without in pairs)
    limit = "nothing observed"
    row = "warm invoke, 8 clients: rate with everything observed"
    yield Figure(row=row, value=rate, unit="/s", limit=Limit(free_rate, limit), failure_count=failures)
    row = "warm invoke, 8 clients: CPU time with everything observed"
    yield Figure(row=row, value=cpu * 1e6, unit="us", limit=Limit(free_cpu * 1e6, limit), failure_count=failures)
    row = "warm invoke: CPU time, in times that with nothing observed"
    yield Figure(row=row, value=quotient, unit="", limit=Limit(1.0, limit), promise=PROMISES.get(row), failure_count=failures)


def _load(platform: Platform, name: str, seconds: float) -> _Round:
    order = order_load(platform.address, name, _BODY, connection_count=_CLIENT_COUNT, seconds=seconds)
    before = read_cpu_seconds(platform.processes().every)
    with _api_asked(platform, name):
        result = run_order(msgspec.structs.replace(order, warm_up_seconds=0.0))  # what is counted is all that was done
    time.sleep(_AFTERMATH_SECONDS)
    used = read_cpu_seconds(platform.processes().every) - before
    return _Round(result.per_second, used / max(result.answered_count, 1), result.failure_count)


@contextlib.contextmanager
def _api_asked(platform: Platform, name: str) -> Iterator[None]:
    """Meanwhile somebody asks the API for a function, again and again."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(_API_CALL_EVERY_SECONDS):
            platform.client.get_function_configuration(FunctionName=name)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()
