"""Archives of records: durable, shared, changed without loss, and not in memory."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from alonzo.store.connection import Connection, connect
from alonzo.store.errors import RecordUnreadable
from alonzo.store.record_archive import RecordArchive
from alonzo.store.record_index import Key
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

KEY = ("000000000000", "eu-west-1", "a function", "ä.*>")


class Count(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


async def open_archive(connection: Connection, name: str = "counts") -> RecordArchive[Count]:
    return await RecordArchive.open(connection, name=name, record_type=Count)


def increased(stored: Count | None) -> Count:
    return Count(1 if stored is None else stored.number + 1)


async def read(archive: RecordArchive[Count], prefix: Key) -> list[tuple[Key, int]]:
    return [(key, count.number) async for key, count in archive.iter_prefix(prefix)]


async def test_what_is_changed_is_found_until_it_is_deleted(open_store: OpenStore) -> None:
    async with open_store() as connection:
        archive = await open_archive(connection)
        assert await archive.find(KEY) is None
        assert await archive.change(KEY, increased) == Count(1)
        assert await archive.change(KEY, increased) == Count(2)
        assert await archive.find(KEY) == Count(2)
        await archive.delete(KEY)
        assert await archive.find(KEY) is None
        await archive.delete(("never", "there"))
        assert await archive.change(KEY, increased) == Count(1)


async def test_changes_made_at_once_add_up(open_store: OpenStore) -> None:
    async with open_store() as connection:
        archives = [await open_archive(connection) for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            for archive in archives:
                for _ in range(10):
                    group.create_task(archive.change(KEY, increased))
        assert await archives[0].find(KEY) == Count(40)


async def test_keys_below_a_prefix_are_read_in_any_number(open_store: OpenStore) -> None:
    async with open_store() as connection:
        archive, other = await open_archive(connection), await open_archive(connection, "other")
        await other.change(("a", "1"), increased)
        keys = [("a", str(number)) for number in range(1_200)]
        for key in [*keys, ("b", "1"), ("a b", "1"), ("a",)]:
            await archive.change(key, increased)
        await archive.delete(keys.pop())
        await archive.change(keys[0], increased)
        assert await read(archive, ("a",)) == [*((key, 1) for key in keys[1:]), (keys[0], 2)]
        assert await read(archive, ("b",)) == [(("b", "1"), 1)]
        assert await read(archive, ("c",)) == []
        assert len(await read(archive, ())) == len(keys) + 3


async def test_what_is_written_while_all_is_read_comes_again_as_it_is_then(open_store: OpenStore) -> None:
    async with open_store() as connection:
        archive = await open_archive(connection)
        keys = [("a", str(number)) for number in range(600)]
        for key in keys:
            await archive.change(key, increased)
        seen = []
        async for key, count in archive.iter_prefix(("a",)):
            if not seen:
                await archive.change(keys[0], increased)
            seen.append((key, count.number))
        assert seen == [*((key, 1) for key in keys), (keys[0], 2)]


async def test_records_are_there_after_the_server_was_killed(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        await (await open_archive(connection)).change(KEY, increased)
        os.kill(server.pid, signal.SIGKILL)
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        assert await (await open_archive(connection)).find(KEY) == Count(1)


async def test_what_a_table_wrote_is_read_and_the_other_way_round(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await RecordTable.open(connection, name="counts", record_type=Count)
        await table.put(KEY, Count(3))
        archive = await open_archive(connection)
        assert await archive.change(KEY, increased) == Count(4)
        assert (await RecordTable.open(connection, name="counts", record_type=Count)).find(KEY) == Count(4)


async def test_a_record_of_another_kind_is_told(open_store: OpenStore) -> None:
    class Other(msgspec.Struct):
        name: str

    async with open_store() as connection:
        await (await RecordArchive.open(connection, name="counts", record_type=Other)).change(KEY, lambda _: Other("x"))
        archive = await open_archive(connection)
        with pytest.raises(RecordUnreadable):
            await archive.find(KEY)
        with pytest.raises(RecordUnreadable):
            await read(archive, ())
