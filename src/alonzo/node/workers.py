"""Several workers behind one port: the process that starts them, accepts for them, and sees to what one that died has left.

Every worker is a node in a process of its own, with its own event loop, zygotes and environments. This process owns what they share: the
embedded store, the data directory's lock, the port. It serves nothing itself.

It accepts every connection and hands it to the workers in turn. With SO_REUSEPORT the kernel would choose by a hash of the addresses: of
a few connections, as SDKs keep them for long, one worker may then get most and another none, those that wait at a worker that dies are
lost, and macOS shares nothing out. Handing one over costs a system call and a wake-up for each connection, not for each request.

A worker that dies is known at once. When its sandboxes are gone, too, what it held of the limits is free again, and a successor is started.
"""

import asyncio
import contextlib
import logging
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from alonzo.edge.server import open_listening_socket
from alonzo.errors import SetupError, setup_errors_alone
from alonzo.images.store import remove_leftovers
from alonzo.node.cluster import ClusterTables, open_cluster_tables
from alonzo.node.companion import CompanionProcess, open_companion
from alonzo.node.configuration import Configuration
from alonzo.node.host_setup import node_name, wait_for_sandboxes_to_end
from alonzo.node.images import DIRECTORY
from alonzo.node.node import url_of
from alonzo.node.seat import CONNECTION, READY, Seat, encode_seat
from alonzo.store.connection import connect
from alonzo.store.directory_lock import DirectoryLock
from alonzo.store.errors import RecordConflict, StoreError
from alonzo.store.server import EmbeddedServer, die_with_parent

_ACCEPTED_AT_ONCE = 64
_STOP_SECONDS = 50.0
"""More than a node takes to drain and to end (`node.py`)."""
_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 0.1, 5.0
_LONG_LIFE_SECONDS = 30.0
_RETRY_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Workers:
    """`run` is the whole life of `alonzo up` with more than one worker."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._cluster = node_name(configuration.data_directory)
        self._ready: list[_Worker] = []
        self._turn = 0
        self._are_all_ready = asyncio.Event()
        self._is_accepting = False
        self._is_stopping = False

    async def run(self, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
        """As `Node.run`."""
        with setup_errors_alone():
            await self._run(stop=stop, on_ready=on_ready)

    async def _run(self, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
        configuration = self._configuration
        listener = open_listening_socket(host=configuration.host, port=configuration.port)
        listener.setblocking(False)
        async with AsyncExitStack() as stack:
            stack.callback(listener.close)
            url, store_directory = await self._open_store(stack)
            connection = await connect(url)
            stack.push_async_callback(connection.aclose)
            tables = await open_cluster_tables(connection, cluster=self._cluster, own_name="")
            await self._forget_earlier(tables)
            self._companion = open_companion(configuration, port=listener.getsockname()[1])
            if self._companion is not None:
                stack.push_async_callback(self._companion.aclose)
            async with asyncio.TaskGroup() as group:
                components = [group.create_task(connection.run()), *(group.create_task(follow) for follow in tables.followers())]
                if self._server is not None:
                    components.append(group.create_task(self._server.run()))
                if self._companion is not None:
                    components.append(group.create_task(self._companion.run()))
                port = listener.getsockname()[1]
                workers = [
                    _Worker(parent=self, number=number, port=port, url=url, store_directory=store_directory, tables=tables)
                    for number in range(1, configuration.workers + 1)
                ]
                lives = [group.create_task(worker.run()) for worker in workers]
                self._listener = listener
                await self._are_all_ready.wait()
                self._accept_again()
                on_ready(url_of(configuration.host, port))
                await stop.wait()
                self._is_stopping = True
                self._accept_no_more()
                for worker in workers:
                    worker.stop()
                await asyncio.wait(lives, timeout=_STOP_SECONDS)
                for task in (*lives, *components):
                    task.cancel()

    @property
    def is_stopping(self) -> bool:
        """Whether a worker that ends is to stay so."""
        return self._is_stopping

    @property
    def has_started(self) -> bool:
        """Whether all workers have been ready."""
        return self._are_all_ready.is_set()

    def seat(self, *, number: int, generation: int, port: int, url: str, store_directory: Path | None, channel: int) -> Seat:
        """What a worker is told."""
        configuration = replace(
            self._configuration,
            data_directory=_directory_of(self._configuration, number),
            nats_url=url,
            worker_number=number,
        )
        return Seat(
            configuration=configuration,
            cluster=self._cluster,
            name=f"{number}-{generation}",
            number=number,
            port=port,
            store_directory=store_directory,
            channel=channel,
            companion=None if self._companion is None else self._companion.access,
        )

    def note_ready(self, worker: "_Worker") -> None:
        """A worker takes connections from now on."""
        self._ready.append(worker)
        if len(self._ready) == self._configuration.workers:
            self._are_all_ready.set()
        if self.has_started:
            self._accept_again()

    def note_ended(self, worker: "_Worker") -> None:
        """A worker takes none any more. When there is no other they wait for one."""
        if worker in self._ready:
            self._ready.remove(worker)
        if not self._ready:
            self._accept_no_more()

    _server: EmbeddedServer | None = None
    _companion: CompanionProcess | None = None
    _listener: socket.socket

    async def _open_store(self, stack: AsyncExitStack) -> tuple[str, Path | None]:
        data = self._configuration.data_directory
        if self._configuration.nats_url is not None:
            data.mkdir(parents=True, exist_ok=True)
            lock = await DirectoryLock.acquire(data / "lock")
            stack.callback(lock.release)
            return self._configuration.nats_url, None
        self._server = await EmbeddedServer.start(data_directory=data)
        remove_leftovers(data / DIRECTORY)
        stack.push_async_callback(self._server.aclose)
        return self._server.url, self._server.directory

    async def _forget_earlier(self, tables: ClusterTables) -> None:
        """Nobody lives of those that an earlier run has started: this one has the lock."""
        await tables.members.clear()
        for table in (tables.ledgers, tables.turns, tables.allocations):
            await table.delete_prefix((self._cluster,))
        directory = _directory_of(self._configuration, 1).parent
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in directory.iterdir():
            if not (entry.name.isdecimal() and 1 <= int(entry.name) <= self._configuration.workers):
                await asyncio.to_thread(shutil.rmtree, entry, ignore_errors=True)

    # The port.

    def _accept_again(self) -> None:
        if not self._is_accepting and not self._is_stopping and self._ready:
            self._is_accepting = True
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept_no_more(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("a connection cannot be accepted: %s", error)
                return
            with connection:
                self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        for _ in self._ready:
            self._turn += 1
            if self._ready[self._turn % len(self._ready)].hand(connection):
                return
        _log.error("no worker takes a connection")


class _Worker:
    """One of them, and its successors."""

    def __init__(self, *, parent: Workers, number: int, port: int, url: str, store_directory: Path | None, tables: ClusterTables) -> None:
        self._parent = parent
        self._number = number
        self._port = port
        self._url = url
        self._store_directory = store_directory
        self._tables = tables
        self._process: asyncio.subprocess.Process | None = None
        self._channel: socket.socket | None = None

    async def run(self) -> None:
        """Until `stop`, or cancelled, which kills it. `SetupError` when the first one does not start."""
        loop = asyncio.get_running_loop()
        pause_seconds, generation = _PAUSE_SECONDS, 0
        while not self._parent.is_stopping:
            generation += 1
            started_at = loop.time()
            seat = await self._live(generation)
            await self._clear_up(seat)
            if self._parent.is_stopping:
                return
            if not self._parent.has_started:
                raise SetupError(f"worker {self._number} did not start; what it said is above")
            pause_seconds = _PAUSE_SECONDS if loop.time() - started_at > _LONG_LIFE_SECONDS else min(2 * pause_seconds, _PAUSE_MAX_SECONDS)
            await asyncio.sleep(pause_seconds)

    def stop(self) -> None:
        """Have it finish what is running, and end."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def hand(self, connection: socket.socket) -> bool:
        """Give it a connection; whether it could be given."""
        assert self._channel is not None
        try:
            socket.send_fds(self._channel, [CONNECTION], [connection.fileno()])
        except OSError:  # it is about to end, or has not taken the last thousand yet
            return False
        return True

    async def _live(self, generation: int) -> Seat:
        own_end, other_end = socket.socketpair()
        with own_end, other_end:
            own_end.setblocking(False)
            seat = self._parent.seat(
                number=self._number,
                generation=generation,
                port=self._port,
                url=self._url,
                store_directory=self._store_directory,
                channel=other_end.fileno(),
            )
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "alonzo.node.worker"),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(other_end.fileno(),),
                start_new_session=True,  # a Ctrl-C at the terminal is for the parent, which then stops the workers
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
            other_end.close()
            self._channel = own_end
            try:
                assert process.stdin is not None
                process.stdin.write(encode_seat(seat))
                if await asyncio.get_running_loop().sock_recv(own_end, 1) == READY:
                    self._parent.note_ready(self)
                    if self._parent.is_stopping:
                        self.stop()
                status = await process.wait()
                if not self._parent.is_stopping:
                    _log.error("worker %d (process %d) ended with %d", self._number, process.pid, status)
            finally:
                self._parent.note_ended(self)
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            return seat

    async def _clear_up(self, seat: Seat) -> None:
        """What it has left. Its leases are free when nothing runs any more that it had started."""
        await wait_for_sandboxes_to_end(seat.configuration.data_directory)
        while True:
            try:
                await self._forget(seat)
            except StoreError as error:
                if self._parent.is_stopping:
                    return  # the next start does it
                _log.warning("what worker %d has left waits for the store: %s", self._number, error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _forget(self, seat: Seat) -> None:
        tables = self._tables
        for key, _ in list(tables.ledgers.iter_prefix((seat.cluster,))):
            await self._drop_leases(key, seat.name)
        for key, _ in list(tables.allocations.iter_prefix((seat.cluster,))):
            if key[-1] == seat.name:
                await tables.allocations.delete(key)
        for key, holder in list(tables.turns.iter_prefix((seat.cluster,))):
            if holder.name == seat.name:
                await tables.turns.delete(key)
        await tables.members.remove(seat.name)

    async def _drop_leases(self, key: tuple[str, ...], name: str) -> None:
        await self._tables.ledgers.refresh(key)
        while (record := self._tables.ledgers.get_versioned(key)) is not None:
            dropped = record.value.drop(name)
            if dropped == record.value:
                return
            with contextlib.suppress(RecordConflict):
                await self._tables.ledgers.update(key, dropped, revision=record.revision)
                return


def _directory_of(configuration: Configuration, number: int) -> Path:
    return configuration.data_directory / "workers" / str(number)
