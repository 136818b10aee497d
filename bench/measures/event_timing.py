"""What is measured of asynchronous invocation wherever it is served: how soon an event begins, how fast many are accepted and run."""

import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from bench.http_messages import Response, parse_response, signed_request
from bench.load import run_event_load

HANDLER = """
import os, socket, time

def handler(event, context):
    started_at = time.time_ns()
    if "report" in event:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
            reports.sendto(str(started_at).encode(), ("127.0.0.1", event["report"]))
    if "count" in event:
        socket.create_connection(("127.0.0.1", event["count"])).close()
    if "wait" in event:
        with socket.create_connection(("127.0.0.1", event["wait"])) as gate:
            gate.recv(1)
    if "exit" in event:
        os._exit(1)
    return event
"""
_IDLE_EVENTS = 200
_SILENCE_SECONDS = 60.0
_BACKLOG = 4096
_RECEIVE_BYTES = 1 << 16
_POLL_SECONDS = 0.02


class Target(Protocol):
    """A server of Lambda's API. `client`: one of boto3's."""

    @property
    def address(self) -> tuple[str, int]: ...

    @property
    def client(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Run:
    """Of many events: how many were sent, accepted, run; seconds until the last was accepted, and run."""

    sent_count: int
    accepted_count: int
    run_count: int
    accept_seconds: float
    run_seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds until the handler of an event started: since its request was sent, and since its 202 was there (0: before that)."""

    since_request_ms: float
    since_answer_ms: float


def measure_delays(target: Target, name: str) -> Iterator[Delay]:
    """One event after the other, on one connection; each waits for the one before to have begun."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports,
        socket.create_connection(target.address, _SILENCE_SECONDS) as connection,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reports.bind(("127.0.0.1", 0))
        reports.settimeout(_SILENCE_SECONDS)
        request = signed_request(target.address, name, json.dumps({"report": reports.getsockname()[1]}).encode(), invocation_type="Event")
        for _ in range(_IDLE_EVENTS):
            sent_at = time.time_ns()
            connection.sendall(request)
            response = _receive(connection)
            answered_at = time.time_ns()
            if response.status != 202:
                raise RuntimeError(f"{name}: {response}")
            started_at = int(reports.recv(64))
            yield Delay((started_at - sent_at) / 1e6, max(started_at - answered_at, 0) / 1e6)


def _receive(connection: socket.socket) -> Response:
    received = b""
    while (response := parse_response(received)) is None:
        more = connection.recv(_RECEIVE_BYTES)
        if not more:
            raise RuntimeError("the connection was closed in the middle of an answer")
        received += more
    return response


def measure_run(target: Target, name: str, *, count: int, client_count: int) -> Run:
    """So many events by so many clients, as fast as they are accepted; returns when all have run, or when none did for a minute."""
    with _Counter() as counter:
        payload = json.dumps({"count": counter.port}).encode()
        rounds = math.ceil(count / client_count)
        started_at = time.monotonic()
        result = run_event_load(target.address, name, connection_count=client_count, rounds=rounds, seconds=3_600, payload=payload)
        if not result.answered_count:
            raise RuntimeError(f"{name}: no event was accepted{result.told_failure}")
        counter.wait_for(result.answered_count)
        return Run(
            sent_count=rounds * client_count,
            accepted_count=result.answered_count,
            run_count=counter.count,
            accept_seconds=result.seconds,
            run_seconds=counter.last_at - started_at,
        )


class _Counter:
    """Counts connections: each is an event that runs."""

    def __init__(self) -> None:
        self.count = 0
        self.last_at = time.monotonic()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._thread = threading.Thread(target=self._accept)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> "_Counter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # it wakes who accepts
        self._thread.join()
        self._listener.close()

    def wait_for(self, count: int) -> None:
        """Until so many came, or nobody for a minute."""
        while self.count < count and time.monotonic() - self.last_at < _SILENCE_SECONDS:
            time.sleep(_POLL_SECONDS)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.close()
            self.count += 1
            self.last_at = time.monotonic()
