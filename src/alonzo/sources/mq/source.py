"""Amazon MQ, that is RabbitMQ and ActiveMQ, as a source: its units are queues.

One poller a queue: AWS runs one function at a time for RabbitMQ, and up to five for ActiveMQ
(https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html).
"""

import importlib
from asyncio import to_thread
from collections.abc import Sequence
from typing import Any

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.sources.mq import activemq_messages, rabbitmq_messages
from alonzo.sources.mq.broker import Broker, Protocol, find_broker
from alonzo.sources.mq.queue_polling import QueuePoller
from alonzo.sources.source import PolledUnit, PollerKit, Unit


async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> "MqSource":
    """As `SourceOpener`."""
    broker = await find_broker(mapping, kit)
    name = "rabbitmq" if broker.protocol is Protocol.AMQP else "activemq"
    return MqSource(mapping=mapping, broker=broker, client=await to_thread(importlib.import_module, f"alonzo.sources.mq.{name}"), kit=kit)


class MqSource:
    """A `Source`. `client`: the module for the broker's protocol, imported when it is needed."""

    def __init__(self, *, mapping: EventSourceMapping, broker: Broker, client: Any, kit: PollerKit) -> None:
        self._mapping = mapping
        self._broker = broker
        self._client = client
        self._kit = kit

    async def list_units(self) -> Sequence[Unit]:
        """As the protocol says."""
        return [Unit(queue) for queue in self._mapping.settings.queues or ()]

    async def poll(self, unit: PolledUnit) -> None:
        """As the protocol says."""
        if self._broker.protocol is Protocol.AMQP:
            await self._poll_rabbitmq(unit)
        else:
            await self._poll_activemq(unit)

    async def aclose(self) -> None:
        """As the protocol says. Connections are the pollers'."""

    async def _poll_rabbitmq(self, unit: PolledUnit) -> None:
        mapping, arn = self._mapping, self._mapping.event_source_arn or ""

        def event_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
            return rabbitmq_messages.event_of(arn, unit.name, self._broker.virtual_host, messages)

        batch_size = mapping.settings.batch_size or 1
        async with self._client.RabbitMqConnection(
            broker=self._broker, queue=unit.name, batch_size=batch_size, name=f"alonzo-{mapping.uuid}"
        ) as connection:
            await QueuePoller(mapping=mapping, kit=self._kit, unit=unit, connection=connection, event_of=event_of).run()

    async def _poll_activemq(self, unit: PolledUnit) -> None:
        mapping, arn = self._mapping, self._mapping.event_source_arn or ""

        def event_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
            return activemq_messages.event_of(arn, messages)

        batch_size = mapping.settings.batch_size or 1
        async with self._client.open_activemq(broker=self._broker, queue=unit.name, batch_size=batch_size) as connection:
            await QueuePoller(mapping=mapping, kit=self._kit, unit=unit, connection=connection, event_of=event_of).run()
