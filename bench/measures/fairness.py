"""What one function's flood does to another: the latency of a steady caller of the other, alone and beside the flood, in turn.

A p99 is that of sixteen answers or so, on a machine whose speed may double within a minute: the medians of several turns count.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Figure, Limit
from bench.limits import started_echo_server
from bench.load import LoadResult, order_load, run_order, start_load, together
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_STEADY_CONNECTIONS, _STEADY_PAUSE_SECONDS = 2, 0.005
_FLOOD_CONNECTIONS = 200
_FLOOD_SECONDS_MORE = 2.0
_TURN_COUNT, _LIMIT_TURN_COUNT = 5, 2
_TURN_SHARE = 0.5
"""How long a turn takes, in times another load."""
_BODY = b"{}"
_TRIVIAL = "def handler(event, context):\n    return event\n"
_BUSY = """
import time

def handler(event, context):
    ended_at = time.thread_time() + 0.01
    while time.thread_time() < ended_at:
        pass
    return event
"""
_LIMIT = "the same two loads on a bare echo"


@dataclass(frozen=True, slots=True)
class _Flood:
    """`reserved`: how many of the function may run at once; None: as many as come."""

    name: str
    what: str
    source: str
    reserved: int | None = None


_FLOODS = (
    _Flood("trivial", "invocations", _TRIVIAL),
    _Flood("busy", "invocations that compute for 10 ms", _BUSY),
    _Flood("throttled", "invocations that are throttled", _TRIVIAL, reserved=1),
)


def measure_fairness(settings: BenchSettings) -> Iterator[Figure]:
    """One kind of flood after the other, again and again, each beside what the same caller had just before, alone."""
    with started_platform("--account-concurrency", "10000") as platform, started_echo_server() as echo:
        steady = platform.deploy("steady", _TRIVIAL)
        for flood in _FLOODS:
            platform.deploy(flood.name, flood.source)
            if flood.reserved is not None:
                platform.reserve(flood.name, flood.reserved)
        for flood in _FLOODS:
            platform.wait_until_quiet()
            yield _measure(platform, echo, steady, flood, settings)


def _measure(platform: Platform, echo: tuple[str, int], steady: str, flood: _Flood, settings: BenchSettings) -> Figure:
    limit_alone, limit_beside, _ = map(together, zip(*_take_turns(_LIMIT_TURN_COUNT, echo, steady, flood, settings), strict=True))
    turns = _take_turns(_TURN_COUNT, platform.address, steady, flood, settings)
    alone, beside, flooding = map(together, zip(*turns, strict=True))
    quotients = sorted(its_beside.p99_seconds / its_alone.p99_seconds for its_alone, its_beside, _ in turns)
    row = f"p99 beside a flood of another function's {flood.what}, in p99s alone"
    return Figure(
        row=row,
        value=beside.p99_seconds / alone.p99_seconds,
        unit="x",
        limit=Limit(limit_beside.p99_seconds / limit_alone.p99_seconds, _LIMIT),
        promise=PROMISES.get(row),
        failure_count=alone.failure_count + beside.failure_count,
        note=(
            f"p50 {alone.p50_seconds * 1e3:.2f} ms and p99 {alone.p99_seconds * 1e3:.2f} ms alone, {beside.p50_seconds * 1e3:.2f} and "
            f"{beside.p99_seconds * 1e3:.2f} beside {_FLOOD_CONNECTIONS} connections with {flooding.per_second:,.0f} answers a second "
            f"(echo: {limit_alone.p50_seconds * 1e3:.2f} and {limit_alone.p99_seconds * 1e3:.2f} alone, "
            f"{limit_beside.p50_seconds * 1e3:.2f} and {limit_beside.p99_seconds * 1e3:.2f}); "
            f"single turns {quotients[0]:.1f} to {quotients[-1]:.1f} x"
        ),
    )


_Turn = tuple[LoadResult, LoadResult, LoadResult]


def _take_turns(count: int, address: tuple[str, int], steady: str, flood: _Flood, settings: BenchSettings) -> list[_Turn]:
    return [_turn(address, steady, flood, settings.load_seconds * _TURN_SHARE) for _ in range(count)]


def _turn(address: tuple[str, int], steady: str, flood: _Flood, seconds: float) -> _Turn:
    """The steady caller alone; the same while the flood goes on from before its beginning until after its end; the flood."""
    order = order_load(
        address,
        steady,
        _BODY,
        connection_count=_STEADY_CONNECTIONS,
        seconds=seconds,
        pause_seconds=_STEADY_PAUSE_SECONDS,
        comes_first=True,
    )
    alone = run_order(order)
    # Whether the flood's answers are successes is not looked at: when it is throttled, few are.
    flooding = start_load(
        order_load(
            address, flood.name, None, connection_count=_FLOOD_CONNECTIONS, seconds=seconds + _FLOOD_SECONDS_MORE, expected_status=None
        )
    )
    beside = run_order(order)
    return alone, beside, flooding.result()
