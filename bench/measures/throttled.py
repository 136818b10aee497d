"""What a throttled request costs: the decision, and the whole answer beside a bare echo's."""

import time
from collections.abc import Callable, Iterator
from statistics import median

from alonzo.clock import SystemClock
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.model.concurrency import AccountLimits, FunctionLimits
from bench.figures import Figure, Limit
from bench.limits import started_echo_server
from bench.load import LoadResult, order_load, run_order
from bench.promises import PROMISES
from bench.running_platform import started_platform
from bench.settings import BenchSettings
from bench.versions import a_version

_LATENCY_ROW = "throttled invoke, 1 client: p50"
_EACH_ROW = "throttled invoke, 8 clients: time for each"
_TRIVIAL = "def handler(event, context):\n    return event\n"
_ACCOUNT_LIMIT = 1_000
_REPETITIONS, _CALLS = 20, 5_000
_OK, _TOO_MANY = 200, 429
_LIMIT = "bare uvloop + httptools echo"


def measure_throttled(settings: BenchSettings) -> Iterator[Figure]:
    """Of a function of which nothing may run at all: every request is refused."""
    yield Figure(
        row="throttled invoke: the decision alone",
        value=_microseconds(_refusal()),
        unit="µs",
        limit=Limit(_microseconds(lambda: None), "a call of a function that does nothing"),
    )
    with started_platform() as platform, started_echo_server() as echo:
        name = platform.deploy("throttled", _TRIVIAL)
        platform.reserve(name, 0)
        platform.wait_until_quiet()
        for row, count, duration in ((_LATENCY_ROW, 1, _p50_us), (_EACH_ROW, 8, _each_us)):
            limit, result = (
                run_order(order_load(address, name, None, connection_count=count, seconds=settings.load_seconds, expected_status=status))
                for address, status in ((echo, _OK), (platform.address, _TOO_MANY))
            )
            yield Figure(
                row=row,
                value=duration(result),
                unit="µs",
                limit=Limit(duration(limit), _LIMIT),
                promise=PROMISES.get(row),
                failure_count=result.failure_count,
                note=f"{result.per_second:,.0f} refused a second{result.told_failure}",
            )


def _refusal() -> Callable[[], None]:
    version = a_version("throttled")
    admission = Admission(account_limit=_ACCOUNT_LIMIT, clock=SystemClock())
    limits = {version.name: FunctionLimits(reserved=0, provisioned_counts={})}
    admission.configure(version.scope, AccountLimits(unreserved_count=_ACCOUNT_LIMIT, functions=limits))

    def refuse() -> None:
        try:
            admission.acquire(version)
        except Throttled:
            return
        raise RuntimeError("an invocation was let in that should not be")

    return refuse


def _microseconds(operation: Callable[[], None]) -> float:
    """Of one call: the median of many rounds."""
    rounds = []
    for _ in range(_REPETITIONS):
        started_at = time.perf_counter()
        for _ in range(_CALLS):
            operation()
        rounds.append((time.perf_counter() - started_at) / _CALLS)
    return median(rounds) * 1e6


def _p50_us(result: LoadResult) -> float:
    return result.p50_seconds * 1e6


def _each_us(result: LoadResult) -> float:
    return 1e6 / result.per_second
