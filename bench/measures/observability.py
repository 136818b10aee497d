"""What observing costs: warm invocations of a server that logs, counts, traces, audits and exports, beside one that does nothing of it.

Traced is what AWS traces with active tracing: the first request of a second and 5 % of the others. Invocations are not in the audit trail,
so both servers are asked something of the API meanwhile, as often as a busy deployment does.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator

from tests.support.otlp_collector import OtlpCollector

from bench.figures import Figure, Limit
from bench.load import run_load
from bench.promises import PROMISES
from bench.running_platform import Platform, started_platform
from bench.settings import BenchSettings

_HANDLER = "def handler(event, context):\n    return event\n"
_BODY = b"{}"
_CLIENT_COUNT = 8
_ROUNDS = 6
_API_CALL_EVERY_SECONDS = 0.05
_UNOBSERVED = (sys.executable, "-m", "bench.programs.unobserved")


def measure_observability(settings: BenchSettings) -> Iterator[Figure]:
    """Both run at the same time and are loaded in turn, so that what else the machine does meets both. The best of each counts."""
    with (
        OtlpCollector() as collector,
        started_platform("--otlp-endpoint", collector.url) as observed,
        started_platform(command=_UNOBSERVED) as unobserved,
    ):
        platforms = {"on": observed, "off": unobserved}
        modes = {"on": "Active", "off": "PassThrough"}
        names = {which: platforms[which].deploy("observed", _HANDLER, TracingConfig={"Mode": mode}) for which, mode in modes.items()}
        rates: dict[str, list[float]] = {"on": [], "off": []}
        for platform in platforms.values():
            platform.wait_until_quiet()
        failures = 0
        for _ in range(_ROUNDS):
            for which, platform in platforms.items():
                seconds = settings.load_seconds / _ROUNDS
                with _api_asked(platform, names[which]):
                    result = run_load(platform.address, names[which], _BODY, connection_count=_CLIENT_COUNT, seconds=seconds)
                rates[which].append(result.per_second)
                failures += result.failure_count
        with_all, without = max(rates["on"]), max(rates["off"])
    row = "warm invoke, 8 clients: rate with everything observed"
    yield Figure(row=row, value=with_all, unit="/s", limit=Limit(without, "nothing observed"), failure_count=failures)
    row = "warm invoke, in rates with nothing observed"
    yield Figure(row=row, value=with_all / without, unit="", limit=Limit(1.0, "nothing observed"), promise=PROMISES.get(row))


@contextlib.contextmanager
def _api_asked(platform: Platform, name: str) -> Iterator[None]:
    """Meanwhile somebody asks the API for a function, again and again."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(_API_CALL_EVERY_SECONDS):
            platform.client.get_function_configuration(FunctionName=name)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        is_over.set()
        asking.join()
