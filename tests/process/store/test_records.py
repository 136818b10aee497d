"""Tables of records: durable, shared, compared and set, announced."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alonzo.store.connection import Connection, connect
from alonzo.store.errors import RecordConflict, RecordExists, RecordUnreadable
from alonzo.store.record_index import Key
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

KEY = ("000000000000", "us-east-1", "hello", "$LATEST")


class Item(msgspec.Struct, frozen=True):
    number: int
    text: str = ""


async def open_table(connection: Connection, name: str = "items") -> RecordTable[Item]:
    return await RecordTable.open(connection, name=name, record_type=Item)


@asynccontextmanager
async def following(*tables: RecordTable[Item]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as components:
        tasks = [components.create_task(table.run()) for table in tables]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


class Changes:
    """What a table announced, and a way to wait for more of it."""

    def __init__(self, table: RecordTable[Item]) -> None:
        self.seen: list[tuple[Key, Item | None]] = []
        self._arrived = asyncio.Event()
        table.subscribe(self._add)

    def _add(self, key: Key, value: Item | None) -> None:
        self.seen.append((key, value))
        self._arrived.set()

    async def wait_for(self, key: Key, value: Item | None) -> None:
        async with asyncio.timeout(20):
            while (key, value) not in self.seen:
                self._arrived.clear()
                await self._arrived.wait()


async def test_a_write_is_visible_when_it_returns(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        revision = await table.create(KEY, Item(1))
        assert table.find(KEY) == Item(1)
        versioned = table.get_versioned(KEY)
        assert versioned is not None
        assert (versioned.value, versioned.revision) == (Item(1), revision)
        await table.update(KEY, Item(2), revision=revision)
        assert table.find(KEY) == Item(2)
        await table.put(KEY, Item(3))
        assert table.find(KEY) == Item(3)
        await table.delete(KEY)
        assert table.find(KEY) is None


async def test_what_is_absent_is_none(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        assert table.find(KEY) is None
        assert table.get_versioned(KEY) is None
        assert list(table.iter_prefix(())) == []


async def test_does_not_create_what_exists(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        await table.create(KEY, Item(1))
        with pytest.raises(RecordExists):
            await table.create(KEY, Item(2))
        assert table.find(KEY) == Item(1)


async def test_creates_again_what_was_deleted(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        await table.create(KEY, Item(1))
        await table.delete(KEY)
        await table.create(KEY, Item(2))
        assert table.find(KEY) == Item(2)


async def test_creates_again_what_another_node_deleted(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        async with await connect(server.url) as connection:
            other = await open_table(connection)
            await other.create(KEY, Item(1))
            await other.delete(KEY)
        async with await connect(server.url) as connection:
            table = await open_table(connection)
            await table.create(KEY, Item(2))
            assert table.find(KEY) == Item(2)


async def test_update_and_delete_need_the_current_revision(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        old = await table.create(KEY, Item(1))
        await table.put(KEY, Item(2))
        with pytest.raises(RecordConflict):
            await table.update(KEY, Item(3), revision=old)
        with pytest.raises(RecordConflict):
            await table.delete(KEY, revision=old)
        assert table.find(KEY) == Item(2)


async def test_update_of_what_was_deleted_is_a_conflict(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        revision = await table.create(KEY, Item(1))
        await table.delete(KEY)
        with pytest.raises(RecordConflict):
            await table.update(KEY, Item(2), revision=revision)


async def test_a_conflict_shows_what_it_conflicted_with(open_store: OpenStore) -> None:
    async with open_store() as connection:
        mine, theirs = await open_table(connection), await open_table(connection)  # nobody follows
        revision = await mine.create(KEY, Item(1))
        await theirs.put(KEY, Item(2))
        assert mine.find(KEY) == Item(1)
        with pytest.raises(RecordConflict):
            await mine.update(KEY, Item(3), revision=revision)
        assert mine.find(KEY) == Item(2)
        await theirs.delete(KEY)
        with pytest.raises(RecordConflict):
            await mine.update(KEY, Item(3), revision=revision)
        assert mine.find(KEY) is None


async def test_deleting_what_is_absent_does_nothing(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        changes = Changes(table)
        await table.delete(KEY)
        await table.create(KEY, Item(1))
        await table.delete(KEY)
        await table.delete(KEY)
        assert changes.seen == [(KEY, Item(1)), (KEY, None)]


async def test_of_concurrent_creators_one_wins(open_store: OpenStore) -> None:
    async with open_store() as connection:
        tables = [await open_table(connection) for _ in range(4)]
        outcomes = await asyncio.gather(*(table.create(KEY, Item(n)) for n, table in enumerate(tables)), return_exceptions=True)
        assert sum(isinstance(outcome, RecordExists) for outcome in outcomes) == 3
        assert len({table.find(KEY) for table in tables}) == 1


async def test_no_increment_is_lost_under_compare_and_set(open_store: OpenStore) -> None:
    async def increment(table: RecordTable[Item]) -> None:
        while True:
            record = table.get_versioned(KEY)
            assert record is not None
            with contextlib.suppress(RecordConflict):
                await table.update(KEY, Item(record.value.number + 1), revision=record.revision)
                return

    async with open_store() as connection:
        first, second = await open_table(connection), await open_table(connection)
        async with following(first, second):
            await first.create(KEY, Item(0))
            changes = Changes(second)
            if second.find(KEY) is None:
                await changes.wait_for(KEY, Item(0))
            await asyncio.gather(*(increment(table) for table in (first, second) for _ in range(25)))
            await first.put(("end",), Item(0))
            await changes.wait_for(("end",), Item(0))
            assert second.find(KEY) == Item(50)


async def test_a_second_connection_sees_every_change_once(tmp_path: Path) -> None:
    async with (
        await EmbeddedServer.start(data_directory=tmp_path) as server,
        await connect(server.url) as mine,
        await connect(server.url) as theirs,
    ):
        writer, reader = await open_table(mine), await open_table(theirs)
        own, foreign = Changes(writer), Changes(reader)
        expected: list[tuple[Key, Item | None]] = []
        async with following(writer, reader):
            for number in range(50):
                key = ("k", str(number % 7))
                if number % 5 == 4 and writer.find(key):
                    await writer.delete(key)
                    expected.append((key, None))
                else:
                    await writer.put(key, Item(number))
                    expected.append((key, Item(number)))
            await writer.put(("end",), Item(-1))
            await foreign.wait_for(("end",), Item(-1))
            await reader.put(("end",), Item(-2))
            await own.wait_for(("end",), Item(-2))
        assert own.seen == [*expected, (("end",), Item(-1)), (("end",), Item(-2))]
        assert foreign.seen == own.seen
        assert list(writer.iter_prefix(())) == list(reader.iter_prefix(()))


async def test_an_unsubscribed_listener_hears_nothing(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        seen: list[Key] = []
        unsubscribe = table.subscribe(lambda key, _: seen.append(key))
        await table.put(("a",), Item(1))
        unsubscribe()
        unsubscribe()
        await table.put(("b",), Item(2))
        assert seen == [("a",)]


async def test_a_failing_listener_harms_nobody(open_store: OpenStore, caplog: pytest.LogCaptureFixture) -> None:
    def fail(key: Key, value: Item | None) -> None:
        raise LookupError(f"{key} {value}")

    async with open_store() as connection:
        table = await open_table(connection)
        table.subscribe(fail)
        changes = Changes(table)
        await table.put(KEY, Item(1))
        assert changes.seen == [(KEY, Item(1))]
        assert "a listener of table items failed" in caplog.text


async def test_catches_up_with_what_happened_while_nobody_followed(open_store: OpenStore) -> None:
    async with open_store() as connection:
        mine, theirs = await open_table(connection), await open_table(connection)
        for name in ("stays", "changes", "goes"):
            await theirs.put((name,), Item(1))
        async with following(mine):
            changes = Changes(mine)
            await theirs.put(("mark",), Item(1))
            await changes.wait_for(("mark",), Item(1))
        changes = Changes(mine)
        await theirs.put(("changes",), Item(2))
        await theirs.delete(("goes",))
        await theirs.put(("comes",), Item(3))
        await theirs.put(("comes and goes",), Item(4))
        await theirs.delete(("comes and goes",))
        async with following(mine):
            await changes.wait_for(("goes",), None)
        assert sorted(changes.seen, key=lambda change: change[0]) == [
            (("changes",), Item(2)),
            (("comes",), Item(3)),
            (("goes",), None),
        ]
        assert list(mine.iter_prefix(())) == list(theirs.iter_prefix(()))


async def test_everything_acknowledged_survives_a_killed_server(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        table = await open_table(connection)
        for number in range(100):
            await table.put(("k", str(number)), Item(number))
        await table.delete(("k", "7"))
        expected = list(table.iter_prefix(()))
        os.kill(server.pid, signal.SIGKILL)
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        table = await open_table(connection)
        assert list(table.iter_prefix(())) == expected
        assert len(expected) == 99


async def test_writes_and_watching_go_on_when_the_server_is_restarted(tmp_path: Path) -> None:
    async with (
        await EmbeddedServer.start(data_directory=tmp_path) as server,
        await connect(server.url) as mine,
        await connect(server.url) as theirs,
    ):
        writer, reader = await open_table(mine), await open_table(theirs)
        changes = Changes(reader)
        async with following(writer, reader), asyncio.TaskGroup() as components:
            supervising = components.create_task(server.run())
            for number in range(30):
                if number % 10 == 5:
                    os.kill(server.pid, signal.SIGKILL)
                await writer.put(("k", f"{number:02}"), Item(number))
            revision = await writer.create(("cas",), Item(0))
            os.kill(server.pid, signal.SIGKILL)
            await writer.update(("cas",), Item(1), revision=revision)
            await writer.delete(("k", "00"))
            await writer.put(("end",), Item(0))
            await changes.wait_for(("end",), Item(0))
            supervising.cancel()
        assert list(reader.iter_prefix(())) == list(writer.iter_prefix(()))
        assert len([key for key, _ in changes.seen if key == ("cas",)]) in {1, 2}
        assert sorted(key for key, value in changes.seen if key[0] == "k" and value) == [("k", f"{n:02}") for n in range(30)]


async def test_lists_a_prefix_in_order(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        for account in ("2", "1"):
            for name in ("b", "a", "ab", "a\0", "ä"):
                await table.put((account, name), Item(0, name))
        assert [key for key, _ in table.iter_prefix(("1",))] == [("1", name) for name in ("a", "a\0", "ab", "b", "ä")]
        assert [key for key, _ in table.iter_prefix(("1", "a"))] == [("1", "a")]
        assert list(table.iter_prefix(("3",))) == []


async def test_a_record_that_cannot_be_read_is_named(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await open_table(connection)
        await connection.publish("$KV.records.items.a.b", b'{"number": "seven"}')
        with pytest.raises(RecordUnreadable, match="table items, record a/b"):
            await open_table(connection)


async def test_following_ends_at_a_record_that_cannot_be_read(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        await connection.publish("$KV.records.items.a.b", b"not JSON")
        with pytest.raises(RecordUnreadable):
            await table.run()


async def test_tables_do_not_mix(open_store: OpenStore) -> None:
    async with open_store() as connection:
        one, two = await open_table(connection, "one"), await open_table(connection, "two")
        await one.put(KEY, Item(1))
        assert (await open_table(connection, "two")).find(KEY) is None
        assert two.find(KEY) is None


async def test_large_tables_load_whole(open_store: OpenStore) -> None:
    async with open_store() as connection:
        table = await open_table(connection)
        async with asyncio.TaskGroup() as writers:
            for number in range(1500):
                writers.create_task(table.put(("k", f"{number:05}"), Item(number, "x" * 500)))
        assert [value.number for _, value in (await open_table(connection)).iter_prefix(("k",))] == list(range(1500))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(st.lists(st.text(max_size=40), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8))
def test_any_text_may_be_part_of_a_key(tmp_path_factory: pytest.TempPathFactory, keys: set[Key]) -> None:
    async def scenario() -> None:
        directory = tmp_path_factory.mktemp("data")
        async with await EmbeddedServer.start(data_directory=directory) as server, await connect(server.url) as connection:
            table = await open_table(connection)
            for number, key in enumerate(sorted(keys)):
                await table.create(key, Item(number))
            assert list((await open_table(connection)).iter_prefix(())) == [(key, Item(n)) for n, key in enumerate(sorted(keys))]

    asyncio.run(scenario())
