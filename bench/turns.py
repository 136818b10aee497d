"""Two ways to ask a server, in turn: what else the machine does meets both."""

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure, Limit
from bench.load import LoadOrder, LoadResult, run_order, together
from bench.settings import BenchSettings

_ROUNDS = 8
_WARM_UP_SECONDS = 0.5
_CLIENT_COUNTS = (1, 8, 64)
_WRK_CONNECTIONS = (64, 256)
_WRK_SECONDS = 1
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
_NOT_ANSWERED = re.compile(r"^\s+(Non-2xx or 3xx responses: \d+|Socket errors: .*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Way:
    """A request, and the body that it is answered with."""

    request: bytes
    body: bytes


def compare_ways(address: tuple[str, int], name: str, way: Way, direct: Way, settings: BenchSettings) -> Iterator[Figure]:
    """Requests a second of `way`, called `name`, beside those of `direct`, an Invoke of the same function; by wrk, too, if it is there."""
    for count in _CLIENT_COUNTS:
        limit, result = _load_in_turn([_order(address, each, count, settings) for each in (direct, way)])
        yield Figure(
            row=f"{name}, {count} client{'' if count == 1 else 's'}: rate",
            value=result.per_second,
            unit="/s",
            limit=Limit(limit.per_second, "direct Invoke"),
            failure_count=result.failure_count + limit.failure_count,
            note=f"p50 {result.p50_seconds * 1e3:.2f} ms, direct {limit.p50_seconds * 1e3:.2f} ms{result.told_failure}",
        )
    if shutil.which("wrk") is not None:
        for count in _WRK_CONNECTIONS:
            yield _compare_by_wrk(address, name, (direct, way), count, settings)


def _order(address: tuple[str, int], way: Way, count: int, settings: BenchSettings) -> LoadOrder:
    return LoadOrder(
        address=address,
        requests=(way.request,),
        expected_body=way.body,
        connection_count=count,
        seconds=settings.load_seconds / _ROUNDS * 2,
        warm_up_seconds=_WARM_UP_SECONDS,
    )


def _load_in_turn(orders: Sequence[LoadOrder]) -> list[LoadResult]:
    """What came of each order in all rounds together; the percentiles are the rounds' medians."""
    results: list[list[LoadResult]] = [[] for _ in orders]
    for _ in range(_ROUNDS):
        for own, order in zip(results, orders, strict=True):
            own.append(run_order(order))
    return [together(own) for own in results]


def _compare_by_wrk(address: tuple[str, int], name: str, ways: tuple[Way, Way], count: int, settings: BenchSettings) -> Figure:
    run_order(_order(address, ways[0], count, settings))  # so many environments are there: wrk has no warm-up
    rates: tuple[list[float], list[float]] = ([], [])
    troubles = []
    for _ in range(_ROUNDS):
        for own, way in zip(rates, ways, strict=True):
            rate, trouble = _run_wrk(address, way, count)
            own.append(rate)
            troubles.append(trouble)
    direct, result = (statistics.mean(own) for own in rates)
    return Figure(
        row=f"{name}, wrk with {count} connections: rate",
        value=result,
        unit="/s",
        limit=Limit(direct, "direct Invoke"),
        failure_count=sum(1 for trouble in troubles if trouble),
        note="; ".join(trouble for trouble in troubles if trouble),
    )


def _run_wrk(address: tuple[str, int], way: Way, count: int) -> tuple[float, str]:
    host, port = address
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "request.lua"
        message = "".join(f"\\{byte:03d}" for byte in way.request)
        script.write_text(f'local message = "{message}"\nfunction request() return message end\n')
        command = ["wrk", "-t1", f"-c{count}", f"-d{_WRK_SECONDS}s", "-s", str(script), f"http://{host}:{port}/"]
        report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found = _RATE.search(report)
    if found is None:
        raise RuntimeError(f"wrk has said no rate: {report}")
    return float(found[1]), "; ".join(line.strip() for line in _NOT_ANSWERED.findall(report))
