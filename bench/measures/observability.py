"""What observing costs: warm invocations of a server that logs, counts and exports, beside one that does nothing of it."""

import sys
from collections.abc import Iterator

from tests.support.otlp_collector import OtlpCollector

from bench.figures import Figure, Limit
from bench.load import run_load
from bench.promises import PROMISES
from bench.running_platform import started_platform
from bench.settings import BenchSettings

_HANDLER = "def handler(event, context):\n    return event\n"
_BODY = b"{}"
_CLIENT_COUNT = 8
_ROUNDS = 3
_UNOBSERVED = (sys.executable, "-m", "bench.programs.unobserved")


def measure_observability(settings: BenchSettings) -> Iterator[Figure]:
    """Both run at the same time and are loaded in turn, so that what else the machine does meets both. The best of each counts."""
    with (
        OtlpCollector() as collector,
        started_platform("--otlp-endpoint", collector.url) as observed,
        started_platform(command=_UNOBSERVED) as unobserved,
    ):
        platforms = {"on": observed, "off": unobserved}
        names = {which: platform.deploy("observed", _HANDLER) for which, platform in platforms.items()}
        rates: dict[str, list[float]] = {"on": [], "off": []}
        for platform in platforms.values():
            platform.wait_until_quiet()
        failures = 0
        for _ in range(_ROUNDS):
            for which, platform in platforms.items():
                result = run_load(
                    platform.address, names[which], _BODY, connection_count=_CLIENT_COUNT, seconds=settings.load_seconds / _ROUNDS
                )
                rates[which].append(result.per_second)
                failures += result.failure_count
        with_all, without = max(rates["on"]), max(rates["off"])
    row = "warm invoke, 8 clients: rate with everything observed"
    yield Figure(row=row, value=with_all, unit="/s", limit=Limit(without, "nothing observed"), failure_count=failures)
    row = "warm invoke, in rates with nothing observed"
    yield Figure(row=row, value=with_all / without, unit="", limit=Limit(1.0, "nothing observed"), promise=PROMISES.get(row))
