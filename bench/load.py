"""Load on a server, from a process of its own: what to send, what came of it."""

import subprocess
import sys
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
    An answer whose body is not `expected_body` is a failure.
    """

    address: tuple[str, int]
    requests: tuple[bytes, ...]
    expected_body: bytes
    connection_count: int
    rounds: int | None = None
    seconds: float = 0.0
    warm_up_seconds: float = 0.0


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `first_failure` is the beginning of the first answer that was not as expected."""

    answered_count: int
    failure_count: int
    first_failure: str
    seconds: float
    cpu_seconds: float
    p50_seconds: float
    p99_seconds: float
    max_seconds: float

    @property
    def per_second(self) -> float:
        """Successful answers."""
        return self.answered_count / self.seconds

    @property
    def generator_share(self) -> float:
        """How much of one core the generator used: near 1, it is the generator that was measured."""
        return self.cpu_seconds / self.seconds


def run_load(address: tuple[str, int], function_name: str, expected_body: bytes, *, connection_count: int, seconds: float) -> LoadResult:
    """Invoke for so many seconds, as fast as answers come."""
    order = LoadOrder(
        address=address,
        requests=tuple(signed_request(address, function_name, b"{}") for _ in range(_DISTINCT_REQUESTS)),
        expected_body=expected_body,
        connection_count=connection_count,
        seconds=seconds,
        warm_up_seconds=min(_WARM_UP_SECONDS, seconds),
    )
    return _run(order)


def run_event_load(
    address: tuple[str, int], function_name: str, *, connection_count: int, rounds: int | None, seconds: float, payload: bytes = b"{}"
) -> LoadResult:
    """Have events accepted: each connection sends `rounds` of them, or as many as it can in so many seconds."""
    requests = tuple(signed_request(address, function_name, payload, invocation_type="Event") for _ in range(_DISTINCT_REQUESTS))
    order = LoadOrder(
        address=address, requests=requests, expected_body=b"", connection_count=connection_count, rounds=rounds, seconds=seconds
    )
    return _run(order)


def run_burst(address: tuple[str, int], function_name: str, expected_body: bytes, *, connection_count: int) -> LoadResult:
    """Invoke that many times at once, each on a connection of its own."""
    order = LoadOrder(
        address=address,
        requests=tuple(signed_request(address, function_name, b"{}") for _ in range(connection_count)),
        expected_body=expected_body,
        connection_count=connection_count,
        rounds=1,
    )
    return _run(order)


def _run(order: LoadOrder) -> LoadResult:
    done = subprocess.run(
        [sys.executable, "-m", "bench.programs.load_generator"],
        input=msgspec.json.encode(order),
        stdout=subprocess.PIPE,
        timeout=_TIMEOUT_SECONDS,
        check=True,
        cwd=_ROOT,
    )
    return msgspec.json.decode(done.stdout, type=LoadResult)
