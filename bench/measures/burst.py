"""Many cold environments at once, and the memory that each takes."""

from collections.abc import Iterator
from statistics import fmean

from bench.figures import Figure, Limit
from bench.limits import forked_child_mb, sleepers_seconds
from bench.load import LoadResult, run_burst
from bench.processes import read_pss_mb
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_ANSWERED_ROW = "burst of cold environments, 2 s each: all answered"
_FIRST_ROW = "burst of cold environments, 2 s each, the first since the machine was idle"
_MEMORY_ROW = "memory of an environment (PSS)"
_HANDLER_SECONDS = 2
_HANDLER = f"import time\ndef handler(event, context):\n    time.sleep({_HANDLER_SECONDS})\n    return event\n"
_BODY = b"{}"
_MEASURED_CHILDREN_MAX = 100

_WRITTEN_MB = 6.0
"""What an environment writes to, about. On a virtual machine whose host takes free memory back that alone may take seconds."""


def measure_burst(settings: BenchSettings) -> Iterator[Figure]:
    """Time from the first connection to the last answer; memory when all have answered and still are there, warm.

    Twice, each time of a server that has just been started: the second finds the memory that the first one had to be given by the host.
    Whoever waits for an environment takes one that has become free meanwhile: there are fewer environments than invocations.
    """
    count = settings.environment_count
    limit_seconds = sleepers_seconds(count, _HANDLER_SECONDS)
    with started_platform() as platform:
        _, result = _run(platform, count)
        # After the burst, whose environments stay: what they write to must not be there already, nor be there for them.
        writers_seconds = sleepers_seconds(count, _HANDLER_SECONDS, megabytes=_WRITTEN_MB)
    yield Figure(
        row=_FIRST_ROW,
        value=result.seconds,
        unit="s",
        limit=Limit(writers_seconds, f"{count} forked processes that write to {_WRITTEN_MB:.0f} MB each and sleep {_HANDLER_SECONDS} s"),
        failure_count=result.failure_count,
        note=f"p50 {result.p50_seconds:.2f} s{result.told_failure}",
    )
    limit_mb = forked_child_mb(min(count, _MEASURED_CHILDREN_MAX))
    with started_platform() as platform:
        spare_count, result = _run(platform, count)
        yield Figure(
            row=_ANSWERED_ROW,
            value=result.seconds,
            unit="s",
            limit=Limit(limit_seconds, f"{count} forked processes that sleep {_HANDLER_SECONDS} s"),
            promise=PROMISES.get(_ANSWERED_ROW),
            failure_count=result.failure_count,
            note=f"{count} at once; p50 {result.p50_seconds:.2f} s{result.told_failure}",
        )
        taken = sorted(map(read_pss_mb, platform.wait_until_quiet().sandboxes), reverse=True)
    environments = taken[: len(taken) - spare_count]
    yield Figure(
        row=_MEMORY_ROW,
        value=fmean(environments),
        unit="MB",
        limit=Limit(limit_mb, "forked child that does nothing"),
        promise=PROMISES.get(_MEMORY_ROW),
        note=f"mean of {len(environments)}, process 1 and runtime together; the largest {environments[0]:.2f} MB",
    )


def _run(platform: Platform, count: int) -> tuple[int, LoadResult]:
    """How many spare sandboxes there were, in which nothing has run yet, and how the burst went."""
    name = platform.deploy("burst", _HANDLER)
    spare_count = len(platform.wait_until_quiet().sandboxes)
    return spare_count, run_burst(platform.address, name, _BODY, connection_count=count)
