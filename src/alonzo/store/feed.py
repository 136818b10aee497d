"""Every message of a stream, from the first one kept, in order and without gaps, or a clear word that there was one.

A feed is one short-lived push consumer of JetStream. It lasts until the connection breaks, a message is missing or the server falls
silent: then it raises `FeedInterrupted` and whoever follows opens another and starts over. (nats-py's "ordered consumer" would repair
itself silently; a reader that holds a copy must know that it may have missed deletions.)
"""

import asyncio

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from alonzo.ids import new_hex_id
from alonzo.store.connection import Connection

_HEARTBEAT_SECONDS = 5
_SILENCE_SECONDS = 3 * _HEARTBEAT_SECONDS
_CONTROL_STATUS = "100"
_NANOSECONDS = 1_000_000_000


class FeedInterrupted(Exception):
    """Messages may be missing from here on."""


class FeedMessage(msgspec.Struct, frozen=True):
    """A message of the stream. `pending_count` tells how many more there are already."""

    subject: str
    payload: bytes
    headers: dict[str, str]
    sequence: int
    pending_count: int


class Feed:
    """Made by `open`, closed by `aclose`; not closed, it ends with its connection."""

    def __init__(self, *, connection: Connection, pending: "asyncio.Queue[Msg | None]", subscription: Subscription) -> None:
        self._connection = connection
        self._subscription = subscription
        self._pending = pending
        self._forget = connection.on_interruption(lambda: pending.put_nowait(None))
        self._delivered_count = 0
        self.starts_empty = False

    @classmethod
    async def open(cls, connection: Connection, *, stream: str, subjects: str) -> "Feed":
        """Start reading the stream's messages of these subjects. `StoreUnavailable`, `StoreRefused`."""
        inbox, consumer = f"_INBOX.{new_hex_id(12)}", new_hex_id(12)
        pending: asyncio.Queue[Msg | None] = asyncio.Queue()  # bounded by the server: flow control
        feed = cls(connection=connection, pending=pending, subscription=await connection.subscribe(inbox, pending.put_nowait))
        configuration = {
            "name": consumer,
            "deliver_subject": inbox,
            "deliver_policy": "all",
            "filter_subject": subjects,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": _HEARTBEAT_SECONDS * _NANOSECONDS,
            "inactive_threshold": 2 * _HEARTBEAT_SECONDS * _NANOSECONDS,
            "num_replicas": 1,
            "mem_storage": True,
        }
        try:
            answer = await connection.call(
                f"CONSUMER.CREATE.{stream}.{consumer}.{subjects}", {"stream_name": stream, "config": configuration}
            )
        except BaseException:
            await feed.aclose()
            raise
        feed.starts_empty = answer["num_pending"] == 0 and answer["delivered"]["consumer_seq"] == 0
        return feed

    async def next(self) -> FeedMessage | None:
        """The next message; None when the server says that there is none at the moment. `FeedInterrupted`."""
        while True:
            message = await self._next_raw()
            headers = message.headers or {}
            if headers.get("Status") != _CONTROL_STATUS:
                return self._in_order(message, headers)
            credit_subject = message.reply or headers.get("Nats-Consumer-Stalled")
            if credit_subject:
                await self._connection.send(credit_subject)
            elif int(headers.get("Nats-Last-Consumer", 0)) != self._delivered_count:
                raise FeedInterrupted("a heartbeat tells of messages that did not arrive")
            else:
                return None

    async def aclose(self) -> None:
        """Stop reading. The server removes its side by itself, soon."""
        self._forget()
        await self._connection.unsubscribe(self._subscription)

    async def _next_raw(self) -> Msg:
        try:
            message = self._pending.get_nowait()
        except asyncio.QueueEmpty:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    message = await self._pending.get()
            except TimeoutError as timeout:
                raise FeedInterrupted("the server fell silent") from timeout
        if message is None:
            raise FeedInterrupted("the connection broke")
        return message

    def _in_order(self, message: Msg, headers: dict[str, str]) -> FeedMessage:
        """Position from the reply subject. Source: NATS ADR-15 (JetStream subjects): 9 tokens, or 11 and more with domain and account."""
        tokens = message.reply.split(".")
        first = 2 if len(tokens) == 9 else 4  # noqa: PLR2004
        sequence, delivered_count, pending_count = int(tokens[first + 3]), int(tokens[first + 4]), int(tokens[first + 6])
        self._delivered_count += 1
        if delivered_count != self._delivered_count:
            raise FeedInterrupted(f"message {self._delivered_count} is missing")
        return FeedMessage(message.subject, message.data, headers, sequence, pending_count)
