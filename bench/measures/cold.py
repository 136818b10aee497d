"""Cold starts: the first Invoke of a function, from the request to the answer, one at a time, each when the platform has come to rest."""

from collections.abc import Iterator

from bench.figures import Figure, Limit, Promise, percentile
from bench.limits import exec_seconds, fork_seconds, import_seconds
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n"
_HEAVY_MODULE = "boto3"
_FIRST = b"1"


class NotCold(RuntimeError):
    """An environment that had been used before has answered."""


def measure_cold(settings: BenchSettings) -> Iterator[Figure]:
    """A trivial handler, and one with heavy imports."""
    count = settings.cold_start_count
    forks, executions = fork_seconds(count), exec_seconds(count)
    with started_platform() as platform:
        yield from _measure_trivial(_cold_starts(platform, "trivial", _HANDLER, count), forks, executions)
        heavy_count = max(count // 3, 3)
        imports = import_seconds(_HEAVY_MODULE, heavy_count)
        heavy = _cold_starts(platform, "heavy", f"import {_HEAVY_MODULE}\n{_HANDLER}", heavy_count)
        yield from _measure_heavy(heavy, imports, executions)


def _measure_trivial(starts: list[float], forks: list[float], executions: list[float]) -> Iterator[Figure]:
    for percent, promise in ((50, Promise(below=10)), (90, None)):
        yield Figure(
            row=f"cold start, trivial handler: p{percent}",
            value=percentile(starts, percent) * 1e3,
            unit="ms",
            limit=Limit(percentile(forks, percent) * 1e3, "fork, exit, wait of a small process"),
            promise=promise,
            note=f"{len(starts)} cold starts; exec of `python -c pass`: {percentile(executions, percent) * 1e3:.1f} ms",
        )


def _measure_heavy(starts: list[float], imports: list[float], executions: list[float]) -> Iterator[Figure]:
    start, importing = percentile(starts, 50) * 1e3, percentile(imports, 50) * 1e3
    yield Figure(
        row=f"cold start, handler that imports {_HEAVY_MODULE}: p50",
        value=start,
        unit="ms",
        limit=Limit(importing, f"import {_HEAVY_MODULE} alone"),
        note=f"{len(starts)} cold starts",
    )
    yield Figure(
        row="cold start, over the time of the imports: p50",
        value=start - importing,
        unit="ms",
        limit=Limit(percentile(executions, 50) * 1e3, "exec of python -c pass"),
        promise=Promise(below=30),
    )


def _cold_starts(platform: Platform, prefix: str, source: str, count: int) -> list[float]:
    names = [platform.deploy(f"{prefix}-{number}", source) for number in range(count)]
    spare_count = len(platform.wait_until_quiet().spares)
    durations = []
    with platform.connect() as connection:
        for name in names:
            platform.wait_until_quiet(spare_count=spare_count)
            seconds, body = connection.invoke(name)
            if body != _FIRST:
                raise NotCold(f"{name} answered {body!r}")
            durations.append(seconds)
    return durations
