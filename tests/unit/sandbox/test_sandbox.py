"""What the node makes of what a sandbox's init says."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from alonzo.guest import channel as guest
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.sandbox import Assignment, Sandbox


@dataclass(frozen=True)
class PlainSettings:
    """Those of a host without anything."""

    isolated: bool = False

    def limits(self, *, memory_mib: int, crowd: int = 1) -> dict[str, str]:
        del memory_mib, crowd
        return {}

    @property
    def cgroups(self) -> "PlainSettings":
        return self

    def peak_memory_file(self, sandbox_id: str) -> Path | None:
        del sandbox_id
        return None


@dataclass(frozen=True)
class Given:
    """A sandbox and its init's end of the socket."""

    sandbox: Sandbox
    init: socket.socket
    killed: asyncio.Queue[str]

    async def end(self) -> None:
        """The zygote says that it has ended."""
        assert await asyncio.wait_for(self.killed.get(), 10) == self.sandbox.id
        self.sandbox.note_ended("it ended")


@asynccontextmanager
async def a_sandbox() -> AsyncIterator[Given]:
    ours, init = socket.socketpair()
    read, write = os.pipe()
    killed: asyncio.Queue[str] = asyncio.Queue()
    settings: Any = PlainSettings()
    sandbox = Sandbox(sandbox_id="1", user=0, control=ours, log_pipe=read, settings=settings, kill=killed.put_nowait)
    try:
        yield Given(sandbox, init, killed)
    finally:
        sandbox.note_ended("the test is over")
        init.close()
        os.close(write)


def run(scenario: Callable[[Given], Awaitable[None]]) -> None:
    async def play() -> None:
        async with asyncio.timeout(20), a_sandbox() as given:
            await scenario(given)

    uvloop.run(play())


def test_it_is_ready_with_its_sockets_and_takes_a_function() -> None:
    async def scenario(given: Given) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as connection, _bound() as datagrams:
            guest.send(given.init, {"ready": True}, [connection.fileno(), listener.fileno(), datagrams.fileno()])
            await given.sandbox.ready
            assert [each.getsockname() for each in given.sandbox.listeners] == [listener.getsockname()]
            assert given.sandbox.datagrams is not None
            assert given.sandbox.datagrams.getsockname() == datagrams.getsockname()
        given.sandbox.assign(Assignment(code_directory=Path("/code"), variables={"A": "é"}, memory_mib=128, tmp_mib=512))
        message, _ = guest.receive(given.init)
        assert message is not None
        assert (message["directory"], message["variables"]) == ("/code", {"A": "é"})
        guest.send(given.init, {"exited": 3})
        assert await given.sandbox.runtime_exit == 3

    run(scenario)


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 64, guest.HEADER.pack(14, 0) + b'{"ready":true}', guest.HEADER.pack(16, 0) + b'{"exited":"one"}']
)
def test_one_that_sends_garbage_is_killed_and_lost(garbage: bytes) -> None:
    async def scenario(given: Given) -> None:
        given.init.send(garbage)
        await given.end()
        with pytest.raises(SandboxLost):
            await given.sandbox.ready

    run(scenario)


def test_one_that_is_ready_twice_is_killed() -> None:
    async def scenario(given: Given) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as connection, _bound() as datagrams:
            for _ in range(2):
                guest.send(given.init, {"ready": True}, [connection.fileno(), listener.fileno(), datagrams.fileno()])
        await given.end()
        await given.sandbox.ready

    run(scenario)


def test_one_that_is_gone_takes_no_function() -> None:
    async def scenario(given: Given) -> None:
        given.init.close()
        with pytest.raises(SandboxLost):
            given.sandbox.assign(Assignment(code_directory=Path("/code"), variables={}, memory_mib=128, tmp_mib=512))

    run(scenario)


def _bound() -> socket.socket:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 0))
    return datagrams
