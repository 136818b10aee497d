"""The embedded server: private, locked, gone with its node, back after a crash."""

import asyncio
import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.support.processes import is_alive

from alonzo.errors import SetupError
from alonzo.store.connection import connect
from alonzo.store.errors import StoreFull
from alonzo.store.server import EmbeddedServer, find_nats_server

FILL_BYTES = 1 << 30
NODE = """
import asyncio, sys
from pathlib import Path
from alonzo.store.server import EmbeddedServer

async def main():
    async with await EmbeddedServer.start(data_directory=Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start_node(data_directory: Path, system: str = sys.platform) -> tuple[subprocess.Popen[str], int]:
    # Where Python's own files are is found out while it is still known what this is.
    program = NODE.replace("async def main", f"import sysconfig\nsysconfig.get_config_vars()\nsys.platform = {system!r}\nasync def main")
    node = subprocess.Popen([sys.executable, "-c", program, str(data_directory)], stdout=subprocess.PIPE, text=True)
    assert node.stdout is not None
    return node, int(node.stdout.readline())


def end_node(node: subprocess.Popen[str]) -> None:
    node.kill()
    node.wait()
    assert node.stdout is not None
    node.stdout.close()


def wait_until_gone(process: psutil.Process) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 20)[0]
    finally:
        os.close(descriptor)


def test_finds_the_program_of_the_wheel() -> None:
    assert find_nats_server().parent == Path(sys.executable).parent


async def test_listens_on_loopback_only(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        listening = [c for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert {c.laddr.ip for c in listening} == {"127.0.0.1"}
        assert len(listening) == 1


async def test_admits_nobody_without_the_password(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b'CONNECT {"verbose":true}\r\nPING\r\n')
        assert b"Authorization Violation" in await reader.read(1000)
        writer.close()
        await writer.wait_closed()


async def test_keeps_the_password_to_the_owner(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path):
        assert stat.S_IMODE((tmp_path / "store" / "nats-server.conf").stat().st_mode) == 0o600


async def test_stops_its_process_when_closed(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        pid = server.pid
    assert not psutil.pid_exists(pid)


async def test_stops_its_process_where_the_kernel_would_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    others = set(psutil.Process().children())
    async with await EmbeddedServer.start(data_directory=tmp_path) as server:
        started = set(psutil.Process().children()) - others
        assert {process.name() for process in started} == {"nats-server", "sh"}
        psutil.Process(server.pid).kill()
    assert not psutil.wait_procs(started, timeout=10)[1]


async def test_a_second_node_is_told_who_uses_the_data_directory(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path):
        with pytest.raises(SetupError, match=f"in use by the node with process id {os.getpid()}"):
            await EmbeddedServer.start(data_directory=tmp_path)


async def test_starts_again_in_the_same_directory(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path):
        pass
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url):
        pass


@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_ends_when_its_node_is_killed(tmp_path: Path, system: str) -> None:
    node, server_pid = start_node(tmp_path, system)
    server = psutil.Process(server_pid)
    end_node(node)
    wait_until_gone(server)


async def test_a_new_node_waits_for_the_server_of_a_killed_one(tmp_path: Path) -> None:
    node, old_pid = await asyncio.to_thread(start_node, tmp_path)
    old = psutil.Process(old_pid)
    end_node(node)
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url):
        assert not is_alive(old)


async def test_a_second_node_does_not_wait_for_a_living_one(tmp_path: Path) -> None:
    node, _ = await asyncio.to_thread(start_node, tmp_path)
    try:
        with pytest.raises(SetupError, match=f"process id {node.pid}"):
            await EmbeddedServer.start(data_directory=tmp_path)
    finally:
        end_node(node)


async def test_says_why_the_server_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "jetstream").write_text("a file where a directory belongs")
    with pytest.raises(SetupError, match="nats-server ended with 1"):
        await EmbeddedServer.start(data_directory=tmp_path)


async def test_says_why_the_data_directory_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be used"):
        await EmbeddedServer.start(data_directory=tmp_path / "file")


async def test_gives_the_directory_free_when_starting_failed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "jetstream").write_text("")
    with pytest.raises(SetupError):
        await EmbeddedServer.start(data_directory=tmp_path)
    (tmp_path / "store" / "jetstream").unlink()
    async with await EmbeddedServer.start(data_directory=tmp_path):
        pass


async def test_is_started_again_on_the_same_address_when_it_crashes(tmp_path: Path) -> None:
    async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
        first_pid, url = server.pid, server.url
        async with asyncio.TaskGroup() as components:
            running = components.create_task(server.run())
            os.kill(first_pid, signal.SIGKILL)
            await connection.call("INFO")
            assert (server.pid != first_pid, server.url) == (True, url)
            running.cancel()


async def test_a_disk_that_was_full_is_written_again(tmp_path: Path) -> None:
    """The disk is made full by another file, down to a reserve that is large enough for what else happens on this machine."""
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    async with (
        await EmbeddedServer.start(data_directory=tmp_path, disk_reserve_bytes=free - FILL_BYTES // 2) as server,
        await connect(server.url, has_room=server.has_room) as connection,
    ):
        await connection.ensure_stream({"name": "S", "subjects": ["s"]})
        await connection.publish("s", b"")
        with (tmp_path / "fill").open("wb") as fill:
            os.posix_fallocate(fill.fileno(), 0, FILL_BYTES)
        with pytest.raises(StoreFull):
            await connection.publish("s", b"")
        (tmp_path / "fill").unlink()
        first_pid = server.pid
        async with asyncio.TaskGroup() as components:
            running = components.create_task(server.run())
            interrupted = asyncio.Event()
            connection.on_interruption(interrupted.set)
            await interrupted.wait()
            assert await connection.publish("s", b"") == 2
            assert server.pid != first_pid
            running.cancel()
