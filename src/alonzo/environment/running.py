"""The invocations that an environment has taken on, and the runtime's requests for more: who meets whom, and in which order."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from alonzo.environment.runtime_api import RuntimeApiConnection
from alonzo.errors import AlonzoError
from alonzo.model.invocation import Invocation, InvocationResult


@dataclass(slots=True, eq=False)
class RunningInvocation:
    """One, from the moment it is given to the environment until it is answered.

    `spent_seconds` of its time have gone before, into an INIT that was part of it. `expires_at` is in the event loop's seconds,
    `started_at` in the clock's, from when the runtime has it.
    """

    invocation: Invocation
    request_id: bytes
    timeout_seconds: float
    spent_seconds: float
    answer: asyncio.Future[InvocationResult]
    expires_at: float
    is_delivered: bool = False
    started_at: float = 0.0

    def deliver(self, connection: RuntimeApiConnection, unix_ms: int, monotonic: float) -> None:
        """Answer the runtime's request for the next invocation with this one: it begins."""
        self.is_delivered = True
        self.started_at = monotonic - self.spent_seconds
        invocation = self.invocation
        optional = ""
        if invocation.client_context is not None:
            optional = f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {unix_ms + int((self.timeout_seconds - self.spent_seconds) * 1_000)}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.invoked_function_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {invocation.trace_header}\r\n{optional}"
            f"Content-Length: {len(invocation.payload)}\r\n\r\n"
        )
        connection.write(head.encode() + invocation.payload)

    def resolve(self, result: InvocationResult) -> None:
        """Answer the caller, if it still waits."""
        if not self.answer.done():
            self.answer.set_result(result)

    def lose(self, error: AlonzoError) -> None:
        """Tell the caller, if it still waits, that there will be no answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class RunningInvocations:
    """One environment's, with the connections that wait at `/next`: the longest waiting of both come together.

    At most `max_count` connections wait: when another one comes, the oldest waits in vain.
    """

    __slots__ = ("_by_request", "_max_count", "_undelivered", "_waiting")

    def __init__(self, *, max_count: int) -> None:
        self._max_count = max_count
        self._by_request: dict[bytes, RunningInvocation] = {}
        self._undelivered: deque[RunningInvocation] = deque()
        self._waiting: dict[RuntimeApiConnection, None] = {}

    def __iter__(self) -> Iterator[RunningInvocation]:
        return iter(self._by_request.values())

    def add(self, running: RunningInvocation) -> RuntimeApiConnection | None:
        """Take one on. The connection that it shall be delivered to, unless the runtime has to come for it yet."""
        self._by_request[running.request_id] = running
        if self._waiting:
            connection = next(iter(self._waiting))
            del self._waiting[connection]
            return connection
        self._undelivered.append(running)
        return None

    def take_undelivered(self) -> RunningInvocation | None:
        """The one that has waited longest for the runtime to come."""
        return self._undelivered.popleft() if self._undelivered else None

    def find(self, request_id: bytes) -> RunningInvocation | None:
        """The one that the runtime has got under this id."""
        running = self._by_request.get(request_id)
        return running if running is not None and running.is_delivered else None

    def remove(self, running: RunningInvocation) -> None:
        """It is over."""
        del self._by_request[running.request_id]
        if not running.is_delivered:
            self._undelivered.remove(running)

    def take_all(self) -> list[RunningInvocation]:
        """All of them, which are over."""
        runnings = list(self._by_request.values())
        self._by_request.clear()
        self._undelivered.clear()
        return runnings

    def may_wait(self) -> bool:
        """Whether the runtime may ask for another one: it has not got as many as it may have at once."""
        return len(self._by_request) - len(self._undelivered) < self._max_count

    def wait(self, connection: RuntimeApiConnection) -> None:
        """A connection waits for an invocation."""
        if len(self._waiting) >= self._max_count and connection not in self._waiting:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[connection] = None

    def is_waiting(self, connection: RuntimeApiConnection) -> bool:
        """Whether a connection waits for an invocation."""
        return connection in self._waiting

    def forget(self, connection: RuntimeApiConnection) -> None:
        """A connection is gone."""
        self._waiting.pop(connection, None)
