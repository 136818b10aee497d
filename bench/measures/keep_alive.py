"""The keep-alive policy beside a fixed five minutes, on a replay of two days of arrivals.

The arrivals are made, not recorded, after what Shahrad et al. ("Serverless in the Wild", USENIX ATC 2020, sections 3.2 to 3.4) found at a
large provider: rates over eight orders of magnitude, four fifths of the functions less than once a minute; timers at fixed intervals,
requests at random, and bursts with long silences. Time is simulated; pools and policy are the real ones.
"""

import asyncio
import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from alonzo.clock import ManualClock
from alonzo.environment.phases import Phase
from alonzo.invoke.keep_alive import FixedKeepAlive, KeepAlive, LearnedKeepAlive
from alonzo.invoke.pools import EnvironmentPools
from alonzo.model.function import FunctionVersion
from bench.figures import Figure, Limit
from bench.settings import BenchSettings
from bench.versions import a_version

_FIXED_SECONDS = 300.0
_HOUR = 3_600.0
_SPAN_SECONDS = 48 * _HOUR
_FUNCTION_COUNT = 60
_TIMER_SHARE, _BURST_SHARE = 0.3, 0.3
_TIMER_SECONDS = (60, 300, 600, 900, 1_800, 3_600)
_RUN_SECONDS = 0.5
_BURST_MAX = 30
_INSPECTION_SECONDS = 10.0
_SEED = 20
_NAME = "a fixed 5 minutes"


def measure_keep_alive(settings: BenchSettings) -> Iterator[Figure]:
    """Cold starts, and how long environments are kept for nothing."""
    del settings
    arrivals = sorted(_arrivals(random.Random(_SEED)))
    learned, fixed = (asyncio.run(_replay(arrivals, is_learned)) for is_learned in (True, False))
    note = f"{len(arrivals):,} invocations of {_FUNCTION_COUNT} functions in {_SPAN_SECONDS / _HOUR:.0f} h, simulated"
    yield Figure(
        row="keep-alive: functions' cold starts, median share",
        value=_median_percent(learned, arrivals),
        unit="%",
        limit=Limit(_median_percent(fixed, arrivals), _NAME),
        note=note,
    )
    yield Figure(
        row="keep-alive: cold starts in all",
        value=float(sum(learned.cold_counts)),
        unit="",
        limit=Limit(float(sum(fixed.cold_counts)), _NAME),
        note=note,
    )
    yield Figure(
        row="keep-alive: environments kept idle, mean",
        value=learned.idle_seconds / _SPAN_SECONDS,
        unit="",
        limit=Limit(fixed.idle_seconds / _SPAN_SECONDS, _NAME),
        note=note,
    )


@dataclass(eq=False)
class _Environment:
    """As much of an environment as a pool sees."""

    version: FunctionVersion
    run: "_Run"
    clock: ManualClock
    ended: "asyncio.Future[None]"
    phase: Phase = Phase.INVOKE
    idle_since: float = 0.0
    use_count: int = 0
    standing: float = 0.0
    init_seconds: float = 0.1
    peak_memory_bytes: int = 10 << 20
    is_retiring: bool = False
    has_room: bool = False
    runs_several: bool = False

    def close(self) -> None:
        if self.phase is Phase.IDLE:
            self.run.idle_seconds += self.clock.monotonic() - self.idle_since
        self.phase = Phase.ENDED


@dataclass
class _Run:
    cold_counts: list[int] = field(default_factory=lambda: [0] * _FUNCTION_COUNT)
    idle_seconds: float = 0.0


async def _replay(arrivals: list[tuple[float, int]], is_learned: bool) -> _Run:
    clock, run = ManualClock(), _Run()
    keep_alive: KeepAlive = (
        LearnedKeepAlive(default_seconds=_FIXED_SECONDS, clock=clock) if is_learned else FixedKeepAlive(seconds=_FIXED_SECONDS, clock=clock)
    )
    pools = EnvironmentPools(keep_alive=keep_alive, memory_available=lambda: 1.0, shed_spares=lambda: 0)
    versions = [a_version(str(number)) for number in range(_FUNCTION_COUNT)]
    busy: list[tuple[float, int, Any]] = []
    inspected_at = 0.0
    for order, (at, number) in enumerate(arrivals):
        while busy and busy[0][0] <= at:
            _go_on(clock, busy[0][0])
            finished = heapq.heappop(busy)[2]
            finished.phase, finished.idle_since = Phase.IDLE, clock.monotonic()
            pools.give_back(finished, finished.version)
        while inspected_at + _INSPECTION_SECONDS <= at:
            inspected_at += _INSPECTION_SECONDS
            _go_on(clock, inspected_at)
            pools.end_expired()
        _go_on(clock, at)
        environment: Any = pools.take_idle(versions[number])
        if environment is None:
            run.cold_counts[number] += 1
            environment = _Environment(versions[number], run, clock, asyncio.get_running_loop().create_future())
            pools.add(environment)
        else:
            run.idle_seconds += at - environment.idle_since
            environment.phase = Phase.INVOKE
        heapq.heappush(busy, (at + _RUN_SECONDS, order, environment))
    pools.close()
    return run


def _go_on(clock: ManualClock, at: float) -> None:
    clock.advance(max(at - clock.monotonic(), 0.0))


def _arrivals(source: random.Random) -> Iterator[tuple[float, int]]:
    for number in range(_FUNCTION_COUNT):
        kind = source.random()
        at = source.uniform(0, _HOUR)
        if kind < _TIMER_SHARE:
            interval = source.choice(_TIMER_SECONDS)
            while at < _SPAN_SECONDS:
                yield at + source.uniform(0, 1), number
                at += interval
            continue
        mean = math.exp(source.uniform(math.log(2), math.log(6 * _HOUR)))
        is_bursty = kind < _TIMER_SHARE + _BURST_SHARE
        while at < _SPAN_SECONDS:
            for _ in range(source.randint(1, _BURST_MAX) if is_bursty else 1):
                yield at + (source.uniform(0, 2) if is_bursty else 0.0), number
            at += source.expovariate(1 / (mean * (_BURST_MAX / 2 if is_bursty else 1)))


def _median_percent(run: _Run, arrivals: list[tuple[float, int]]) -> float:
    counts = [0] * _FUNCTION_COUNT
    for _, number in arrivals:
        counts[number] += 1
    shares = sorted(cold / count for cold, count in zip(run.cold_counts, counts, strict=True) if count)
    return 100 * shares[len(shares) // 2]
