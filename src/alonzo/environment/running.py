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

    Without `max_count` there is one at a time, and of several connections that wait the newest counts. With it a part of the runtime that
    has let an invocation's time go by is busy with it still: it has no place for another one until it comes back.
    """

    __slots__ = ("_by_request", "_late", "_max_count", "_one_by_one", "_undelivered", "_waiting")

    def __init__(self, *, max_count: int | None) -> None:
        self._one_by_one = max_count is None
        self._max_count = max_count or 1
        self._late: dict[bytes, None] = {}
        self._by_request: dict[bytes, RunningInvocation] = {}
        self._undelivered: deque[RunningInvocation] = deque()
        self._waiting: dict[RuntimeApiConnection, None] = {}

    def __len__(self) -> int:
        return len(self._by_request)

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
        """Whether the runtime may ask for another one.

        A runtime that runs one at a time asks when it has answered; another one may ask as often ahead as it can run (its event loop takes
        the next invocation while others wait for something).
        """
        if self._one_by_one:
            return len(self._by_request) == len(self._undelivered)
        return len(self._waiting) < self._max_count

    def wait(self, connection: RuntimeApiConnection) -> None:
        """A connection waits for an invocation."""
        if self._one_by_one:
            self._waiting.clear()
        self._waiting[connection] = None

    def has_room(self) -> bool:
        """Whether there is a place for another one."""
        count = len(self._by_request)
        return count < self._max_count and (bool(self._waiting) or count + len(self._late) < self._max_count)

    def note_late(self, running: RunningInvocation) -> None:
        """Its time was up, and the runtime has not answered."""
        if len(self._late) >= self._max_count:
            del self._late[next(iter(self._late))]
        self._late[running.request_id] = None

    def take_late(self, request_id: bytes) -> bool:
        """Whether an answer comes too late; its place is free from here on."""
        return self._late.pop(request_id, self) is None

    @property
    def has_waiting(self) -> bool:
        """Whether the runtime waits for an invocation."""
        return bool(self._waiting)

    def is_waiting(self, connection: RuntimeApiConnection) -> bool:
        """Whether a connection waits for an invocation."""
        return connection in self._waiting

    def forget(self, connection: RuntimeApiConnection) -> None:
        """A connection is gone."""
        self._waiting.pop(connection, None)
