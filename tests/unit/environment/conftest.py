"""An execution environment around a sandbox in memory: its Runtime API is real, the runtime is the test."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alonzo.clock import SystemClock
from alonzo.environment.connection_owner import AnyConnection
from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.extension_host import ExternalExtensions
from alonzo.environment.journal import Journal
from alonzo.environment.log_channel import LogChannel
from alonzo.environment.plan import EnvironmentPlan
from alonzo.errors import AlonzoError
from alonzo.model.function import CodePackage, FunctionVersion, LoggingConfig
from alonzo.model.invocation import Invocation
from alonzo.model.invocation_lines import events_of
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import LogBatch, LogDelivery, LogStreamName
from alonzo.observe.metrics.invocations import InvocationCounter
from alonzo.observe.platform_log import TextPlatformLog
from alonzo.observe.usage import UsageCounter

REQUEST_ID = "8f5b1d2a-0000-4000-8000-000000000001"


class MemorySandbox:
    """Runs nothing. What a test does with `runtime_exit` and the listener is what the runtime does."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.listeners = [self.listener]
        self.runtime_connection: socket.socket | None = None
        self.runtime_exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.is_killed = False
        self.is_out_of_memory = False
        self.assigned = asyncio.Event()
        self.assignment: Any = None
        self.is_started = False
        self.signals: list[int] = []
        self.killed_sides: list[str] = []

    def assign(self, assignment: Any) -> None:
        self.assignment = assignment
        self.assigned.set()

    def start_runtime(self) -> None:
        self.is_started = True

    def signal_runtime(self, number: int) -> None:
        self.signals.append(number)

    def kill_side(self, name: str) -> None:
        self.killed_sides.append(name)

    async def connect(self, port: int) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        return connection

    def kill(self) -> None:
        self.is_killed = True
        if not self.runtime_exit.done():
            self.runtime_exit.set_result(-9)

    def peak_memory_bytes(self) -> int | None:
        return 1 << 20

    def was_out_of_memory(self) -> bool:
        return self.is_out_of_memory


class MemoryAppender:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    async def append(self, batches: Sequence[LogBatch]) -> Sequence[AlonzoError | None]:
        self.messages += [event.message for _, entries in batches for event in events_of(entries)]
        return [None] * len(batches)


class Runtime:
    """A client of the Runtime API."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send a request and wait for its answer: status and body."""
        await self.send(method, path, body, **headers)
        return await self.receive()

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def send_raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        status, _, body = await self.receive_all()
        return status, body

    async def receive_all(self) -> tuple[int, dict[str, str], bytes]:
        """An answer with its headers, by lower-case names."""
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split(" ")[1]), headers, await self._reader.readexactly(int(headers["content-length"]))

    async def is_closed(self) -> bool:
        with contextlib.suppress(ConnectionError):
            return await self._reader.read(1) == b""
        return True

    def close(self) -> None:
        self._writer.close()


@dataclass
class Given:
    """An environment under test and what stands around it."""

    environment: ExecutionEnvironment
    sandbox: MemorySandbox
    delivery: LogDelivery
    appender: MemoryAppender
    log_pipe: int
    runtimes: list[Runtime] = field(default_factory=list)

    async def connect(self) -> Runtime:
        """The runtime connects, once the environment listens."""
        await self.sandbox.assigned.wait()
        runtime = Runtime(*await asyncio.open_connection(*self.sandbox.address))
        self.runtimes.append(runtime)
        return runtime

    async def messages(self) -> list[str]:
        """What is in the log by now."""
        await self.delivery.flush()
        return self.appender.messages

    async def initialized(self, *, timeout_seconds: float = 10) -> Runtime:
        """A runtime that has asked for its first invocation."""
        starting = asyncio.create_task(self.environment.initialize(timeout_seconds=timeout_seconds))
        runtime = await self.connect()
        await runtime.send("GET", "invocation/next")
        await starting
        return runtime


@asynccontextmanager
async def an_environment(
    *, check: Any = None, max_concurrency: int | None = None, external_extensions: ExternalExtensions | None = None
) -> AsyncIterator[Given]:
    """An environment that has not been initialized yet."""
    clock, appender, sandbox = SystemClock(), MemoryAppender(), MemorySandbox()
    delivery = LogDelivery(appender=appender, clock=clock)
    read, write = os.pipe()
    os.set_blocking(read, False)
    version = a_version()
    outlet = delivery.open_outlet(LogStreamName(version.scope, "/aws/lambda/x", "stream"))
    journal = Journal(
        log=LogChannel(pipe=read, outlet=outlet, clock=clock),
        words=TextPlatformLog(),
        version=version,
        usage=UsageCounter(),
        metrics=InvocationCounter(version, is_provisioned=False),
        peak_memory=sandbox.peak_memory_bytes,
        tracing=None,
        insights=None,
        clock=clock,
    )
    plan = EnvironmentPlan(
        version=version,
        code_directory=Path("/code"),
        variables={},
        max_concurrency=max_concurrency,
        runtime_version="python:3.12.v1",
        notice=None,
        external_extensions=external_extensions,
    )
    role: Any = sandbox
    tasks = EnvironmentTasks()
    environment = ExecutionEnvironment(plan=plan, sandbox=role, journal=journal, check=check or AnyConnection(), tasks=tasks, clock=clock)
    given = Given(environment, sandbox, delivery, appender, write)
    running = asyncio.create_task(tasks.run())
    try:
        yield given
    finally:
        environment.close()
        running.cancel()
        await asyncio.wait([running])
        for runtime in given.runtimes:
            runtime.close()
        sandbox.listener.close()
        for descriptor in (read, write):
            os.close(descriptor)


def a_version() -> FunctionVersion:
    return FunctionVersion(
        scope=Scope("000000000000", "us-east-1"),
        name="x",
        runtime="python3.12",
        handler="app.handler",
        role="arn:aws:iam::000000000000:role/x",
        code=CodePackage("00" * 32, 1),
        logging=LoggingConfig(log_group="/aws/lambda/x"),
        last_modified_unix_ms=0,
        revision_id="1",
        runtime_version_arn=None,
    )


def an_invocation(payload: bytes = b"{}", *, wants_log_tail: bool = False) -> Invocation:
    return Invocation(
        request_id=REQUEST_ID,
        payload=payload,
        invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:x",
        trace_header="Root=1-5759e988-bd862e3fe1be46a994272793",
        wants_log_tail=wants_log_tail,
    )
