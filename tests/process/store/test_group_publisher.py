"""Many messages at once: each is stored once, whatever happens to the batch it was in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alonzo.store.connection import Connection, connect
from alonzo.store.errors import StoreUnavailable
from alonzo.store.group_publisher import GroupPublisher
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

COUNT = 300


@asynccontextmanager
async def publishing(connection: Connection) -> AsyncIterator[GroupPublisher]:
    await connection.ensure_stream({"name": "MANY", "subjects": ["many.>"], "allow_atomic": True})
    publisher = GroupPublisher(connection=connection)
    async with asyncio.TaskGroup() as components:
        running = components.create_task(publisher.run())
        yield publisher
        running.cancel()


async def publish_all(publisher: GroupPublisher, message_ids: list[str]) -> None:
    async with asyncio.TaskGroup() as clients:
        for number, message_id in enumerate(message_ids):
            clients.create_task(publisher.publish(f"many.{number}", b"payload", message_id=message_id))


async def stored_count(connection: Connection) -> int:
    return int((await connection.call("STREAM.INFO.MANY"))["state"]["messages"])


async def test_many_at_once_are_written_in_batches(open_store: OpenStore) -> None:
    async with open_store() as connection, publishing(connection) as publisher:
        await publish_all(publisher, [str(number) for number in range(COUNT)])
        assert await stored_count(connection) == COUNT
        assert publisher.batch_count > 0


async def test_a_batch_that_is_refused_is_written_singly(open_store: OpenStore) -> None:
    """Twice the same id in one batch is refused by the server; of two single messages it drops the second."""
    async with open_store() as connection, publishing(connection) as publisher:
        await publish_all(publisher, [str(number // 2) for number in range(COUNT)])
        assert await stored_count(connection) == COUNT // 2


async def test_a_server_that_is_killed_meanwhile_has_every_message_once(tmp_path: Path) -> None:
    async with (
        await EmbeddedServer.start(data_directory=tmp_path) as server,
        await connect(server.url) as connection,
        asyncio.TaskGroup() as components,
        publishing(connection) as publisher,
    ):
        running = components.create_task(server.run())
        async with asyncio.TaskGroup() as clients:
            for part in range(4):
                clients.create_task(publish_all(publisher, [f"{part}-{number}" for number in range(COUNT)]))
            await publisher.publish("many.first", b"", message_id="first")
            server._process.kill()  # type: ignore[union-attr]
        assert await stored_count(connection) == 4 * COUNT + 1
        running.cancel()


async def test_who_goes_away_leaves_the_others_alone(open_store: OpenStore) -> None:
    async with open_store() as connection, publishing(connection) as publisher:
        async with asyncio.TaskGroup() as clients:
            tasks = [clients.create_task(publisher.publish(f"many.{n}", b"", message_id=str(n))) for n in range(COUNT)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
        assert all(not task.cancelled() for task in tasks[1::2])
        assert await stored_count(connection) >= COUNT // 2


async def test_when_it_stops_nobody_is_left_waiting(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.ensure_stream({"name": "MANY", "subjects": ["many.>"], "allow_atomic": True})
        publisher = GroupPublisher(connection=connection)
        async with asyncio.TaskGroup() as components:
            running = components.create_task(publisher.run())
            await asyncio.sleep(0)
            clients = [asyncio.ensure_future(publisher.publish(f"many.{n}", b"", message_id=str(n))) for n in range(COUNT)]
            await asyncio.sleep(0)
            running.cancel()
        outcomes = await asyncio.gather(*clients, return_exceptions=True)
        assert any(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert all(outcome is None or isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        await publisher.publish("many.later", b"", message_id="later")
        with pytest.raises(asyncio.CancelledError):
            await running
