"""One queue of ActiveMQ, over STOMP.

What the function fails on is tried again as JMS clients do it: from memory, five times, a second apart; then the broker is told that it
cannot be processed, and puts it into its dead-letter queue. Source: https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html ("Lambda uses
a policy with the default values from the Redelivery Policy page, with maximumRedeliveries set to 5").
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import stompman
from stompman.errors import ConnectionLostOnLifespanEnter

from alonzo.sources.backoff import wait
from alonzo.sources.errors import SourceProblem
from alonzo.sources.mq.activemq_messages import message_of
from alonzo.sources.mq.broker import Broker
from alonzo.sources.mq.queue_polling import AUTHENTICATION_FAILED, UNREACHABLE, Message

_REDELIVERIES_MAX = 5
_REDELIVERY_SECONDS = 1.0
"""Source: https://activemq.apache.org/components/classic/documentation/redelivery-policy."""
_HEARTBEAT_MS = 10_000
_CONNECT_SECONDS = 10
_CONNECT_TRIES = 2

_log = logging.getLogger(__name__)


class ActiveMqConnection:
    """A `QueueConnection`. Made by `open_activemq`."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[Message[stompman.AckableMessageFrame]] = asyncio.Queue()
        self.lost = asyncio.Event()

    async def acknowledge(self, messages: Sequence[Message[stompman.AckableMessageFrame]]) -> None:
        """As the protocol says."""
        for message in messages:
            await message.handle.ack()

    async def return_failed(
        self,
        messages: Sequence[Message[stompman.AckableMessageFrame]],
        behind: Sequence[Message[stompman.AckableMessageFrame]],
        *,
        stopping: asyncio.Event,
    ) -> Sequence[Message[stompman.AckableMessageFrame]]:
        """As the protocol says."""
        left = []
        for message in messages:
            if message.deliveries > _REDELIVERIES_MAX:
                await message.handle.nack()
            else:
                message.shown = message.shown | {"redelivered": True}
                left.append(message)
        await wait(stopping, _REDELIVERY_SECONDS)
        return (*left, *behind)

    async def take(self, frame: stompman.AckableMessageFrame) -> None:
        """The broker has sent a message."""
        headers = {name: str(value) for name, value in frame.headers.items()}
        redelivered = headers.get("redelivered") == "true"
        shown = message_of(headers, frame.body, redelivered=redelivered, received_unix_ms=time.time_ns() // 1_000_000)
        self.received.put_nowait(Message(handle=frame, shown=shown, body=frame.body))

    def fail(self, _: object) -> None:
        """The subscription has come to nothing."""
        self.lost.set()


@asynccontextmanager
async def open_activemq(*, broker: Broker, queue: str, batch_size: int) -> AsyncIterator[ActiveMqConnection]:
    """Connected and subscribed; closed at the end. `SourceProblem`."""
    connection = ActiveMqConnection()
    client = stompman.Client(
        [stompman.ConnectionParameters(address.host, address.port, broker.user, broker.password) for address in broker.addresses],
        heartbeat=stompman.Heartbeat(_HEARTBEAT_MS, _HEARTBEAT_MS),
        ssl=ssl.create_default_context() if broker.addresses[0].is_tls else None,
        connect_retry_attempts=_CONNECT_TRIES,
        connect_timeout=_CONNECT_SECONDS,
        connection_confirmation_timeout=_CONNECT_SECONDS,
        no_message_restart_interval=None,
        max_concurrent_handlers=None,
        on_error_frame=lambda frame: _log.info("the broker says: %s", frame.headers.get("message")),
    )
    try:
        async with client:
            subscription = await client.subscribe_with_manual_ack(
                f"/queue/{queue}",
                connection.take,
                headers={"activemq.prefetchSize": str(batch_size)},
                receipt_timeout=_CONNECT_SECONDS,
                on_subscription_error=connection.fail,
            )
            try:
                yield connection
            finally:
                await subscription.unsubscribe()
    except stompman.Error as error:
        raise _problem(error) from error
    except BaseExceptionGroup as errors:
        # The client's own task group: what ended it, or what was raised within it.
        raise _unwrapped(errors) from errors


def _unwrapped(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _problem(error) if isinstance(error, stompman.Error) else error


def _problem(error: stompman.Error) -> SourceProblem:
    issues = error.issues if isinstance(error, stompman.FailedAllConnectAttemptsError) else ()
    # ActiveMQ closes the connection of whoever it does not let in.
    is_refused = any(isinstance(issue, ConnectionLostOnLifespanEnter) for issue in issues)
    return SourceProblem(AUTHENTICATION_FAILED if is_refused else UNREACHABLE)
