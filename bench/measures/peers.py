"""Alonzo beside other servers for Lambda functions, with one workload, in one run. Installs them first: needs PyPI and npm.

Alonzo is measured anew just before each of them, so that whatever else goes on in the machine meets both alike.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from bench.figures import Figure, Limit
from bench.http_messages import signed_request
from bench.load import LoadOrder, LoadResult, run_order
from bench.peers.catalog import COLD_COUNT, PEERS
from bench.peers.install import CannotInstall, install
from bench.peers.peer import Peer, PeerFailed, started_peer
from bench.processes import read_pss_mb
from bench.running_platform import RUNTIME, Platform, started_platform, temporary_directory
from bench.settings import BenchSettings

_CONNECTION_COUNTS = (1, 8, 32)
_BURST_COUNT, _MEMORY_COUNT = 100, 20
_SLEEPING = b'{"seconds": 2}'
_PAUSE_SECONDS = 0.3
_HANDLER = """
import time

def handler(event, context):
    if "seconds" in event:
        time.sleep(event["seconds"])
    return event
"""
_OURS = "Alonzo, a Python function, just before"


@dataclass(slots=True, kw_only=True)
class _Measured:
    """Of one server. What it cannot do is missing; `failures`: how many requests of a load went wrong."""

    name: str
    what: str
    values: dict[str, float] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)


_METRICS = (
    ("warm, 1 connection: p50", "ms"),
    *((f"warm, {count} connection{'s'[: count > 1]}: rate", "/s") for count in _CONNECTION_COUNTS),
    ("cold start: p50", "ms"),
    (f"{_BURST_COUNT} at once, 2 s each: all answered", "s"),
    ("memory of one more environment (PSS)", "MB"),
)
_P50, _RATES, _COLD, _BURST, _MEMORY = _METRICS[0], _METRICS[1:4], _METRICS[4], _METRICS[5], _METRICS[6]


def measure_peers(settings: BenchSettings) -> Iterator[Figure]:
    """One server after the other, the figures by what they are of."""
    pairs = list(_iter_pairs(settings))
    for metric, unit in _METRICS:
        for ours, measured in pairs:
            if metric in measured.values:
                yield Figure(
                    row=f"{metric}: {measured.name}",
                    value=measured.values[metric],
                    unit=unit,
                    limit=Limit(ours.values[metric], _OURS),
                    failure_count=measured.failures.get(metric, 0),
                    note=measured.what if metric == _P50[0] else "",
                )


def _iter_pairs(settings: BenchSettings) -> Iterator[tuple[_Measured, _Measured]]:
    """Each peer with what was measured of Alonzo just before."""
    for peer in PEERS:
        print(f"  {peer.name} ...", file=sys.stderr, flush=True)
        try:
            home = install(peer)
        except CannotInstall as problem:
            click.echo(f"{peer.name} is left out: {problem}", err=True)
            continue
        yield _measure_ours(settings), _measure_peer(peer, home, settings)


def _measure_peer(peer: Peer, home: Path, settings: BenchSettings) -> _Measured:
    """What it fails at is told and left out."""
    measured = _Measured(name=peer.name, what=peer.what)
    with temporary_directory() as directory:
        for part in (_measure_warm, _measure_cold, _measure_many):
            try:
                part(peer, home, directory / part.__name__, settings, measured)
            except (PeerFailed, OSError, RuntimeError, ValueError) as problem:
                click.echo(f"{peer.name}, {part.__name__.removeprefix('_measure_')}: {problem}", err=True)
    return measured


def _measure_warm(peer: Peer, home: Path, directory: Path, settings: BenchSettings, measured: _Measured) -> None:
    with started_peer(peer, home, directory) as running:
        running.invoke(b"{}")
        _fill_warm(measured, running.address, running.request, settings, peer.most_at_once)


def _measure_cold(peer: Peer, home: Path, directory: Path, _: BenchSettings, measured: _Measured) -> None:
    seconds = []
    if peer.cold_paths:
        with started_peer(peer, home, directory) as running:
            for path in peer.cold_paths:
                time.sleep(_PAUSE_SECONDS)
                seconds.append(running.invoke(b"{}", path))
    else:
        for _number in range(COLD_COUNT):
            with started_peer(peer, home, directory) as running:
                seconds.append(running.start_seconds if peer.ready_path is None else running.invoke(b"{}"))
    measured.values[_COLD[0]] = median(seconds) * 1e3


def _measure_many(peer: Peer, home: Path, directory: Path, _: BenchSettings, measured: _Measured) -> None:
    if peer.most_at_once is not None:
        return
    if peer.environments:
        with started_peer(peer, home, directory / "memory") as running:
            running.invoke(b"{}")
            measured.values[_MEMORY[0]] = _memory_of_one(running.address, running.request, running.memory_mb)
    with started_peer(peer, home, directory / "burst") as running:
        running.invoke(b"{}")
        _fill_burst(measured, running.address, running.request)


def _measure_ours(settings: BenchSettings) -> _Measured:
    measured = _Measured(name="Alonzo", what=f"{RUNTIME}, a sandbox for each environment")
    with started_platform("--account-concurrency", "10000") as platform:
        names = [platform.deploy(name, _HANDLER) for name in ("warm", "many", "grown", *(f"cold-{number}" for number in range(COLD_COUNT)))]
        warm, many, grown, *cold = names
        platform.wait_until_quiet()
        _fill_warm(measured, platform.address, _requests(platform, warm), settings, None)
        with platform.connect() as connection:
            measured.values[_COLD[0]] = median(_after_pause(connection.invoke, name) for name in cold) * 1e3
        _fill_burst(measured, platform.address, _requests(platform, many))
        memory = _memory_of_one(platform.address, _requests(platform, grown), lambda: read_pss_mb(platform.processes().every), warm_up=True)
        measured.values[_MEMORY[0]] = memory
    return measured


def _after_pause(invoke: Callable[[str], tuple[float, bytes]], name: str) -> float:
    time.sleep(_PAUSE_SECONDS)
    return invoke(name)[0]


def _requests(platform: Platform, name: str) -> Callable[[bytes], bytes]:
    return lambda event: signed_request(platform.address, name, event)


def _fill_warm(
    measured: _Measured, address: tuple[str, int], request: Callable[[bytes], bytes], settings: BenchSettings, most_at_once: int | None
) -> None:
    for count, (metric, _) in zip(_CONNECTION_COUNTS, _RATES, strict=True):
        if most_at_once is not None and count > most_at_once:
            continue
        order = LoadOrder(
            address=address,
            requests=(request(b"{}"),),
            expected_body=b"{}",
            connection_count=count,
            seconds=settings.load_seconds,
            warm_up_seconds=settings.load_seconds / 2,
        )
        result = run_order(order)
        measured.values[metric] = result.per_second
        measured.failures[metric] = result.failure_count
        if count == 1:
            measured.values[_P50[0]] = result.p50_seconds * 1e3


def _fill_burst(measured: _Measured, address: tuple[str, int], request: Callable[[bytes], bytes]) -> None:
    result = _burst(address, request, _BURST_COUNT)
    measured.values[_BURST[0]] = result.seconds
    measured.failures[_BURST[0]] = result.failure_count


def _memory_of_one(
    address: tuple[str, int], request: Callable[[bytes], bytes], memory_mb: Callable[[], float], *, warm_up: bool = False
) -> float:
    """What twenty at once add to the one that is there, for each. Left to rest a moment, before and after."""
    if warm_up:
        _burst(address, request, 1)
    time.sleep(_PAUSE_SECONDS)
    before = memory_mb()
    result = _burst(address, request, _MEMORY_COUNT)
    if result.failure_count:
        raise RuntimeError(f"{result.failure_count} of {_MEMORY_COUNT} at once failed: {result.first_failure}")
    time.sleep(_PAUSE_SECONDS)
    return (memory_mb() - before) / (_MEMORY_COUNT - 1)


def _burst(address: tuple[str, int], request: Callable[[bytes], bytes], count: int) -> LoadResult:
    return run_order(LoadOrder(address=address, requests=(request(_SLEEPING),), connection_count=count, rounds=1))
