"""What queues of all brokers have in common: batches, filters, and that a message is acknowledged only when it has been processed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from alonzo.model import quotas
from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.batches import fitting
from alonzo.sources.errors import SourceProblem
from alonzo.sources.filters import RecordFilter, decoded
from alonzo.sources.processing_results import OK
from alonzo.sources.source import FUNCTION_FAILED, PolledUnit, PollerKit

T = TypeVar("T")

_LOOK_SECONDS = 1.0
_WINDOW_SECONDS = 0.5
"""Of a mapping that says nothing.
Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching."""
UNREACHABLE = "Connection error. Please check your event source connection configuration."
AUTHENTICATION_FAILED = "Broker failed to authenticate Lambda"


@dataclass(slots=True)
class Message(Generic[T]):
    """`handle`: by which the broker's client knows it. `shown`: as in the event. `deliveries`: how often the function has had it."""

    handle: T
    shown: dict[str, Any]
    body: bytes
    deliveries: int = 0
    encoded_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.encoded_bytes = len(msgspec.json.encode(self.shown)) + 1


class QueueConnection(Protocol[T]):
    """One queue of a broker, connected. Its methods raise `SourceProblem` when the connection is lost: messages come again then."""

    received: asyncio.Queue[Message[T]]
    """What the broker has sent beyond what was acknowledged or returned: at most a batch."""
    lost: asyncio.Event
    """Set when the connection is."""

    async def acknowledge(self, messages: Sequence[Message[T]]) -> None:
        """They have been processed, or are not wanted."""
        ...

    async def return_failed(
        self, messages: Sequence[Message[T]], behind: Sequence[Message[T]], *, stopping: asyncio.Event
    ) -> Sequence[Message[T]]:
        """The function has failed on the first ones, and has not had those behind; after a pause, what is not left to the broker."""
        ...


class QueuePoller(Generic[T]):
    """`run` once. `event_of`: the event of a batch."""

    def __init__(
        self,
        *,
        mapping: EventSourceMapping,
        kit: PollerKit,
        unit: PolledUnit,
        connection: QueueConnection[T],
        event_of: Callable[[list[dict[str, Any]]], dict[str, Any]],
    ) -> None:
        settings = mapping.settings
        window_seconds = settings.maximum_batching_window_seconds
        self._batch_size = settings.batch_size or 1
        self._window_seconds = _WINDOW_SECONDS if window_seconds is None else window_seconds
        self._filter = RecordFilter(settings.filters)
        self._kit = kit
        self._unit = unit
        self._connection = connection
        self._event_of = event_of

    async def run(self) -> None:
        """Until the unit is to be given up: what is not acknowledged is the broker's. `SourceProblem` when the connection is lost."""
        while not self._unit.stopping.is_set():
            left: Sequence[Message[T]] = await self._gather()
            while left and not self._unit.stopping.is_set():
                piece = fitting(left, lambda message: message.encoded_bytes)[0]
                left = await self._process(piece, left[len(piece) :])

    async def _gather(self) -> list[Message[T]]:
        """A batch of messages that the filters keep; those that they do not are acknowledged. Nothing if the unit is to be given up."""
        clock = self._kit.clock
        messages: list[Message[T]] = []
        room_bytes = quotas.PAYLOAD_SYNC_MAX_BYTES
        deadline: float | None = None
        while len(messages) < self._batch_size and room_bytes > 0:
            wait_seconds = _LOOK_SECONDS if deadline is None else min(deadline - clock.monotonic(), _LOOK_SECONDS)
            message = await self._next(wait_seconds)
            if self._unit.stopping.is_set():
                return []
            if message is None:
                if deadline is not None and deadline <= clock.monotonic():
                    break
                continue
            self._kit.metrics.polled(1)
            if self._keeps(message):
                messages.append(message)
                room_bytes -= message.encoded_bytes
                deadline = clock.monotonic() + self._window_seconds if deadline is None else deadline
            else:
                self._kit.metrics.filtered_out(1)
                await self._connection.acknowledge([message])
        return messages

    async def _next(self, wait_seconds: float) -> Message[T] | None:
        """The next message, if it comes in time."""
        if self._connection.lost.is_set():
            raise SourceProblem(UNREACHABLE)
        received = self._connection.received
        if not received.empty():
            return received.get_nowait()
        try:
            async with asyncio.timeout(max(0, wait_seconds)):
                return await received.get()
        except TimeoutError:
            return None

    def _keeps(self, message: Message[T]) -> bool:
        return self._filter.is_empty or self._filter.keeps(message.shown | {"data": decoded(message.body)})

    async def _process(self, messages: Sequence[Message[T]], behind: Sequence[Message[T]]) -> Sequence[Message[T]]:
        """What is to be processed next."""
        event = msgspec.json.encode(self._event_of([message.shown for message in messages]))
        if len(event) > quotas.PAYLOAD_SYNC_MAX_BYTES:
            # Source: with-mq.html, "Records also go unprocessed if Lambda drops them due to their size".
            self._kit.metrics.dropped(len(messages))
            await self._connection.acknowledge(messages)
            return behind
        answer = await self._kit.invoker.insist(event, stopping=self._unit.stopping, report=self._kit.report)
        if answer is None:
            return ()
        self._kit.metrics.invoked(len(messages))
        if not answer.has_failed:
            self._kit.report(OK)
            await self._connection.acknowledge(messages)
            return behind
        self._kit.report(FUNCTION_FAILED)
        self._kit.metrics.failed(len(messages))
        for message in messages:
            message.deliveries += 1
        return await self._connection.return_failed(messages, behind, stopping=self._unit.stopping)
