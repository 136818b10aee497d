"""The events that wait for their functions: one JetStream stream, one subject a function.

An event is a message of its function's subject until it is acknowledged. A function's consumer (`queue_consumer.py`) reads that subject
only, so no backlog stands before another function's events.

The stream has no work-queue retention, with which every acknowledgement is a deletion that is written through to the disk (900 a second
here, and new events wait for each). The consumer remembers what was acknowledged, in batches, and all that is done is deleted at once,
every second.

An event that is to be tried later waits under a subject of its own as a scheduled message (NATS ADR-51; nats-server 2.12): at its time
the server itself moves it to the function's subject. So what waits takes no place among what is being tried, costs the nodes no memory, and
is on the disk with its time: a killed server goes on with it when it is back. Setting an event back is two steps, writing it anew and
acknowledging the old one; a node that is killed in between leaves both, and the event may then be tried once more than it had to be.

Messages are opaque here. What is added is on the disk when `add` returns (`sync_interval: always` of the embedded server).
"""

from datetime import UTC, datetime

import msgspec

from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope, partition_of
from alonzo.store.connection import DUPLICATE_WINDOW_SECONDS, MESSAGE_ID_HEADER, Connection
from alonzo.store.errors import MessageTooLarge
from alonzo.store.group_publisher import GroupPublisher
from alonzo.store.keys import from_subject, to_subject, to_token
from alonzo.store.queue_consumer import Hand, QueueConsumer

_STREAM = "EVENTS"
_READY = "alonzo.events"
_DELAYED = "alonzo.delayed"
_ALL = "alonzo.*.>"
_RESERVED_BYTES = 4096
_NANOSECONDS = 1_000_000_000


class QueueDepth(msgspec.Struct, frozen=True):
    """How many events of a function there are. `ready_count` includes what is being tried now.

    `oldest_delayed_unix_ms`: when the oldest of those that wait for their next try was accepted.
    """

    ready_count: int = 0
    delayed_count: int = 0
    oldest_delayed_unix_ms: int | None = None


class EventQueue:
    """Made by `open`; takes events while `run` runs.

    Functions are named by references without qualifier. Errors of all methods: `StoreUnavailable`, `StoreRefused`.
    """

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection
        self._publisher = GroupPublisher(connection=connection)
        self.hand = Hand()

    @classmethod
    async def open(cls, connection: Connection) -> "EventQueue":
        """Make the stream if need be."""
        await connection.ensure_stream(
            {
                "name": _STREAM,
                "subjects": [f"{_READY}.>", f"{_DELAYED}.>"],
                "allow_msg_schedules": True,
                "allow_rollup_hdrs": True,
                "allow_atomic": True,
                "duplicate_window": DUPLICATE_WINDOW_SECONDS * _NANOSECONDS,
            }
        )
        return cls(connection=connection)

    async def run(self) -> None:
        """Component: writes what many add at once."""
        await self._publisher.run()

    async def add(self, function: FunctionReference, message: bytes, *, message_id: str) -> None:
        """Have an event tried as soon as may be. A second message of the same id is dropped, for half a minute.

        `StoreFull`; `MessageTooLarge` also when there would be no room for what is added to an event that is set back.
        """
        if len(message) > self._connection.message_max_bytes - _RESERVED_BYTES:
            raise MessageTooLarge(f"{len(message)} bytes; the store takes {self._connection.message_max_bytes}")
        await self._publisher.publish(_ready_subject(function), message, message_id=message_id)

    async def add_delayed(
        self, function: FunctionReference, message: bytes, *, event_id: str, message_id: str, accepted_unix_ms: int, due_unix_ms: int
    ) -> None:
        """Have an event tried at that time; what was delayed under that event's id is replaced. Errors, and `message_id`, as `add`."""
        headers = {
            MESSAGE_ID_HEADER: message_id,
            "Nats-Schedule": f"@at {_rfc3339(due_unix_ms)}",
            "Nats-Schedule-Target": _ready_subject(function),
        }
        await self._connection.publish(_delayed_subject(function, accepted_unix_ms, event_id), message, headers=headers)

    async def open_consumer(self, function: FunctionReference) -> QueueConsumer:
        """What takes the events of a function; close it."""
        return await QueueConsumer.open(self._connection, stream=_STREAM, subject=_ready_subject(function), hand=self.hand)

    async def list_ready(self) -> dict[FunctionReference, int]:
        """The functions that have events to be tried now, or being tried, and how many."""
        subjects = await self._connection.list_subjects(_STREAM, f"{_READY}.>")
        return {_function_of(subject.removeprefix(f"{_READY}.")): count for subject, count in subjects.items()}

    async def list_depths(self) -> dict[FunctionReference, QueueDepth]:
        """All functions that have events. It costs a moment of the loop for each 10,000 delayed ones: for people, not for programs.

        What is moved at that moment is seen in one place or in both, never in none, as long as the server lists all in one answer: 100,000.
        """
        ready: dict[FunctionReference, int] = {}
        delayed: dict[FunctionReference, tuple[int, int]] = {}
        for subject, ready_count in (await self._connection.list_subjects(_STREAM, _ALL)).items():
            if subject.startswith(f"{_READY}."):
                ready[_function_of(subject.removeprefix(f"{_READY}."))] = ready_count
                continue
            function_subject, accepted, _ = subject.removeprefix(f"{_DELAYED}.").rsplit(".", 2)
            function = _function_of(function_subject)
            count, oldest = delayed.get(function, (0, int(accepted)))
            delayed[function] = (count + 1, min(oldest, int(accepted)))
        return {
            function: QueueDepth(ready.get(function, 0), *delayed.get(function, (0, None))) for function in ready.keys() | delayed.keys()
        }

    async def purge(self, function: FunctionReference) -> int:
        """Forget all events of a function; how many. What is being tried at the moment is tried to its end."""
        subjects = (_ready_subject(function), f"{_DELAYED}.{_function_subject(function)}.>")
        answers = [await self._connection.call(f"STREAM.PURGE.{_STREAM}", {"filter": subject}) for subject in subjects]
        return sum(int(answer["purged"]) for answer in answers)


def _ready_subject(function: FunctionReference) -> str:
    return f"{_READY}.{_function_subject(function)}"


def _delayed_subject(function: FunctionReference, accepted_unix_ms: int, event_id: str) -> str:
    return f"{_DELAYED}.{_function_subject(function)}.{accepted_unix_ms}.{to_token(event_id)}"


def _function_subject(function: FunctionReference) -> str:
    return to_subject((function.scope.account_id, function.scope.region, function.name))


def _function_of(subject: str) -> FunctionReference:
    account_id, region, name = from_subject(subject)
    return FunctionReference(Scope(account_id, region, partition_of(region)), name)


def _rfc3339(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
