"""ActiveMQ and what stands in for MongoDB, as sources of the bench; None where there is no Java."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import stompman
from bson import Timestamp
from pymongo import MongoClient
from tests.support.brokers.activemq import PASSWORD, USER, ActiveMq
from tests.support.brokers.mongodb import MongoDb

from bench.measures.source_kinds import SourceKind
from bench.running_platform import Platform, started_platform, temporary_directory

_SIZES = (1, 100, 1_000)
_BROKER = "arn:aws:mq:us-east-1:000000000000:broker:bench:b-24cacbb4-b295-49b7-8543-7ce7ce9dfb98"
_CLUSTER = "arn:aws:rds:us-east-1:000000000000:cluster:bench"
_DATABASE = "bench"


@contextmanager
def activemq() -> Iterator[tuple[Platform, SourceKind] | None]:
    """Apache ActiveMQ; a platform, and queues as its sources."""
    if shutil.which("java") is None:
        yield None
        return
    with temporary_directory() as directory:
        broker = ActiveMq.start(directory)
        try:
            with started_platform("--broker", f"{_BROKER}={broker.url}") as platform:
                yield platform, _activemq_source(platform, broker)
        finally:
            broker.stop()


@contextmanager
def mongodb() -> Iterator[tuple[Platform, SourceKind] | None]:
    """mongo-java-server; a platform, and collections as its sources."""
    if shutil.which("java") is None:
        yield None
        return
    with temporary_directory() as directory:
        database = MongoDb.start(directory)
        try:
            with started_platform("--broker", f"{_CLUSTER}={database.url}") as platform, MongoClient[Any](database.url) as client:
                yield platform, _mongodb_source(platform, client)
        finally:
            database.stop()


def _secret(platform: Platform, name: str, login: str, password: str) -> list[dict[str, str]]:
    content = json.dumps({"username": login, "password": password})
    arn = platform.service("secretsmanager").create_secret(Name=name, SecretString=content)["ARN"]
    return [{"Type": "BASIC_AUTH", "URI": arn}]


def _activemq_source(platform: Platform, broker: ActiveMq) -> SourceKind:
    def connected() -> Any:
        return stompman.Client([stompman.ConnectionParameters("127.0.0.1", broker.port, USER, PASSWORD)])

    async def put(queue: str, count: int) -> None:
        async with connected() as client:
            for _ in range(count):
                await client.send(b"{}", f"/queue/{queue}", headers={"persistent": "true"}, receipt_timeout=20)

    async def read(queue: str, count: int) -> None:
        done = asyncio.Semaphore(0)

        async def take(frame: Any) -> None:
            await frame.ack()
            done.release()

        async with connected() as client:
            subscription = await client.subscribe_with_manual_ack(f"/queue/{queue}", take)
            for _ in range(count):
                await done.acquire()
            await subscription.unsubscribe()

    return SourceKind(
        "ActiveMQ",
        _SIZES,
        lambda name: {"Queues": [name]},
        lambda queue, count: asyncio.run(put(queue, count)),
        lambda queue, count, _: asyncio.run(read(queue, count)),
        reader="one stompman client",
        parameters={"EventSourceArn": _BROKER, "SourceAccessConfigurations": _secret(platform, "activemq", USER, PASSWORD)},
    )


def _mongodb_source(platform: Platform, client: MongoClient[Any]) -> SourceKind:
    database = client[_DATABASE]

    def create(name: str) -> dict[str, Any]:
        database.create_collection(name)
        return {"DocumentDBEventSourceConfig": {"DatabaseName": _DATABASE, "CollectionName": name}}

    def put(name: str, count: int) -> None:
        database[name].insert_many([{"number": number} for number in range(count)])

    def read(name: str, count: int, batch_size: int) -> None:
        with database[name].watch(batch_size=batch_size, start_at_operation_time=Timestamp(1, 1)) as changes:
            for _ in range(count):
                changes.next()

    return SourceKind(
        "MongoDB stand-in",
        _SIZES,
        create,
        put,
        read,
        reader="one pymongo client",
        parameters={
            "EventSourceArn": _CLUSTER,
            "SourceAccessConfigurations": _secret(platform, "mongodb", "", ""),
            "StartingPosition": "TRIM_HORIZON",
        },
    )
