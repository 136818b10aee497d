"""A real nats-server per test, and tests that are coroutines."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from alonzo.store.connection import Connection, connect
from alonzo.store.server import EmbeddedServer

OpenStore = Callable[[], AbstractAsyncContextManager[Connection]]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    """`async with open_store() as connection`: a server of the test's own data directory and a connection to it."""

    @asynccontextmanager
    async def open_it() -> AsyncIterator[Connection]:
        async with await EmbeddedServer.start(data_directory=tmp_path) as server, await connect(server.url) as connection:
            yield connection

    return open_it
