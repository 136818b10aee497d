"""Warm synchronous invocations of a trivial handler, beside a bare HTTP echo with the same clients."""

from collections.abc import Iterator

from bench.figures import Figure, Limit
from bench.limits import started_echo_server
from bench.load import LoadResult, run_load
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = "def handler(event, context):\n    return event\n"
_BODY = b"{}"
_CLIENT_COUNTS = (8, 16)
_WHOLE_CORE = 0.9
_LIMIT = "bare uvloop + httptools echo"


def measure_warm(settings: BenchSettings) -> Iterator[Figure]:
    """One client: the time of an invocation; several: how many a second."""
    with started_platform() as platform, started_echo_server() as echo:
        name = platform.deploy("warm", _HANDLER)
        platform.wait_until_quiet()
        yield from _measure_one_client(platform, name, echo, settings)
        for count in _CLIENT_COUNTS:
            yield _measure_clients(platform, name, echo, settings, count)


def _measure_one_client(platform: Platform, name: str, echo: tuple[str, int], settings: BenchSettings) -> Iterator[Figure]:
    limit, result = _measure_both(platform, name, echo, settings, 1)
    rows = (
        ("p50", result.p50_seconds * 1e3, limit.p50_seconds * 1e3, "ms"),
        ("p99", result.p99_seconds * 1e3, limit.p99_seconds * 1e3, "ms"),
        ("rate", result.per_second, limit.per_second, "/s"),
    )
    for what, value, limit_value, unit in rows:
        row = f"warm invoke, 1 client: {what}"
        yield Figure(
            row=row,
            value=value,
            unit=unit,
            limit=Limit(limit_value, _LIMIT),
            promise=PROMISES.get(row),
            failure_count=result.failure_count,
            note=_note(result, limit) if what == "rate" else "",
        )


def _measure_clients(platform: Platform, name: str, echo: tuple[str, int], settings: BenchSettings, count: int) -> Figure:
    limit, result = _measure_both(platform, name, echo, settings, count)
    row = f"warm invoke, {count} clients: rate"
    return Figure(
        row=row,
        value=result.per_second,
        unit="/s",
        limit=Limit(limit.per_second, _LIMIT),
        promise=PROMISES.get(row),
        failure_count=result.failure_count,
        note=f"p50 {result.p50_seconds * 1e3:.2f} ms, p99 {result.p99_seconds * 1e3:.2f} ms; {_note(result, limit)}",
    )


def _measure_both(
    platform: Platform, name: str, echo: tuple[str, int], settings: BenchSettings, count: int
) -> tuple[LoadResult, LoadResult]:
    limit = run_load(echo, name, _BODY, connection_count=count, seconds=settings.load_seconds)
    if limit.failure_count:
        raise RuntimeError(f"the echo server does not answer: {limit.first_failure}")
    return limit, run_load(platform.address, name, _BODY, connection_count=count, seconds=settings.load_seconds)


def _note(result: LoadResult, limit: LoadResult) -> str:
    """What tells whether the generator was the limit: it reaches the echo's rate, and how busy it was."""
    busy = f"generator busy {result.generator_share:.0%} of a core (echo: {limit.generator_share:.0%})"
    if limit.generator_share > _WHOLE_CORE:
        busy += ", which is the generator's own limit and no more than a part of the echo server's"
    return f"{busy}; first failure: {result.first_failure}" if result.failure_count else busy
