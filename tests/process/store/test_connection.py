"""Requests over a connection that breaks, stalls, closes; streams that exist already."""

import asyncio
import os
import signal
from collections.abc import Awaitable
from pathlib import Path

import msgspec
import pytest
from tests.support.ports import free_port

from alonzo.store.connection import Connection, connect
from alonzo.store.errors import MessageTooLarge, StoreFull, StoreRefused, StoreUnavailable
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore


async def outcome_of(awaitable: Awaitable[object]) -> BaseException | None:
    try:
        await awaitable
    except StoreUnavailable as error:
        return error
    return None


async def test_connecting_to_nothing_says_so() -> None:
    with pytest.raises(StoreUnavailable, match="no NATS server answers"):
        await connect(f"nats://127.0.0.1:{free_port()}", timeout_seconds=0.2)


async def test_connecting_with_a_wrong_password_says_so(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        port = server.url.rpartition(":")[2]
        with pytest.raises(StoreUnavailable, match="Authorization Violation"):
            await connect(f"nats://alonzo:wrong@127.0.0.1:{port}", timeout_seconds=2.0)


async def test_requests_in_flight_end_when_the_connection_is_closed(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        connection = await connect(server.url)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            async with asyncio.TaskGroup() as group:
                request = group.create_task(outcome_of(connection.request("$JS.API.INFO")))
                await asyncio.sleep(0)
                await connection.aclose()
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert isinstance(request.result(), StoreUnavailable)


async def test_a_closed_connection_refuses_requests(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.aclose()
        with pytest.raises(StoreUnavailable):
            await connection.request("$JS.API.INFO")
        with pytest.raises(StoreUnavailable):
            await connection.subscribe("anything", lambda _: None)


async def test_requests_in_flight_are_repeated_after_a_restart(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s"], "duplicate_window": 30_000_000_000})
        async with asyncio.TaskGroup() as components:
            running = components.create_task(server.run())
            async with asyncio.TaskGroup() as writers:
                os.kill(server.pid, signal.SIGSTOP)
                writes = [writers.create_task(connection.publish("s", b"")) for _ in range(20)]
                await asyncio.sleep(0)
                os.kill(server.pid, signal.SIGKILL)
            running.cancel()
        assert sorted(write.result() for write in writes) == list(range(1, 21))


async def test_tells_of_interruptions(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        interrupted = asyncio.Event()
        forget = connection.on_interruption(interrupted.set)
        async with asyncio.TaskGroup() as components:
            running = components.create_task(server.run())
            os.kill(server.pid, signal.SIGKILL)
            await interrupted.wait()
            running.cancel()
        forget()


async def test_a_closed_connection_is_not_tried_again(tmp_path: Path) -> None:
    """Also where the client has missed that it shall end, as `asyncio.wait_for` of Python 3.11 lets it."""
    before = asyncio.all_tasks()
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        connection = await connect(server.url)
        tries = asyncio.Event()
        missed_count = 0

        async def connect_and_miss(_: object) -> None:
            nonlocal missed_count
            tries.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if missed_count == 3:
                    raise
                missed_count += 1
                raise ConnectionRefusedError from None

        connection._client._connect_to_server = connect_and_miss  # type: ignore[method-assign]
        os.kill(server.pid, signal.SIGKILL)
        await tries.wait()
        await connection.aclose()
    assert missed_count
    assert asyncio.all_tasks() <= before


async def test_run_reports_a_connection_that_the_server_closed_for_good(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        await connection.subscribe("ok", lambda _: None)
        with pytest.raises(StoreUnavailable, match="closed the connection"):
            async with asyncio.timeout(10):
                await asyncio.gather(connection.run(), break_protocol(connection))


async def break_protocol(connection: Connection) -> None:
    await connection._client._send_command(b"NONSENSE\r\n")
    await connection._client._flush_pending()


async def test_an_existing_stream_is_brought_up_to_date(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s"], "max_bytes": 1000})
        await connection.ensure_stream({"name": "S", "subjects": ["s"], "max_bytes": 2000})
        assert (await connection.call("STREAM.INFO.S"))["config"]["max_bytes"] == 2000


async def test_a_stream_that_does_not_fit_the_disk_is_refused(open_store: OpenStore) -> None:
    async with open_store() as connection:
        with pytest.raises(StoreFull):
            await connection.ensure_stream({"name": "S", "subjects": ["s"], "max_bytes": 1 << 60})


async def test_writing_to_a_full_stream_says_so(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s"], "max_bytes": 1000, "discard": "new"})
        await connection.publish("s", b"x" * 700)
        with pytest.raises(StoreFull):
            await connection.publish("s", b"x" * 700)


async def test_an_error_of_jetstream_is_told_with_its_code(open_store: OpenStore) -> None:
    async with open_store() as connection:
        with pytest.raises(StoreRefused, match="stream not found") as refused:
            await connection.call("STREAM.INFO.NONE")
        assert refused.value.error_code == 10059


async def test_a_message_over_the_servers_limit_is_refused(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s"]})
        with pytest.raises(MessageTooLarge):
            await connection.publish("s", b"x" * (9 << 20))


async def test_messages_that_are_published_together_are_stored_once_and_in_order_over_a_restart(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s.*"], "duplicate_window": 30_000_000_000, "allow_direct": True})
        messages = [(f"s.{number % 3}", str(number).encode()) for number in range(20)]
        async with asyncio.TaskGroup() as components:
            running = components.create_task(server.run())
            os.kill(server.pid, signal.SIGSTOP)
            publishing = components.create_task(connection.publish_all(messages))
            await asyncio.sleep(0)
            os.kill(server.pid, signal.SIGKILL)
            assert await publishing == [None] * 20
            running.cancel()
        assert await connection.publish_all(messages[:2]) == [None, None]
        assert await connection.publish_all([]) == []
        request = {"next_by_subj": "s.*", "seq": 1, "batch": 100}
        *stored, _ = await connection.request_many("$JS.API.DIRECT.GET.S", msgspec.json.encode(request))
        assert [message.data for message in stored] == [payload for _, payload in (*messages, *messages[:2])]


async def test_a_message_that_is_refused_is_refused_alone(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.ensure_stream({"name": "S", "subjects": ["s.*"], "max_msg_size": 100})
        large = b"x" * 101
        results = await connection.publish_all(
            [("s.1", b"1"), ("s.1", large), ("s.1", b"2"), ("s.2", b"x" * (connection.message_max_bytes + 1))]
        )
        assert [type(result) for result in results] == [type(None), StoreRefused, type(None), MessageTooLarge]
        assert (await connection.call("STREAM.INFO.S"))["state"]["messages"] == 2


async def test_messages_that_are_published_together_end_when_the_connection_is_closed(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await connection.aclose()
        assert [type(result) for result in await connection.publish_all([("s.1", b""), ("s.2", b"")])] == [StoreUnavailable] * 2
