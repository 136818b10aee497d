"""A thousand of everything: cold environments at once and what each takes, connections at once, environments that are released again."""

import time
from collections.abc import Iterator
from statistics import fmean

from bench.curves import Curve, Plot
from bench.figures import Figure, Limit
from bench.limits import forked_child_mb, sleepers_seconds, started_echo_server
from bench.load import LoadResult, order_burst, order_load, run_burst, run_load, run_order, together
from bench.processes import read_pss_mb
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_BURST_ROW = "burst of 1,000 cold environments, 5 s each: all answered"
_FIRST_BURST_ROW = "burst of 1,000 cold environments, 5 s each, the first since the machine was idle"
_BURST_MEMORY_ROW = "memory of each environment of a burst of 1,000 (PSS)"
_FOOTPRINT_ROW = "memory of the platform, for each of 1,000 environments (PSS)"
_RELEASE_ROW = "environments of a burst of 1,000: all released"
_TAIL_ROW = "p99 with 256 connections, in p50s with 8"
_PACED_ROW = "p99 with 256 connections that ask for half of the rate of 8, in p50s with 8"
_COLLAPSE_ROW = "rate with 1,000 connections, in rates with 8"

_BURST_COUNT, _BURST_SECONDS = 1_000, 5
_KEEP_ALIVE_SECONDS = 30
_CONNECTION_COUNTS = (1, 8, 64, 256, 1_000)
_FEW, _MANY, _MOST = 8, 256, 1_000
_PACED_SHARE = 0.5
_PACED_TURN_COUNT, _ECHO_TURN_COUNT = 5, 2
_TURN_SHARE = 0.5
"""How long a turn takes, in times another load."""
_FOOTPRINT_COUNTS = (0, 100, 250, 500, 1_000)
_MEASURED_CHILDREN_MAX = 100
_STARTS_PER_SECOND = 50.0
"""At the least: environments are held busy until as many are there as are wanted."""
_POLL_SECONDS = 0.1
_BODY = b"{}"
_SLEEPING = "import time\ndef handler(event, context):\n    time.sleep({seconds})\n    return event\n"
_HOLDING = """
import time

def handler(event, context):
    time.sleep(max(event.get("until", 0) - time.time(), 0))
    return {}
"""
_ABOVE_LIMITS = ("--account-concurrency", "10000")
"""With AWS's default a thousand connections are at the limit of concurrency, and 10,000 answers a second at that of the rate."""

_LATENCY_PLOT = Plot(
    name="latency-over-connections",
    title="Warm invocations: latency over connections, each with one request in flight",
    x_label="connections",
    y_label="ms",
    is_logarithmic=True,
)
_RATE_PLOT = Plot(
    name="rate-over-connections",
    title="Warm invocations: answers a second over connections",
    x_label="connections",
    y_label="answers a second",
    is_logarithmic=True,
)
_STARTS_PLOT = Plot(
    name="cold-starts-over-time",
    title="A burst of cold environments: answers over time",
    x_label="seconds since the first request",
    y_label="answered",
)
_MEMORY_PLOT = Plot(
    name="memory-over-environments", title="Memory of the whole platform (PSS)", x_label="environments", y_label="MB (10^6 bytes)"
)


_Pair = tuple[LoadResult, LoadResult]


def measure_scale(settings: BenchSettings) -> Iterator[Figure | Curve]:
    """The burst, then the connections, then memory."""
    yield from _measure_burst()
    yield from _measure_connections(settings)
    yield from _measure_footprint()


def _measure_burst() -> Iterator[Figure | Curve]:
    """With the limits that are AWS's default: 1,000 at once are just what an account may have, and a function in 10 s.

    Twice, as with 500: see `burst.py`.
    """
    limit_seconds = sleepers_seconds(_BURST_COUNT, _BURST_SECONDS)
    limit_mb = forked_child_mb(_MEASURED_CHILDREN_MAX)
    with started_platform() as platform:
        _, first = _run_burst(platform)
    yield Figure(
        row=_FIRST_BURST_ROW,
        value=first.seconds,
        unit="s",
        limit=Limit(limit_seconds, f"{_BURST_COUNT:,} forked processes that sleep {_BURST_SECONDS} s"),
        failure_count=first.failure_count,
        note=f"p50 {first.p50_seconds:.2f} s{first.told_failure}",
    )
    with started_platform("--keep-alive", str(_KEEP_ALIVE_SECONDS)) as platform:
        spare_count, result = _run_burst(platform)
        answered_at = time.monotonic()
        yield Figure(
            row=_BURST_ROW,
            value=result.seconds,
            unit="s",
            limit=Limit(limit_seconds, f"{_BURST_COUNT:,} forked processes that sleep {_BURST_SECONDS} s"),
            promise=PROMISES.get(_BURST_ROW),
            failure_count=result.failure_count,
            note=f"p50 {result.p50_seconds:.2f} s{result.told_failure}",
        )
        yield Curve(
            plot=_STARTS_PLOT,
            label=f"handlers that take {_BURST_SECONDS} s",
            points=tuple((seconds, float(number)) for number, seconds in enumerate(result.answer_seconds, 1)),
        )
        taken = sorted(map(read_pss_mb, platform.processes().sandboxes), reverse=True)
        taken = taken[: len(taken) - spare_count]  # whoever waited for one has taken one that had become free: there are fewer than 1,000
        yield Figure(
            row=_BURST_MEMORY_ROW,
            value=fmean(taken),
            unit="MB",
            limit=Limit(limit_mb, "forked child that does nothing"),
            promise=PROMISES.get(_BURST_MEMORY_ROW),
            note=(
                f"of {len(taken)}; process 1 and runtime together; the largest {taken[0]:.2f} MB; "
                f"{time.monotonic() - answered_at:.1f} s after the answers"
            ),
        )
        left = _wait_for_release(platform, spare_count)
        yield Figure(
            row=_RELEASE_ROW,
            value=time.monotonic() - answered_at,
            unit="s",
            limit=Limit(float(_KEEP_ALIVE_SECONDS), "for so long they are kept when idle (--keep-alive)"),
            failure_count=left,
            note=f"the platform then takes {read_pss_mb(platform.wait_until_quiet().every):.0f} MB",
        )


def _run_burst(platform: Platform) -> tuple[int, LoadResult]:
    """How many spare sandboxes there were, and how the burst went."""
    name = platform.deploy("burst", _SLEEPING.format(seconds=_BURST_SECONDS))
    spare_count = len(platform.wait_until_quiet().sandboxes)
    return spare_count, run_burst(platform.address, name, _BODY, connection_count=_BURST_COUNT)


def _wait_for_release(platform: Platform, spare_count: int) -> int:
    """Until no more sandboxes are there than the spares; how many more there were when that took too long."""
    deadline = time.monotonic() + 2 * _KEEP_ALIVE_SECONDS
    while (left := len(platform.processes().sandboxes) - spare_count) > 0 and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return max(left, 0)


def _measure_connections(settings: BenchSettings) -> Iterator[Figure | Curve]:
    loads: dict[int, LoadResult] = {}
    limits: dict[int, LoadResult] = {}
    with started_platform(*_ABOVE_LIMITS) as platform, started_echo_server() as echo:
        name = platform.deploy("warm", _HOLDING)
        platform.wait_until_quiet()
        for count in _CONNECTION_COUNTS:
            _hold(platform, name, count)
            platform.wait_until_quiet(sandbox_count=count)
            limits[count] = run_load(echo, name, _BODY, connection_count=count, seconds=settings.load_seconds)
            loads[count] = run_load(platform.address, name, _BODY, connection_count=count, seconds=settings.load_seconds)
            yield _rate_figure(count, loads[count], limits[count])
            if count == _MANY:
                yield _measure_paced(platform, echo, name, settings)
    yield from _compared(loads, limits)
    yield from _curves("Alonzo", loads)
    yield from _curves("bare echo", limits)


def _hold(platform: Platform, name: str, count: int) -> None:
    """Have so many environments run at the same time, so that as many are warm afterwards."""
    seconds = 1 + count / _STARTS_PER_SECOND
    request = b'{"until": %.3f}' % (time.time() + seconds)
    result = run_order(order_burst(platform.address, name, _BODY, connection_count=count, payload=request))
    if result.failure_count:
        raise RuntimeError(f"{result.failure_count} of {count} invocations failed: {result.first_failure}")


def _rate_figure(count: int, load: LoadResult, limit: LoadResult) -> Figure:
    return Figure(
        row=f"warm invoke, {count:,} connections at once: rate",
        value=load.per_second,
        unit="/s",
        limit=Limit(limit.per_second, "bare uvloop + httptools echo"),
        failure_count=load.failure_count,
        note=(
            f"p50 {load.p50_seconds * 1e3:.2f} ms, p99 {load.p99_seconds * 1e3:.2f} ms, max {load.max_seconds * 1e3:.0f} ms "
            f"(echo: {limit.p50_seconds * 1e3:.2f}, {limit.p99_seconds * 1e3:.2f}, {limit.max_seconds * 1e3:.0f}){load.told_failure}"
        ),
    )


def _compared(loads: dict[int, LoadResult], limits: dict[int, LoadResult]) -> Iterator[Figure]:
    """What more connections do to those that are there. With every one of them always busy, and the machine as well, 256 wait 32 times as
    long as 8: only a server that gets faster with load stays below.
    """
    failure_count = sum(load.failure_count for load in loads.values())
    for row, ratio in ((_TAIL_ROW, _tail), (_COLLAPSE_ROW, _collapse)):
        yield Figure(
            row=row,
            value=ratio(loads),
            unit="x",
            limit=Limit(ratio(limits), "the same of a bare echo"),
            promise=PROMISES.get(row),
            failure_count=failure_count,
        )


def _measure_paced(platform: Platform, echo: tuple[str, int], name: str, settings: BenchSettings) -> Figure:
    """As many connections that are not always busy: together they ask for less than the machine can answer, as clients do.

    In turn with 8 that are always busy, since the machine's speed may change meanwhile; the medians of several turns count.
    """
    few, many = map(together, zip(*_take_turns(_PACED_TURN_COUNT, platform.address, name, settings), strict=True))
    few_echoes, many_echoes = map(together, zip(*_take_turns(_ECHO_TURN_COUNT, echo, name, settings), strict=True))
    return Figure(
        row=_PACED_ROW,
        value=many.p99_seconds / few.p50_seconds,
        unit="x",
        limit=Limit(many_echoes.p99_seconds / few_echoes.p50_seconds, "the same of a bare echo"),
        promise=PROMISES.get(_PACED_ROW),
        failure_count=few.failure_count + many.failure_count,
        note=(
            f"p50 {many.p50_seconds * 1e3:.2f} ms and p99 {many.p99_seconds * 1e3:.2f} ms with {many.per_second:,.0f} answers a second; "
            f"p50 {few.p50_seconds * 1e3:.2f} ms with {_FEW} that are always busy and get {few.per_second:,.0f}{many.told_failure}"
        ),
    )


def _take_turns(count: int, address: tuple[str, int], name: str, settings: BenchSettings) -> list[_Pair]:
    return [_turn(address, name, settings.load_seconds * _TURN_SHARE) for _ in range(count)]


def _turn(address: tuple[str, int], name: str, seconds: float) -> _Pair:
    """With few connections that are always busy; with many that ask for half of what these were answered."""
    few = run_load(address, name, _BODY, connection_count=_FEW, seconds=seconds)
    pause_seconds = _MANY / (_PACED_SHARE * few.per_second)
    order = order_load(address, name, _BODY, connection_count=_MANY, seconds=seconds, pause_seconds=pause_seconds)
    return few, run_order(order)


def _tail(loads: dict[int, LoadResult]) -> float:
    return loads[_MANY].p99_seconds / loads[_FEW].p50_seconds


def _collapse(loads: dict[int, LoadResult]) -> float:
    return loads[_MOST].per_second / loads[_FEW].per_second


def _curves(label: str, loads: dict[int, LoadResult]) -> Iterator[Curve]:
    yield Curve(
        plot=_LATENCY_PLOT, label=f"{label}: p50", points=tuple((float(count), load.p50_seconds * 1e3) for count, load in loads.items())
    )
    yield Curve(
        plot=_LATENCY_PLOT, label=f"{label}: p99", points=tuple((float(count), load.p99_seconds * 1e3) for count, load in loads.items())
    )
    yield Curve(plot=_RATE_PLOT, label=label, points=tuple((float(count), load.per_second) for count, load in loads.items()))


def _measure_footprint() -> Iterator[Figure | Curve]:
    """One platform that grows: what is shared is shared by more and more."""
    limit_mb = forked_child_mb(_MEASURED_CHILDREN_MAX)
    whole: list[tuple[float, float]] = []
    with started_platform(*_ABOVE_LIMITS) as platform:
        name = platform.deploy("grown", _HOLDING)
        for count in _FOOTPRINT_COUNTS:
            if count:
                _hold(platform, name, count)
            whole.append((float(count), read_pss_mb(platform.wait_until_quiet(sandbox_count=count).every)))
    (_, empty_mb), (most, full_mb) = whole[0], whole[-1]
    yield Figure(
        row=_FOOTPRINT_ROW,
        value=(full_mb - empty_mb) / most,
        unit="MB",
        limit=Limit(limit_mb, "forked child that does nothing"),
        promise=PROMISES.get(_FOOTPRINT_ROW),
        note=", ".join(f"{number:,.0f}: {megabytes:,.0f} MB" for number, megabytes in whole) + "; node and store are part of it",
    )
    yield Curve(plot=_MEMORY_PLOT, label="all processes of the platform", points=tuple(whole))
