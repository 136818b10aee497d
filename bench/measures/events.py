"""Asynchronous invocation: how fast events are accepted, begun and worked off, beside the disk and synchronous invocation."""

import json
import math
import os
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.figures import Figure, Limit, percentile
from bench.load import run_event_load, run_load
from bench.measures.store import file_writes_per_second
from bench.running_platform import Platform, started_platform, temporary_directory
from bench.settings import BenchSettings

_HANDLER = """
import socket, time

def handler(event, context):
    started_at = time.time_ns()
    if "report" in event:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
            reports.sendto(str(started_at).encode(), ("127.0.0.1", event["report"]))
    if "wait" in event:
        with socket.create_connection(("127.0.0.1", event["wait"])) as gate:
            gate.recv(1)
    return event
"""
_EVENT_BYTES = 400
"""About what an event of two bytes is in the store, with all that belongs to it."""
_IDLE_EVENTS = 200
_CLIENTS = 16
_POLL_SECONDS = 0.2
_SILENCE_SECONDS = 60.0
_WRITES = f"write + fdatasync of {_EVENT_BYTES} bytes"


@dataclass
class Drain:
    """How a backlog was worked off."""

    count: int
    seconds: float = 0.0
    memory_mb: list[float] = field(default_factory=list)


def measure_events(settings: BenchSettings) -> Iterator[Figure]:
    """Accepted means on the disk."""
    with started_platform() as platform:
        name = platform.deploy("events", _HANDLER, Timeout=900)
        platform.wait_until_quiet()
        yield from _measure_idle(platform, name, settings)
        with _Gate(platform, name) as gate:
            yield from _measure_acceptance(platform, name, settings)
            yield from _measure_drain(platform, name, settings, gate)


def _measure_idle(platform: Platform, name: str, settings: BenchSettings) -> Iterator[Figure]:
    limit = run_load(platform.address, name, b"{}", connection_count=1, seconds=settings.load_seconds)
    delays = list(_delays_ms(platform, name))
    rows = (("p50", percentile(delays, 50), limit.p50_seconds), ("p99", percentile(delays, 99), limit.p99_seconds))
    for what, value, limit_seconds in rows:
        yield Figure(
            row=f"events: from 202 to the handler's start: {what}",
            value=value,
            unit="ms",
            limit=Limit(limit_seconds * 1e3, "a warm synchronous invocation, whole"),
        )


def _delays_ms(platform: Platform, name: str) -> Iterator[float]:
    """One event after the other; each waits for the one before to have begun."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
        reports.bind(("127.0.0.1", 0))
        reports.settimeout(_SILENCE_SECONDS)
        payload = json.dumps({"report": reports.getsockname()[1]}).encode()
        for _ in range(_IDLE_EVENTS):
            platform.client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
            accepted_at = time.time_ns()
            yield max(int(reports.recv(64)) - accepted_at, 0) / 1e6


class _Gate:
    """One event takes the only place of the function and keeps it until `open`."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform = platform
        self._name = name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._waiting: socket.socket | None = None

    def __enter__(self) -> "_Gate":
        self._platform.client.put_function_concurrency(FunctionName=self._name, ReservedConcurrentExecutions=1)
        payload = json.dumps({"wait": self._listener.getsockname()[1]}).encode()
        self._platform.client.invoke(FunctionName=self._name, InvocationType="Event", Payload=payload)
        self._listener.settimeout(_SILENCE_SECONDS)
        self._waiting, _ = self._listener.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self.open()
        self._listener.close()

    def open(self) -> None:
        """Let the events run, as many at once as may be."""
        if self._waiting is not None:
            self._platform.client.delete_function_concurrency(FunctionName=self._name)
            self._waiting.close()
            self._waiting = None


def _measure_acceptance(platform: Platform, name: str, settings: BenchSettings) -> Iterator[Figure]:
    for count in (1, _CLIENTS):
        with temporary_directory() as directory:
            limit = file_writes_per_second(directory, os.urandom(_EVENT_BYTES), settings.load_seconds / 2)
        result = run_event_load(platform.address, name, connection_count=count, rounds=None, seconds=settings.load_seconds)
        yield Figure(
            row=f"events accepted, {count} client{'s' if count > 1 else ''}: rate",
            value=result.per_second,
            unit="/s",
            limit=Limit(limit, _WRITES),
            failure_count=result.failure_count,
            note=f"p50 {result.p50_seconds * 1e3:.2f} ms, p99 {result.p99_seconds * 1e3:.2f} ms; first failure: {result.first_failure!r}",
        )


def _measure_drain(platform: Platform, name: str, settings: BenchSettings, gate: _Gate) -> Iterator[Figure]:
    before_mb = platform.node_memory_mb()
    missing = settings.event_count - platform.read_queue(name)["depth"]
    filled = run_event_load(platform.address, name, connection_count=64, rounds=max(math.ceil(missing / 64), 1), seconds=3_600)
    drain = _drain(platform, name, gate)
    limit = run_load(platform.address, name, b"{}", connection_count=_CLIENTS, seconds=settings.load_seconds)
    yield Figure(
        row="events: a backlog worked off: rate",
        value=drain.count / drain.seconds,
        unit="/s",
        limit=Limit(limit.per_second, f"warm synchronous invocations, {_CLIENTS} clients"),
        failure_count=filled.failure_count,
        note=f"{drain.count} events in {drain.seconds:.1f} s; accepted by 64 clients at {filled.per_second:,.0f} /s",
    )
    yield Figure(
        row="events: memory of the node, at most, with the backlog",
        value=max(drain.memory_mb),
        unit="MB",
        limit=Limit(before_mb, "before the backlog came"),
        note=f"median {statistics.median(drain.memory_mb):.1f} MB",
    )


def _drain(platform: Platform, name: str, gate: _Gate) -> Drain:
    before = platform.read_queue(name)
    drain = Drain(count=before["depth"], memory_mb=[platform.node_memory_mb()])
    gate.open()
    started_at = time.perf_counter()
    while (queue := platform.read_queue(name))["delivered"] < before["delivered"] + drain.count:
        if queue["failed"]:
            raise RuntimeError(f"events failed: {queue}")
        drain.memory_mb.append(platform.node_memory_mb())
        time.sleep(_POLL_SECONDS)
    drain.seconds = time.perf_counter() - started_at
    return drain
