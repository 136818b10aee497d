"""Cold starts: the first Invoke of a function, from the request to the answer, one at a time, each when the platform has come to rest.

The limits are measured between them, so that whatever else goes on in the machine meets both alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from bench.figures import Figure, Limit, percentile
from bench.limits import exec_seconds, fork_seconds, import_seconds
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HEAVY_MODULE = "boto3"
_FORKS_AT_A_TIME = 5
_HANDLER = """
import time
started_at = time.perf_counter()
import {module}
import_seconds = time.perf_counter() - started_at
count = 0

def handler(event, context):
    global count
    count += 1
    return {{"count": count, "import_seconds": import_seconds}}
"""


class _Answer(msgspec.Struct, frozen=True):
    count: int
    import_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """`imports`: in the environments themselves; `bare_imports`: in interpreters without anything else."""

    starts: list[float]
    imports: list[float]
    bare_imports: list[float]
    forks: list[float]
    executions: list[float]


class NotCold(RuntimeError):
    """An environment that had been used before has answered."""


def measure_cold(settings: BenchSettings) -> Iterator[Figure]:
    """A trivial handler, and one with heavy imports."""
    count = settings.cold_start_count
    with started_platform() as platform:
        yield from _trivial_figures(_measure(platform, "sys", count))
        yield from _heavy_figures(_measure(platform, _HEAVY_MODULE, max(count // 3, 3)))


def _trivial_figures(measured: _Measured) -> Iterator[Figure]:
    for percent in (50, 90):
        row = f"cold start, trivial handler: p{percent}"
        yield Figure(
            row=row,
            value=percentile(measured.starts, percent) * 1e3,
            unit="ms",
            limit=Limit(percentile(measured.forks, percent) * 1e3, "fork, exit, wait of a small process"),
            promise=PROMISES.get(row),
            note=f"{len(measured.starts)} cold starts; exec of `python -c pass`: {percentile(measured.executions, percent) * 1e3:.1f} ms",
        )


def _heavy_figures(measured: _Measured) -> Iterator[Figure]:
    yield Figure(
        row=f"cold start, handler that imports {_HEAVY_MODULE}: p50",
        value=percentile(measured.starts, 50) * 1e3,
        unit="ms",
        limit=Limit(percentile(measured.bare_imports, 50) * 1e3, f"import {_HEAVY_MODULE} alone, in a bare interpreter"),
        note=f"{len(measured.starts)} cold starts",
    )
    beyond = [start - importing for start, importing in zip(measured.starts, measured.imports, strict=True)]
    row = "cold start, beyond the time of its imports: p50"
    yield Figure(
        row=row,
        value=percentile(beyond, 50) * 1e3,
        unit="ms",
        limit=Limit(percentile(measured.executions, 50) * 1e3, "exec of python -c pass"),
        promise=PROMISES.get(row),
        note=f"the imports took {percentile(measured.imports, 50) * 1e3:.1f} ms in the environment (p50)",
    )


def _measure(platform: Platform, module: str, count: int) -> _Measured:
    names = [platform.deploy(f"{module}-{number}", _HANDLER.format(module=module)) for number in range(count)]
    sandbox_count = len(platform.wait_until_quiet().sandboxes)
    measured = _Measured(starts=[], imports=[], bare_imports=[], forks=[], executions=[])
    with platform.connect() as connection:
        for started, name in enumerate(names):
            measured.forks.extend(fork_seconds(_FORKS_AT_A_TIME))
            measured.executions.extend(exec_seconds(1))
            measured.bare_imports.extend(import_seconds(module, 1))
            platform.wait_until_quiet(sandbox_count=sandbox_count + started)
            seconds, body = connection.invoke(name)
            answer = msgspec.json.decode(body, type=_Answer)
            if answer.count != 1:
                raise NotCold(f"{name} answered {answer}")
            measured.starts.append(seconds)
            measured.imports.append(answer.import_seconds)
    return measured
