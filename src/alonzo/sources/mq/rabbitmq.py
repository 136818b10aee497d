"""One queue of RabbitMQ, over AMQP 0-9-1.

What the function fails on goes back to the queue after a pause, so that the broker's own rules hold for it: it is marked as redelivered,
may expire, and quorum queues count how often that happens.
"""

import asyncio
import ssl
from collections.abc import Sequence

import aiormq
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import AMQPError, AuthenticationError, ChannelAccessRefused, ChannelNotFoundEntity, ProbableAuthenticationError
from pamqp import commands
from yarl import URL

from alonzo.sources.backoff import Backoff
from alonzo.sources.errors import SourceProblem
from alonzo.sources.mq.broker import Address, Broker
from alonzo.sources.mq.queue_polling import AUTHENTICATION_FAILED, UNREACHABLE, Message
from alonzo.sources.mq.rabbitmq_messages import message_of

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_CONNECT_SECONDS = 10.0
_PREFETCH_MAX = 65_535
"""AMQP counts with 16 bits."""


class RabbitMqConnection:
    """A `QueueConnection`. Opened and closed by `async with`; `SourceProblem`."""

    def __init__(self, *, broker: Broker, queue: str, batch_size: int, name: str) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = min(batch_size, _PREFETCH_MAX)
        self._name = name
        self.received: asyncio.Queue[Message[int]] = asyncio.Queue()
        self.lost = asyncio.Event()
        self._backoff = Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
        self._connection: aiormq.abc.AbstractConnection | None = None
        self._channel: aiormq.abc.AbstractChannel | None = None

    async def __aenter__(self) -> "RabbitMqConnection":
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._open()
        except BaseException as error:
            await self._close()
            if isinstance(error, AMQPError | OSError | TimeoutError):
                raise self._problem(error) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def acknowledge(self, messages: Sequence[Message[int]]) -> None:
        """As the protocol says."""
        try:
            for message in messages:
                await self._open_channel().basic_ack(message.handle)
        except (AMQPError, OSError, RuntimeError) as error:
            raise SourceProblem(UNREACHABLE) from error
        self._backoff.reset()

    async def return_failed(
        self, messages: Sequence[Message[int]], behind: Sequence[Message[int]], *, stopping: asyncio.Event
    ) -> Sequence[Message[int]]:
        """As the protocol says: all go back to the broker, with what it has sent meanwhile, so that their order stays."""
        await self._backoff.pause(stopping)
        last = (*messages, *behind)[-1].handle
        while not self.received.empty():
            last = self.received.get_nowait().handle
        try:
            await self._open_channel().basic_nack(last, multiple=True, requeue=True)
        except (AMQPError, OSError, RuntimeError) as error:
            raise SourceProblem(UNREACHABLE) from error
        return ()

    async def _open(self) -> None:
        self._connection = await self._connect()
        self._channel = await self._connection.channel()
        for each in (self._connection, self._channel):
            each.closing.add_done_callback(lambda _: self.lost.set())
        self._channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        await self._channel.basic_qos(prefetch_count=self._prefetch)
        await self._channel.basic_consume(self._queue, self._take)

    async def _connect(self) -> aiormq.abc.AbstractConnection:
        problem: Exception | None = None
        for address in self._broker.addresses:
            connection = aiormq.Connection(self._url(address), context=ssl.create_default_context() if address.is_tls else None)
            try:
                await connection.connect()
            except (AMQPError, OSError) as error:
                await connection.close()
                problem = error
            else:
                return connection
        raise problem or OSError("no address")

    def _url(self, address: Address) -> URL:
        broker = self._broker
        return URL.build(
            scheme="amqps" if address.is_tls else "amqp",
            user=broker.user,
            password=broker.password,
            host=address.host,
            port=address.port,
            path="/" + broker.virtual_host,
            query={"name": self._name},
        )

    async def _take(self, delivered: DeliveredMessage) -> None:
        delivery = delivered.delivery
        assert isinstance(delivery, commands.Basic.Deliver)
        shown = message_of(properties=delivered.header.properties, body=delivered.body, redelivered=bool(delivery.redelivered))
        self.received.put_nowait(Message(handle=delivery.delivery_tag or 0, shown=shown, body=delivered.body))

    def _on_cancel(self, _: object) -> None:
        """The queue is gone."""
        self.lost.set()

    def _open_channel(self) -> aiormq.abc.AbstractChannel:
        if self._channel is None or self.lost.is_set():
            raise SourceProblem(UNREACHABLE)
        return self._channel

    def _problem(self, error: BaseException) -> SourceProblem:
        match error:
            case AuthenticationError() | ProbableAuthenticationError() | ChannelAccessRefused():
                return SourceProblem(AUTHENTICATION_FAILED)
            case ChannelNotFoundEntity():
                return SourceProblem(f"Queue {self._queue} does not exist")
        return SourceProblem(UNREACHABLE)

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
