"""Brokers as sources of the bench: real ones, started beside a platform of their own. None where they are not installed."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiormq
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.support.brokers.kafka import KafkaBroker
from tests.support.brokers.rabbitmq import PASSWORD, USER, RabbitMq, is_installed

from bench.measures.source_kinds import SourceKind
from bench.running_platform import Platform, started_platform, temporary_directory

_SIZES = (1, 100, 1_000)
_SUBNET = [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-0123456789abcdef0"}]
_BROKER = "arn:aws:mq:us-east-1:000000000000:broker:bench:b-24cacbb4-b295-49b7-8543-7ce7ce9dfb98"
_RECORD = b"{}"
_WAIT_MS = 1_000


@contextmanager
def kafka() -> Iterator[tuple[Platform, SourceKind] | None]:
    """Apache Kafka; a platform, and topics of one partition as its sources."""
    if shutil.which("java") is None:
        yield None
        return
    with temporary_directory() as directory:
        broker = KafkaBroker.start(directory)
        try:
            with started_platform() as platform, asyncio.Runner() as runner:
                producer = runner.run(_producer_of(broker))
                yield platform, _kafka_source(broker, producer, runner)
                runner.run(producer.stop())
        finally:
            broker.stop()


@contextmanager
def rabbitmq() -> Iterator[tuple[Platform, SourceKind] | None]:
    """RabbitMQ; a platform, and queues as its sources."""
    if not is_installed():
        yield None
        return
    with temporary_directory() as directory:
        broker = RabbitMq.start(directory)
        try:
            with started_platform("--broker", f"{_BROKER}={broker.url}") as platform, asyncio.Runner() as runner:
                connection = runner.run(_connection_of(broker))
                yield platform, _rabbitmq_source(platform, connection, runner)
        finally:
            broker.stop()


async def _producer_of(broker: KafkaBroker) -> Any:
    producer = AIOKafkaProducer(bootstrap_servers=broker.plain)
    await producer.start()
    return producer


def _kafka_source(broker: KafkaBroker, producer: Any, runner: asyncio.Runner) -> SourceKind:
    def create(name: str) -> dict[str, Any]:
        return {"Topics": [broker.create_topic(name)]}

    async def put(topic: str, count: int) -> None:
        for _ in range(count):
            await producer.send(topic, _RECORD)
        await producer.flush()

    async def read(topic: str, count: int, batch_size: int) -> None:
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=broker.plain, group_id=topic, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            done = 0
            while done < count:
                done += sum(map(len, (await consumer.getmany(timeout_ms=_WAIT_MS, max_records=batch_size)).values()))
                await consumer.commit()
        finally:
            await consumer.stop()

    return SourceKind(
        "Kafka",
        _SIZES,
        create,
        lambda topic, count: runner.run(put(topic, count)),
        lambda topic, count, batch_size: runner.run(read(topic, count, batch_size)),
        reader="one aiokafka client",
        parameters={
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [broker.plain]}},
            "SourceAccessConfigurations": _SUBNET,
            "StartingPosition": "TRIM_HORIZON",
        },
    )


async def _connection_of(broker: RabbitMq) -> Any:
    # Between two tasks of the bench nobody answers heartbeats; without any, aiormq takes a connection for dead after three seconds.
    return await aiormq.connect(f"{broker.url_with_credentials}/?heartbeat=600")


def _rabbitmq_source(platform: Platform, connection: Any, runner: asyncio.Runner) -> SourceKind:
    login = json.dumps({"username": USER, "password": PASSWORD})
    secret = platform.service("secretsmanager").create_secret(Name="rabbitmq", SecretString=login)["ARN"]

    async def create(name: str) -> dict[str, Any]:
        channel = await connection.channel()
        await channel.queue_declare(name, durable=True)
        await channel.close()
        return {"Queues": [name]}

    async def put(queue: str, count: int) -> None:
        channel = await connection.channel()
        await asyncio.gather(*(channel.basic_publish(_RECORD, routing_key=queue) for _ in range(count)))
        await channel.close()

    async def read(queue: str, count: int, batch_size: int) -> None:
        received: asyncio.Queue[Any] = asyncio.Queue()
        channel = await connection.channel()
        await channel.basic_qos(prefetch_count=batch_size)
        await channel.basic_consume(queue, received.put)
        for _ in range(count // batch_size):
            messages = [await received.get() for _ in range(batch_size)]
            await channel.basic_ack(messages[-1].delivery.delivery_tag, multiple=True)
        await channel.close()

    return SourceKind(
        "RabbitMQ",
        _SIZES,
        lambda name: runner.run(create(name)),
        lambda queue, count: runner.run(put(queue, count)),
        lambda queue, count, batch_size: runner.run(read(queue, count, batch_size)),
        reader="one aiormq client",
        parameters={"EventSourceArn": _BROKER, "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": secret}]},
    )
