"""What takes events out of one function's queue: a pull consumer of JetStream, and what is in hand of it.

Deliveries are at least once; here they become as near to once as can be. A message that is delivered again while it is in hand (the server
was restarted, or heard nothing of us for a while) is not handed out a second time, and one that was acknowledged already (the
acknowledgement got lost with the server) is acknowledged again. What is left are the events in hand of a node that is killed.

The consumer is shared by all nodes that open it. The server writes down what it knows about ten times a second: of a server that is killed
together with its node, so much is forgotten, and tried again. A node that is killed alone lets its embedded server end in order.
"""

import asyncio
import hashlib
from collections import deque
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from alonzo.ids import new_hex_id
from alonzo.store.connection import Connection
from alonzo.store.errors import StoreError, StoreRefused

HAND_MAX_BYTES = 256 * 1024 * 1024
PULL_SECONDS = 10.0
"""How long a request for messages waits at the server."""
ACKNOWLEDGEMENT_SECONDS = 15.0
"""What is neither acknowledged nor kept for so long is delivered again, to whoever asks."""
_SILENCE_SECONDS = PULL_SECONDS + 5.0
_PULL_MAX_BYTES = 8 * 1024 * 1024  # a message larger than this would never come
_FORGOTTEN_AFTER_SECONDS = 1_800  # longer than a function may run: no request is sent while all its places are taken
_REMEMBERED_MAX = 50_000
_NANOSECONDS = 1_000_000_000
_HEARTBEAT_STATUS = "100"
_UNMET_STATUSES = frozenset({"404", "408"})
_GONE_STATUSES = frozenset({"503"})  # no responders: the server that kept the consumer was restarted
_GONE_REASONS = ("Consumer Deleted", "Server Shutdown", "Leadership Change")
_CONSUMER_NOT_FOUND = 10014


class Delivery(msgspec.Struct, eq=False):
    """A message in hand, until it is acknowledged or given back. `delivery_count` above 1: somebody had it before."""

    sequence: int
    payload: bytes
    delivery_count: int
    acknowledge_subject: str


class Hand:
    """What a node's consumers have in common: how many bytes of events are in memory, and which ones it has acknowledged lately.

    Who takes more keeps to one at a time when memory `is_full`.
    """

    def __init__(self, *, limit_bytes: int = HAND_MAX_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self.bytes_held = 0
        self._acknowledged: dict[int, None] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is enough in memory."""
        return self.bytes_held >= self._limit_bytes

    def remember(self, sequence: int) -> None:
        """A message of the stream is acknowledged; of very many the oldest are forgotten."""
        self._acknowledged[sequence] = None
        if len(self._acknowledged) > _REMEMBERED_MAX:
            del self._acknowledged[next(iter(self._acknowledged))]

    def has_acknowledged(self, sequence: int) -> bool:
        """Whether a message that comes once more is done."""
        return sequence in self._acknowledged


class QueueConsumer:
    """Made by `open`, closed by `aclose`. One task takes; any may acknowledge. Errors of all methods: `StoreUnavailable`."""

    def __init__(self, *, connection: Connection, stream: str, subject: str, hand: Hand) -> None:
        self._connection = connection
        self._hand = hand
        self._stream = stream
        self._subject = subject
        self._name = hashlib.sha256(subject.encode()).hexdigest()[:24]  # the same on every node
        self._inbox = f"_INBOX.{new_hex_id(12)}"
        self._subscription: Subscription | None = None
        self._is_there = False
        self._arrived: deque[Delivery] = deque()
        self._in_hand: dict[int, Delivery] = {}
        self._news = asyncio.Event()
        self._is_quiet = False  # the last request has ended without being met
        self._has_done = False
        self._deleted_sequence = 0
        self._pull_number = 0
        self._pulled_count = 0  # what the last request may still bring
        self._forget = connection.on_interruption(self._on_interruption)

    @classmethod
    async def open(cls, connection: Connection, *, stream: str, subject: str, hand: Hand) -> "QueueConsumer":
        """Make the consumer if need be."""
        consumer = cls(connection=connection, stream=stream, subject=subject, hand=hand)
        try:
            consumer._subscription = await connection.subscribe(f"{consumer._inbox}.*", consumer._receive)
            await consumer._ensure()
        except BaseException:
            consumer._forget()
            raise
        return consumer

    @property
    def buffered_count(self) -> int:
        """What has arrived and was not taken yet."""
        return len(self._arrived)

    async def take(self, *, wanted_count: int) -> Delivery | None:
        """The next event, the oldest first; None when there was none for about ten seconds.

        `wanted_count`: how many may be asked of the server at once. Cancelled, nothing is lost.
        """
        while True:
            if self._is_there and self._pulled_count <= 0 and 2 * len(self._arrived) < wanted_count:
                await self._pull(wanted_count)
            while self._arrived:
                delivery = self._arrived.popleft()
                if not self._hand.has_acknowledged(delivery.sequence):
                    return delivery
                await self.acknowledge(delivery)  # again: the first time it did not get there
            if not self._is_there:
                await self._ensure()
            if self._pulled_count <= 0:
                await self._pull(wanted_count)
            self._news.clear()
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._news.wait()
            except TimeoutError:  # neither a message nor the end of the request: something of it was lost
                self._pulled_count, self._is_there = 0, False
            if self._is_quiet and not self._arrived:
                self._is_quiet = False
                return None

    async def acknowledge(self, delivery: Delivery) -> None:
        """The event is done. Returns when the server knows; if it raises, the event comes again, and is acknowledged again."""
        self._hand.remember(delivery.sequence)
        self._has_done = True
        try:
            await self._connection.request(delivery.acknowledge_subject, b"+ACK")
        finally:
            self._drop(delivery)

    async def delete_done(self) -> None:
        """Delete what was acknowledged, as far as nothing before it is still in hand: to be called every second or so."""
        if self._has_done:
            self._has_done = False
            try:
                await self._delete_done(await self._connection.call(f"CONSUMER.INFO.{self._stream}.{self._name}"))
            except StoreError:
                self._has_done = True
                raise

    async def keep(self) -> None:
        """Tell the server that everything in hand still is: to be called three times in `ACKNOWLEDGEMENT_SECONDS`."""
        for delivery in list(self._in_hand.values()):
            await self._connection.send(delivery.acknowledge_subject, b"+WPI")

    async def give_back(self, delivery: Delivery, *, delay_seconds: float = 0.0) -> None:
        """Have the event delivered again, to whoever asks next; after a while, if the server is not restarted meanwhile."""
        self._drop(delivery)
        answer = b'-NAK {"delay": %d}' % (delay_seconds * _NANOSECONDS) if delay_seconds else b"-NAK"
        await self._connection.send(delivery.acknowledge_subject, answer)

    async def aclose(self) -> None:
        """Give back what is in hand; remove the consumer unless another node uses it."""
        self._forget()
        if self._subscription is not None:
            await self._connection.unsubscribe(self._subscription)
            self._subscription = None  # it has what it calls, which is this: neither shall wait for the garbage collector
        for delivery in list(self._in_hand.values()):
            await self.give_back(delivery)
        try:
            state = await self._connection.call(f"CONSUMER.INFO.{self._stream}.{self._name}")
            await self._delete_done(state)
            if state["num_ack_pending"] == 0 and state["num_waiting"] == 0 and state["num_pending"] == 0:
                await self._connection.call(f"CONSUMER.DELETE.{self._stream}.{self._name}")
        except StoreRefused as refused:
            if refused.error_code != _CONSUMER_NOT_FOUND:
                raise

    async def _ensure(self) -> None:
        configuration = {
            "name": self._name,
            "filter_subject": self._subject,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": int(ACKNOWLEDGEMENT_SECONDS * _NANOSECONDS),
            "max_ack_pending": -1,  # bounded by what is asked for
            "inactive_threshold": _FORGOTTEN_AFTER_SECONDS * _NANOSECONDS,
            "num_replicas": self._connection.replica_count,
        }
        await self._connection.call(
            f"CONSUMER.CREATE.{self._stream}.{self._name}.{self._subject}", {"stream_name": self._stream, "config": configuration}
        )
        self._is_there = True

    async def _pull(self, count: int) -> None:
        self._is_quiet = False
        self._pull_number += 1
        self._pulled_count = count
        request = {"batch": count, "expires": int(PULL_SECONDS * _NANOSECONDS), "max_bytes": _PULL_MAX_BYTES}
        await self._connection.send(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            msgspec.json.encode(request),
            reply=f"{self._inbox}.{self._pull_number}",
        )

    async def _delete_done(self, state: dict[str, Any]) -> None:
        sequence = int(state["ack_floor"].get("stream_seq", 0))
        if sequence > self._deleted_sequence:
            await self._connection.call(f"STREAM.PURGE.{self._stream}", {"filter": self._subject, "seq": sequence + 1})
            self._deleted_sequence = sequence

    def _receive(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._receive_event(message)
        elif status != _HEARTBEAT_STATUS and message.subject.rpartition(".")[2] == str(self._pull_number):
            self._pulled_count = 0
            if status in _GONE_STATUSES or headers.get("Description", "").startswith(_GONE_REASONS):
                self._is_there = False
            self._is_quiet = status in _UNMET_STATUSES
            self._news.set()

    def _receive_event(self, message: Msg) -> None:
        self._pulled_count -= 1
        delivery_count, sequence = _position_of(message.reply)
        in_hand = self._in_hand.get(sequence)
        if in_hand is not None and not self._hand.has_acknowledged(sequence):
            in_hand.acknowledge_subject = message.reply
        else:
            delivery = Delivery(sequence, message.data, delivery_count, message.reply)
            self._in_hand[sequence] = delivery
            self._hand.bytes_held += len(delivery.payload) if in_hand is None else 0
            self._arrived.append(delivery)
        self._news.set()

    def _drop(self, delivery: Delivery) -> None:
        if self._in_hand.pop(delivery.sequence, None) is not None:
            self._hand.bytes_held -= len(delivery.payload)

    def _on_interruption(self) -> None:
        self._pulled_count, self._is_there = 0, False
        self._news.set()


def _position_of(reply: str) -> tuple[int, int]:
    """How often it was delivered, and its sequence in the stream. Source: NATS ADR-15, as in `feed.py`."""
    tokens = reply.split(".")
    first = 2 if len(tokens) == 9 else 4  # noqa: PLR2004
    return int(tokens[first + 2]), int(tokens[first + 3])
