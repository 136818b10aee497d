"""What observing costs: warm invocations of a server that logs, counts, traces, audits and exports, beside one that does nothing of it.

Traced is what AWS traces with active tracing: the first request of a second and 5 % of the others. Invocations are not in the audit trail,
so both servers are asked something of the API meanwhile, as often as a busy deployment does.

With eight clients, who keep the machine busy, what decides is the processor time of all processes of each: rates tell as much only where
nothing else runs. With one, who waits for each answer, it is how long it takes.
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

_LIMIT = "nothing observed"
_API_CALL_EVERY_SECONDS = 0.05
_UNOBSERVED = (sys.executable, "-m", "bench.programs.unobserved")


@dataclass(frozen=True, slots=True)
class _Round:
    per_second: float
    p50_seconds: float
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
        crowds, lone = ([_turn(names, count, seconds) for _ in range(_ROUNDS + 1)] for count in (_CLIENT_COUNT, 1))
    failures = sum(each.failure_count for turn in (*crowds, *lone) for each in turn.values())
    yield from _tell_crowd([(turn[observed], turn[unobserved]) for turn in crowds[1:]], failures)  # in the first environments were made
    pairs = [(turn[observed], turn[unobserved]) for turn in lone[1:]]
    quotient = statistics.median(with_all.p50_seconds / without.p50_seconds for with_all, without in pairs)
    row = "warm invoke, 1 client: p50, in times that with nothing observed"
    yield Figure(row=row, value=quotient, unit="", limit=Limit(1.0, _LIMIT), promise=PROMISES.get(row), failure_count=failures)


def _tell_crowd(pairs: list[tuple["_Round", "_Round"]], failures: int) -> Iterator[Figure]:
    rate, free_rate = (statistics.median(each.per_second for each in side) for side in zip(*pairs, strict=True))
    cpu, free_cpu = (statistics.median(each.cpu_seconds for each in side) for side in zip(*pairs, strict=True))
    quotient = statistics.median(with_all.cpu_seconds / without.cpu_seconds for with_all, without in pairs)
    row = "warm invoke, 8 clients: rate with everything observed"
    yield Figure(row=row, value=rate, unit="/s", limit=Limit(free_rate, _LIMIT), failure_count=failures)
    row = "warm invoke, 8 clients: CPU time with everything observed"
    yield Figure(row=row, value=cpu * 1e6, unit="us", limit=Limit(free_cpu * 1e6, _LIMIT), failure_count=failures)
    row = "warm invoke: CPU time, in times that with nothing observed"
    yield Figure(row=row, value=quotient, unit="", limit=Limit(1.0, _LIMIT), promise=PROMISES.get(row), failure_count=failures)


def _turn(names: dict[Platform, str], client_count: int, seconds: float) -> dict[Platform, _Round]:
    return {platform: _load(platform, name, client_count, seconds) for platform, name in names.items()}


def _load(platform: Platform, name: str, client_count: int, seconds: float) -> _Round:
    order = order_load(platform.address, name, _BODY, connection_count=client_count, seconds=seconds)
    before = read_cpu_seconds(platform.processes().every)
    with _api_asked(platform, name):
        result = run_order(msgspec.structs.replace(order, warm_up_seconds=0.0))  # what is counted is all that was done
    time.sleep(_AFTERMATH_SECONDS)
    used = read_cpu_seconds(platform.processes().every) - before
    return _Round(result.per_second, result.p50_seconds, used / max(result.answered_count, 1), result.failure_count)


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
