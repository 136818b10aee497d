"""Sends requests and takes the time: a `LoadOrder` on stdin, a `LoadResult` on stdout.

Sockets and epoll by hand, requests made beforehand, no collection of garbage: about 10 µs of CPU a request, so that what is measured is the
server. It tells its own CPU time, so that anyone can see whether that was so.
"""

import contextlib
import gc
import itertools
import os
import resource
import select
import socket
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator

import msgspec

from bench.figures import percentile
from bench.http_messages import Response, parse_response
from bench.load import LoadOrder, LoadResult

_SILENCE_SECONDS = 60.0
_RECEIVE_BYTES = 1 << 16
_FAILURE_TEXT_BYTES = 500
_FIRST_NICENESS = -20


class _Client:
    """One connection and its request in flight."""

    __slots__ = ("is_done", "received", "remaining", "sent_at", "socket")

    def __init__(self, address: tuple[str, int], rounds: int | None) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.remaining = rounds
        self.sent_at = 0.0
        self.is_done = False

    def send(self, request: bytes) -> None:
        self.is_done = False
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def wants_more(self) -> bool:
        if self.remaining is None:
            return True
        self.remaining -= 1
        return self.remaining > 0


class _Generator:
    """Connections stay from phase to phase; what is counted begins anew with each."""

    def __init__(self, order: LoadOrder) -> None:
        self._order = order
        self._requests: Iterator[bytes] = itertools.cycle(order.requests)
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._pausing: deque[tuple[float, _Client]] = deque()
        self._begin()

    def run(self) -> LoadResult:
        if self._order.warm_up_seconds:
            self._run_phase(self._order.warm_up_seconds)
            self._begin()
        cpu_before = _own_cpu_seconds()
        seconds = self._run_phase(self._order.seconds)
        latencies = self._latencies or array("d", [0.0])
        return LoadResult(
            answered_count=len(self._latencies),
            failure_count=self._failure_count,
            first_failure=self._first_failure,
            seconds=seconds,
            cpu_seconds=_own_cpu_seconds() - cpu_before,
            p50_seconds=percentile(latencies, 50),
            p99_seconds=percentile(latencies, 99),
            max_seconds=max(latencies),
            answer_seconds=tuple(self._answer_seconds),
        )

    def _begin(self) -> None:
        self._latencies = array("d")
        self._answer_seconds: list[float] = []
        self._failure_count = 0
        self._first_failure = ""

    def _run_phase(self, seconds: float) -> float:
        """Run until the time is over and every request has its answer; how long that took."""
        started_at = self._started_at = time.perf_counter()
        self._deadline = started_at + seconds
        for number, client in enumerate(list(self._clients.values())):
            self._send_first(client, number)
        while len(self._clients) < self._order.connection_count:
            self._send_first(self._open_client(), len(self._clients) - 1)
        self._in_flight = len(self._clients)
        while self._in_flight:
            events = self._epoll.poll(self._resume())
            if not events and not self._pausing:
                self._fail(f"no answer for {_SILENCE_SECONDS} s", count=self._in_flight)
                break
            for descriptor, _ in events:
                self._receive(self._clients[descriptor])
        return time.perf_counter() - started_at

    def _open_client(self) -> _Client:
        client = _Client(self._order.address, self._order.rounds)
        self._clients[client.socket.fileno()] = client
        self._epoll.register(client.socket.fileno(), select.EPOLLIN)
        return client

    def _send_first(self, client: _Client, number: int) -> None:
        """Those that pause do so one after the other: all at once would stay all at once, since their pauses are alike."""
        pause_seconds = self._order.pause_seconds
        if pause_seconds:
            self._pausing.append((self._started_at + pause_seconds * number / self._order.connection_count, client))
        else:
            client.send(next(self._requests))

    def _receive(self, client: _Client) -> None:
        data = b""
        with contextlib.suppress(ConnectionError):
            data = client.socket.recv(_RECEIVE_BYTES)
        if not data and client.is_done:
            self._forget(client)  # an idle connection that the server has had enough of
            return
        if not data:
            self._fail("the connection was closed: " + client.received.decode("latin-1"))
            self._lose(client)
            return
        client.received += data
        response = parse_response(client.received)
        if response is None:
            return
        now = time.perf_counter()
        if self._is_expected(response):
            self._latencies.append(now - client.sent_at)
            if self._order.wants_answer_times:
                self._answer_seconds.append(now - self._started_at)
        else:
            self._fail(client.received.decode("latin-1"))
        client.received = b""
        if client.wants_more() and (self._order.rounds is not None or now < self._deadline):
            if self._order.pause_seconds:
                self._pausing.append((now + self._order.pause_seconds, client))
            else:
                client.send(next(self._requests))
        else:
            client.is_done = True
            self._in_flight -= 1

    def _resume(self) -> float:
        """Let those send whose pause is over; seconds until that is so for the next one."""
        while self._pausing:
            seconds = self._pausing[0][0] - time.perf_counter()
            if seconds > 0:
                return seconds
            self._pausing.popleft()[1].send(next(self._requests))
        return _SILENCE_SECONDS

    def _is_expected(self, response: Response) -> bool:
        order = self._order
        if order.expected_status is not None and response.status != order.expected_status:
            return False
        if order.expected_status == 200 and not response.is_success:
            return False
        return order.expected_body is None or response.body.strip() == order.expected_body

    def _lose(self, client: _Client) -> None:
        """The others go on: to connect again at once would only flood a server that is in trouble already."""
        self._forget(client)
        self._pausing = deque(pausing for pausing in self._pausing if pausing[1] is not client)
        self._in_flight -= 1

    def _forget(self, client: _Client) -> None:
        descriptor = client.socket.fileno()
        self._epoll.unregister(descriptor)
        del self._clients[descriptor]
        client.socket.close()

    def _fail(self, text: str, *, count: int = 1) -> None:
        self._failure_count += count
        self._first_failure = self._first_failure or text[:_FAILURE_TEXT_BYTES]


def _own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the order, carry it out, tell the result."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=LoadOrder)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if order.comes_first:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, _FIRST_NICENESS)
    gc.disable()
    sys.stdout.buffer.write(msgspec.json.encode(_Generator(order).run()))


if __name__ == "__main__":
    main()
