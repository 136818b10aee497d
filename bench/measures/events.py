"""Asynchronous invocation: how fast events are accepted, begun and worked off, beside the disk, synchronous invocation, and a peer."""

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
from bench.measures.event_timing import HANDLER, Delay, Run, measure_delays, measure_run
from bench.measures.store import file_writes_per_second
from bench.peers.api import started_api_peer
from bench.peers.catalog import MINISTACK
from bench.peers.install import is_installed
from bench.running_platform import Platform, started_platform, temporary_directory
from bench.settings import BenchSettings

_EVENT_BYTES = 400
"""About what an event of two bytes is in the store, with all that belongs to it."""
_CLIENT_COUNTS = (1, 16, 64)
_CLIENTS = 16
_RUN_EVENTS = 2_000
_POISONED_EVENTS = 1_000
_POLL_SECONDS = 0.1
_SILENCE_SECONDS = 60.0
_WRITES = f"write + fdatasync of {_EVENT_BYTES} bytes"
_DELAY = "events: from 202 to the handler's start"
_WHOLE_DELAY = "events: from the request to the handler's start"
_ACCEPTED_WHILE_RUN = f"events accepted while they are run, {_CLIENTS} clients: rate"
_RUN = f"events accepted and run, {_CLIENTS} clients: rate"
_OURS = "Alonzo, in this run"


@dataclass
class _Drain:
    """How a backlog was worked off."""

    count: int
    seconds: float = 0.0
    memory_mb: list[float] = field(default_factory=list)


def measure_events(settings: BenchSettings) -> Iterator[Figure]:
    """Accepted means on the disk; with a peer it means what the peer takes it to mean."""
    compared: dict[str, Figure] = {}
    with started_platform() as platform:
        name = platform.deploy("events", HANDLER, Timeout=900)
        platform.wait_until_quiet()
        for figure in (*_measure_idle(platform, name, settings), *_measure_run(platform, name, settings)):
            compared[figure.row] = figure
            yield figure
        with _Gate(platform, name) as gate:
            yield from _measure_acceptance(platform, name, settings)
            yield from _measure_drain(platform, name, settings, gate)
        yield _measure_poison(platform, name)
    if is_installed(MINISTACK):
        yield from _measure_peer(compared)


def _measure_idle(platform: Platform, name: str, settings: BenchSettings) -> Iterator[Figure]:
    limit = run_load(platform.address, name, b"{}", connection_count=1, seconds=settings.load_seconds)
    limits = {"p50": limit.p50_seconds * 1e3, "p99": limit.p99_seconds * 1e3}
    for row, value in _delay_rows(list(measure_delays(platform, name))):
        yield Figure(row=row, value=value, unit="ms", limit=Limit(limits[row[-3:]], "a warm synchronous invocation, whole"))


def _delay_rows(delays: list[Delay]) -> Iterator[tuple[str, float]]:
    for percent in (50, 99):
        yield f"{_WHOLE_DELAY}: p{percent}", percentile([delay.since_request_ms for delay in delays], percent)
        yield f"{_DELAY}: p{percent}", percentile([delay.since_answer_ms for delay in delays], percent)


def _measure_run(platform: Platform, name: str, settings: BenchSettings) -> Iterator[Figure]:
    limit = run_load(platform.address, name, b"{}", connection_count=_CLIENTS, seconds=settings.load_seconds)
    run = measure_run(platform, name, count=_RUN_EVENTS, client_count=_CLIENTS)
    hint = "" if is_installed(MINISTACK) else "MiniStack is not there to compare: `make bench-peers` installs it"
    for row, value in _rates(run):
        yield Figure(
            row=row,
            value=value,
            unit="/s",
            limit=Limit(limit.per_second, f"warm synchronous invocations, {_CLIENTS} clients"),
            failure_count=run.sent_count - run.run_count,
            note=f"{run.run_count} events run{f'; {hint}' if hint else ''}" if row == _RUN else "",
        )


def _rates(run: Run) -> tuple[tuple[str, float], ...]:
    return (_ACCEPTED_WHILE_RUN, run.accepted_count / run.accept_seconds), (_RUN, run.run_count / run.run_seconds)


def _measure_peer(compared: dict[str, Figure]) -> Iterator[Figure]:
    with started_api_peer(MINISTACK) as peer:
        name = peer.deploy("events", HANDLER)
        peer.client.invoke(FunctionName=name, Payload=b"{}")
        delay_rows = list(_delay_rows(list(measure_delays(peer, name))))
        run = measure_run(peer, name, count=_RUN_EVENTS, client_count=_CLIENTS)
    for row, value in (*delay_rows, *_rates(run)):
        ours = compared[row]
        missing = run.sent_count - run.run_count if row == _RUN else 0
        note = f"{run.accepted_count} of {run.sent_count} events accepted, {run.run_count} run" if row == _RUN else ""
        yield Figure(
            row=f"{peer.name}: {row}", value=value, unit=ours.unit, limit=Limit(ours.value, _OURS), failure_count=missing, note=note
        )


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
    for count in _CLIENT_COUNTS:
        with temporary_directory() as directory:
            limit = file_writes_per_second(directory, os.urandom(_EVENT_BYTES), settings.load_seconds / 2)
        result = run_event_load(platform.address, name, connection_count=count, rounds=None, seconds=settings.load_seconds)
        yield Figure(
            row=f"events accepted, {count} client{'s' if count > 1 else ''}: rate",
            value=result.per_second,
            unit="/s",
            limit=Limit(limit, _WRITES),
            failure_count=result.failure_count,
            note=f"p50 {result.p50_seconds * 1e3:.2f} ms, p99 {result.p99_seconds * 1e3:.2f} ms"
            + (f"; first failure: {result.first_failure}" if result.failure_count else ""),
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


def _drain(platform: Platform, name: str, gate: _Gate, *, poison_count: int = 0) -> _Drain:
    before = platform.read_queue(name)
    drain = _Drain(count=before["depth"] - poison_count, memory_mb=[platform.node_memory_mb()])
    gate.open()
    started_at = time.perf_counter()
    while (queue := platform.read_queue(name))["delivered"] < before["delivered"] + drain.count:
        if queue["failed"] > before["failed"]:
            raise RuntimeError(f"events failed: {queue}")
        drain.memory_mb.append(platform.node_memory_mb())
        time.sleep(_POLL_SECONDS)
    drain.seconds = time.perf_counter() - started_at
    return drain


def _measure_poison(platform: Platform, name: str) -> Figure:
    """The event that kills its process is the first one: it is being tried when the others begin."""
    seconds = []
    for poison_count in (0, 1):
        with _Gate(platform, name) as gate:
            for _ in range(poison_count):
                platform.client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"exit": 1}')
            run_event_load(platform.address, name, connection_count=1, rounds=_POISONED_EVENTS, seconds=3_600)
            seconds.append(_drain(platform, name, gate, poison_count=poison_count).seconds)
    return Figure(
        row=f"events: {_POISONED_EVENTS:,} beside one that kills its process",
        value=seconds[1],
        unit="s",
        limit=Limit(seconds[0], "the same without it"),
    )
