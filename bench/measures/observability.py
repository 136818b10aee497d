"""What observing costs: warm invocations of a server that logs, counts, traces, audits and exports, beside one that does nothing of it.

Traced is what AWS traces with active tracing: the first request of a second and 5 % of the others. Invocations are not in the audit trail,
so both servers are asked something of the API meanwhile, as often as a busy deployment does.

With eight clients, who keep the machine busy, what decides is the processor time of all processes of each: rates tell as much only where
nothing else runs. With one, who waits for each answer, it is how long it takes.

Of two functions that are the same one may take a twentieth more processor time than the other for as long as its environments live, and of
two turns one may take a third more: so each server has several, and the processor time of all turns together counts. Of rates and waits it
is the medians of all turns.
"""

import contextlib
import itertools
import statistics
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from tests.support.otlp_collector import OtlpCollector

from bench.figures import Figure, Limit
from bench.load import LoadResult, order_load, run_order
from bench.processes import read_cpu_seconds
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = "def handler(event, context):\n    return event\n"
_BODY = b"{}"
_CLIENT_COUNT = 8
_FUNCTION_COUNT = 4
_TURN_SECONDS = 0.25
_CROWD_SHARE, _LONE_SHARE = 8.0, 2.0
"""How many times as long as another load the turns of each server are, together."""

_LIMIT = "nothing observed"
_API_CALL_EVERY_SECONDS = 0.05
_UNOBSERVED = (sys.executable, "-m", "bench.programs.unobserved")


@dataclass(frozen=True, slots=True)
class _Round:
    per_second: float
    p50_seconds: float
    cpu_seconds: float
    """Of the platform, for all that was answered."""
    answered_count: int
    failure_count: int


def measure_observability(settings: BenchSettings) -> Iterator[Figure]:
    """Both run at the same time and are loaded in turn, so that what else the machine does meets both.

    The turns are short and many, since a shared machine may be half as fast a moment later. What a server does a moment after an
    invocation, such as writing its log, it does in the other's turn: its processor time is its own all the same.
    """
    with (
        OtlpCollector() as collector,
        started_platform("--otlp-endpoint", collector.url) as observed,
        started_platform(command=_UNOBSERVED) as unobserved,
    ):
        for number in range(_FUNCTION_COUNT):
            observed.deploy(_name(number), _HANDLER, TracingConfig={"Mode": "Active"})
            unobserved.deploy(_name(number), _HANDLER)
        platforms = (observed, unobserved)
        for platform in platforms:
            platform.wait_until_quiet()
        crowds, lone = (
            _take_turns(platforms, count, round(settings.load_seconds * share / _TURN_SECONDS))
            for count, share in ((_CLIENT_COUNT, _CROWD_SHARE), (1, _LONE_SHARE))
        )
    failures = sum(each.failure_count for turn in (*crowds, *lone) for each in turn.values())
    yield from _tell_crowd([(turn[observed], turn[unobserved]) for turn in crowds], failures)
    pairs = [(turn[observed], turn[unobserved]) for turn in lone]
    quotient = statistics.median(with_all.p50_seconds / without.p50_seconds for with_all, without in pairs)
    row = "warm invoke, 1 client: p50, in times that with nothing observed"
    yield Figure(row=row, value=quotient, unit="", limit=Limit(1.0, _LIMIT), promise=PROMISES.get(row), failure_count=failures)


def _tell_crowd(pairs: list[tuple["_Round", "_Round"]], failures: int) -> Iterator[Figure]:
    rate, free_rate = (statistics.median(each.per_second for each in side) for side in zip(*pairs, strict=True))
    cpu, free_cpu = (
        sum(each.cpu_seconds for each in side) / sum(each.answered_count for each in side) for side in zip(*pairs, strict=True)
    )
    row = "warm invoke, 8 clients: rate with everything observed"
    yield Figure(row=row, value=rate, unit="/s", limit=Limit(free_rate, _LIMIT), failure_count=failures)
    row = "warm invoke, 8 clients: CPU time with everything observed"
    yield Figure(row=row, value=cpu * 1e6, unit="us", limit=Limit(free_cpu * 1e6, _LIMIT), failure_count=failures)
    row = "warm invoke: CPU time, in times that with nothing observed"
    quotient = cpu / free_cpu
    yield Figure(row=row, value=quotient, unit="", limit=Limit(1.0, _LIMIT), promise=PROMISES.get(row), failure_count=failures)


def _take_turns(platforms: Sequence[Platform], client_count: int, count: int) -> list[dict[Platform, _Round]]:
    """In each turn one after the other, now the one first, now the other, and the functions one after the other.

    Before the turns that count, environments are made.
    """
    loads: dict[Platform, list[LoadResult]] = {platform: [] for platform in platforms}
    cpu_seconds: dict[Platform, list[float]] = {platform: [] for platform in platforms}
    for number in range(_FUNCTION_COUNT + max(count, 1)):
        is_other_way = (number // _FUNCTION_COUNT + number) % 2  # for each function in every other of its turns
        for platform in platforms[:: -1 if is_other_way else 1]:
            cpu_seconds[platform].append(_cpu_seconds(platform))
            loads[platform].append(_load(platform, _name(number % _FUNCTION_COUNT), client_count))
    for platform in platforms:
        cpu_seconds[platform].append(_cpu_seconds(platform))
    rounds = {platform: [*map(_round, loads[platform], itertools.pairwise(cpu_seconds[platform]))] for platform in platforms}
    return [dict(zip(platforms, turn, strict=True)) for turn in zip(*rounds.values(), strict=True)][_FUNCTION_COUNT:]


def _name(number: int) -> str:
    return f"observed-{number}"


def _load(platform: Platform, name: str, client_count: int) -> LoadResult:
    order = order_load(platform.address, name, _BODY, connection_count=client_count, seconds=_TURN_SECONDS)
    with _api_asked(platform, name):
        return run_order(msgspec.structs.replace(order, warm_up_seconds=0.0))  # what is counted is all that was done


def _cpu_seconds(platform: Platform) -> float:
    return read_cpu_seconds(platform.processes().every)


def _round(load: LoadResult, cpu_seconds: tuple[float, float]) -> _Round:
    """`cpu_seconds`: of the platform, before this load and before the next."""
    before, after = cpu_seconds
    return _Round(load.per_second, load.p50_seconds, after - before, load.answered_count, load.failure_count)


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
