"""A write is done by the server, the connection breaks before the acknowledgement comes, and the client repeats the write."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from alonzo.store.connection import connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

KEY = ("a",)


class Item(msgspec.Struct, frozen=True):
    number: int


class CuttingProxy:
    """Passes bytes on; armed, it drops the server's next answer and cuts the connection."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._armed = False
        self.cut_count = 0

    def arm(self) -> None:
        self._armed = True

    async def serve(self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        async with asyncio.TaskGroup() as directions:
            directions.create_task(self._pass_requests(client_reader, server_writer))
            directions.create_task(self._pass_answers(server_reader, client_writer))

    async def _pass_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    async def _pass_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._armed and b'"seq":' in data:
                self._armed = False
                self.cut_count += 1
                break
            writer.write(data)
        writer.close()
        await writer.wait_closed()


async def test_a_repeated_write_happens_once(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        address = urlsplit(server.url)
        assert address.port is not None
        proxy = CuttingProxy(address.port)
        listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy_port = listener.sockets[0].getsockname()[1]
        async with listener, await connect(server.url.replace(f":{address.port}", f":{proxy_port}")) as connection:
            table: RecordTable[Item] = await RecordTable.open(connection, name="items", record_type=Item)
            proxy.arm()
            revision = await table.create(KEY, Item(1))
            proxy.arm()
            revision = await table.update(KEY, Item(2), revision=revision)
            proxy.arm()
            assert await table.put(KEY, Item(3)) == revision + 1
            proxy.arm()
            await table.delete(KEY, revision=revision + 1)
            assert (revision, proxy.cut_count, table.find(KEY)) == (2, 4, None)
