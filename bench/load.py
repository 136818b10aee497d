"""Load on a server, from a process of its own: what to send, what came of it."""

import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.http_messages import signed_request

_DISTINCT_REQUESTS = 1000
_WARM_UP_SECONDS = 1.0
_TIMEOUT_SECONDS = 300.0
_ROOT = Path(__file__).parents[1]


class LoadOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the generator shall do: so many connections, each with one request in flight.

    `rounds`: how many requests each connection sends; None: as many as it can in `seconds`, after `warm_up_seconds` that do not count.
    `pause_seconds`: between an answer and the connection's next request. `wants_answer_times`: tell when each answer came.
    `comes_first`: before whatever else wants a processor, where that may be had: who takes times on a machine that is
    flooded shall not measure its own wait for a processor.
    An answer with another status than `expected_status` is a failure, and one whose body is not `expected_body`: each if it is not None.
    """

    address: tuple[str, int]
    requests: tuple[bytes, ...]
    connection_count: int
    expected_body: bytes | None = None
    expected_status: int | None = 200
    rounds: int | None = None
    seconds: float = 0.0
    warm_up_seconds: float = 0.0
    pause_seconds: float = 0.0
    wants_answer_times: bool = False
    comes_first: bool = False


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `first_failure` is the beginning of the first answer that was not as expected; `answer_seconds`: when each of the
    expected answers came, since the first connection was opened.
    """

    answered_count: int
    failure_count: int
    first_failure: str
    seconds: float
    cpu_seconds: float
    p50_seconds: float
    p99_seconds: float
    max_seconds: float
    answer_seconds: tuple[float, ...] = ()

    @property
    def per_second(self) -> float:
        """Successful answers."""
        return self.answered_count / self.seconds

    @property
    def told_failure(self) -> str:
        """For the end of a note; empty when there was none."""
        return f"; first failure: {self.first_failure}" if self.failure_count else ""

    @property
    def generator_share(self) -> float:
        """How much of one core the generator used: near 1, it is the generator that was measured."""
        return self.cpu_seconds / self.seconds


def together(results: Sequence[LoadResult]) -> LoadResult:
    """What came of one order in several turns; the percentiles are the turns' medians."""
    return msgspec.structs.replace(
        results[0],
        answered_count=sum(result.answered_count for result in results),
        failure_count=sum(result.failure_count for result in results),
        first_failure=next((result.first_failure for result in results if result.first_failure), ""),
        seconds=sum(result.seconds for result in results),
        cpu_seconds=sum(result.cpu_seconds for result in results),
        p50_seconds=statistics.median(result.p50_seconds for result in results),
        p99_seconds=statistics.median(result.p99_seconds for result in results),
        max_seconds=max(result.max_seconds for result in results),
    )


class RunningLoad:
    """A generator at work. Made by `start_load`; `result` waits for it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def result(self) -> LoadResult:
        """What came of it. RuntimeError when the generator has failed."""
        with self._process:
            answer, _ = self._process.communicate(timeout=_TIMEOUT_SECONDS)
        if self._process.returncode:
            raise RuntimeError(f"the load generator has ended with {self._process.returncode}")
        return msgspec.json.decode(answer, type=LoadResult)


def start_load(order: LoadOrder) -> RunningLoad:
    """Have an order carried out by a process of its own, meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.programs.load_generator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(order))
    process.stdin.close()
    process.stdin = None  # it is written already: communicate() shall not touch it
    return RunningLoad(process)


def run_order(order: LoadOrder) -> LoadResult:
    """Have an order carried out, and wait for it."""
    return start_load(order).result()


def order_load(
    address: tuple[str, int],
    function_name: str,
    expected_body: bytes | None,
    *,
    connection_count: int,
    seconds: float,
    expected_status: int | None = 200,
    pause_seconds: float = 0.0,
    comes_first: bool = False,
) -> LoadOrder:
    """Invoke for so many seconds, as fast as answers come, or after a pause."""
    return LoadOrder(
        address=address,
        requests=tuple(signed_request(address, function_name, b"{}") for _ in range(_DISTINCT_REQUESTS)),
        expected_body=expected_body,
        expected_status=expected_status,
        connection_count=connection_count,
        seconds=seconds,
        warm_up_seconds=min(_WARM_UP_SECONDS, seconds),
        pause_seconds=pause_seconds,
        comes_first=comes_first,
    )


def run_event_load(
    address: tuple[str, int], function_name: str, *, connection_count: int, rounds: int | None, seconds: float, payload: bytes = b"{}"
) -> LoadResult:
    """Have events accepted: each connection sends `rounds` of them, or as many as it can in so many seconds."""
    requests = tuple(signed_request(address, function_name, payload, invocation_type="Event") for _ in range(_DISTINCT_REQUESTS))
    order = LoadOrder(
        address=address,
        requests=requests,
        expected_body=b"",
        expected_status=202,
        connection_count=connection_count,
        rounds=rounds,
        seconds=seconds,
    )
    return run_order(order)


def order_burst(
    address: tuple[str, int], function_name: str, expected_body: bytes, *, connection_count: int, payload: bytes = b"{}"
) -> LoadOrder:
    """Invoke that many times at once, each on a connection of its own."""
    return LoadOrder(
        address=address,
        requests=tuple(signed_request(address, function_name, payload) for _ in range(connection_count)),
        expected_body=expected_body,
        connection_count=connection_count,
        rounds=1,
        wants_answer_times=True,
    )


def run_load(address: tuple[str, int], function_name: str, expected_body: bytes, *, connection_count: int, seconds: float) -> LoadResult:
    """Invoke for so many seconds, as fast as answers come, and wait for the end."""
    return run_order(order_load(address, function_name, expected_body, connection_count=connection_count, seconds=seconds))


def run_burst(address: tuple[str, int], function_name: str, expected_body: bytes, *, connection_count: int) -> LoadResult:
    """Invoke that many times at once, and wait for the last answer."""
    return run_order(order_burst(address, function_name, expected_body, connection_count=connection_count))
