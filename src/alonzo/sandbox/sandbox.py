"""One sandbox, as the node holds it: its sockets, its log pipe, what is known of its end.

Owner: whoever took it from the `SandboxPool`; `kill` ends it and everything in it. Its processes end too when this object's control socket
closes, so a node that dies takes its sandboxes along.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from alonzo.sandbox.clone import Clone
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.messages import GuestChannel
from alonzo.sandbox.peak_memory import PeakMemory
from alonzo.sandbox.processor_share import ProcessorShare
from alonzo.sandbox.resource_usage import ResourceReader, process_tree, processes_in
from alonzo.sandbox.settings import Network, SandboxSettings

_log = logging.getLogger(__name__)

_TASK_ROOT = "/var/task"
_SOCKETS_WHEN_READY = (3, 4, 5)
"""The runtime's own connection, the Runtime API's listener, in a network of its own the AWS endpoint's and perhaps the one for responses of
custom resources, and the tracers' datagrams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What turns a generic sandbox into the environment of one function.

    `code_directory` and, of a function with layers, `layers_directory` lie in the directory that the pool's sandboxes have as their `code`
    workplace. `commands`: the programs of which the first that is there is executed as the runtime; None for Python's, which is forked.
    `image`: the root file system that everything runs in instead, with no code and layers mounted.
    """

    code_directory: Path
    layers_directory: Path | None = None
    variables: dict[str, str]
    memory_mib: int
    tmp_mib: int
    commands: tuple[tuple[str, ...], ...] | None = None
    image: "ImageRoot | None" = None
    side: "SidePrograms | None" = None
    """With some, the runtime waits for `Sandbox.start_runtime`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRoot:
    """A tree in the directory that the pool's sandboxes have as their `images` workplace, and where in it the runtime begins."""

    path: str
    working_directory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SidePrograms:
    """What runs beside the runtime from the beginning: programs as the sandbox sees them, and their environment variables.

    They are known by the names of their files. `watcher` hears of them.
    """

    paths: tuple[str, ...]
    variables: dict[str, str]
    watcher: "SideWatcher"


class SideWatcher(Protocol):
    """Whom a sandbox tells of its side programs."""

    def on_side_log(self, pipe: int) -> None:
        """They write to a pipe of their own, which from here on is the callee's to read and to close."""
        ...

    def on_side_exit(self, name: str, status: int) -> None:
        """One has ended: its exit status, or minus the number of the signal that killed it."""
        ...

    def on_side_failure(self, name: str, problem: str, error_number: int) -> None:
        """One could not be executed, and those after it have not been tried."""
        ...


class _FromInit(msgspec.Struct, frozen=True, kw_only=True):
    """What the sandbox's process 1 says: one of these, of itself or of a clone (`guest/init.py`, `guest/family.py`)."""

    ready: bool = False
    started: bool = False
    exited: int | None = None
    failed: str | None = None
    side: str | None = None
    """The program beside the runtime that `exited` or `failed` is about."""
    error_number: int = 0
    side_log: bool = False
    connected: int | None = None
    snapshot: str | None = None
    clone: str | None = None
    is_running: bool = False
    is_gone: bool = False


class Sandbox:
    """A built sandbox, waiting for its function or running it."""

    def __init__(
        self, *, sandbox_id: str, user: int, control: socket.socket, log_pipe: int, settings: SandboxSettings, kill: Callable[[str], None]
    ) -> None:
        self.id = sandbox_id
        self.user = user
        self.process_id = 0
        """Of the sandbox's init on the host, once it has been forked."""
        self.log_pipe = log_pipe
        self.isolated = settings.isolated
        self.runtime_connection: socket.socket | None = None
        """The node's end of the runtime's own connection to its Runtime API."""
        self.listeners: list[socket.socket] = []
        self.datagrams: socket.socket | None = None
        """Where tracers send their segments (UDP)."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.started: asyncio.Future[None] = loop.create_future()
        """Done when a program that was started ahead of its function waits for it."""
        self.runtime_exit: asyncio.Future[int] = loop.create_future()
        """The runtime's exit status, or minus the number of the signal that killed it."""
        self.obstacle: asyncio.Future[str] = loop.create_future()
        """Of a sandbox that may be cloned: once its runtime waits to be restored, why it can not be cloned, or nothing."""
        self.ended: asyncio.Future[None] = loop.create_future()
        """Done when no process of the sandbox is left."""
        self._clones: dict[str, Clone] = {}
        self._clone_count = 0
        self._channel = GuestChannel(control, message_type=_FromInit, on_message=self._on_message, on_end=self._on_end)
        self._settings = settings
        self._kill = kill
        self.processor_share = ProcessorShare(settings.cgroups, sandbox_id)
        self._peak = PeakMemory()
        self._side_watcher: SideWatcher | None = None
        self._connecting: dict[int, asyncio.Future[socket.socket]] = {}
        self._connect_count = 0
        self._is_held = False
        self._is_closed = False

    def prestart(self, command: Sequence[str], variables: Mapping[str, str], *, memory_mib: int, java: Mapping[str, str] | None) -> None:
        """Have a program started before the function is known; `started` tells when it waits, `ended` that it could not.

        `memory_mib` decides what it may use until it is assigned. `java`: what `guest/java_machine.py` needs to be the program itself.
        Raises SandboxLost.
        """
        order = {"command": command, "variables": dict(variables), "directory": _TASK_ROOT, "java": None if java is None else dict(java)}
        self._order({"prestart": order, "limits": self._settings.limits(memory_mib=memory_mib)})

    def assign(self, assignment: Assignment) -> None:
        """Start the runtime. Returns at once; `runtime_exit` tells how it ended, the Runtime API that it lives."""
        message = {
            "code": assignment.code_directory.name,
            "layers": None if assignment.layers_directory is None else assignment.layers_directory.name,
            "image": None if assignment.image is None else assignment.image.path,
            "directory": self._directory_of(assignment),
            "variables": assignment.variables,
            "limits": self._settings.limits(memory_mib=assignment.memory_mib, crowd=self.processor_share.crowd),
            "tmp_mib": assignment.tmp_mib,
            "commands": assignment.commands,
            "side": None if assignment.side is None else {"paths": assignment.side.paths, "variables": assignment.side.variables},
        }
        self._side_watcher = None if assignment.side is None else assignment.side.watcher
        self._order(message)
        self.processor_share.begin(assignment.memory_mib)
        self._peak.open(self._settings.cgroups.peak_memory_file(self.id))

    def _directory_of(self, assignment: Assignment) -> str:
        if assignment.image is not None:
            return assignment.image.working_directory
        return _TASK_ROOT if self.isolated else str(assignment.code_directory)

    def start_runtime(self) -> None:
        """Let the runtime go, where it has waited for the programs beside it. Raises SandboxLost."""
        self._order({"op": "start_runtime"})

    def signal_runtime(self, number: int) -> None:
        """Send a signal to the runtime's process, unless it has ended. Raises SandboxLost."""
        self._order({"op": "signal_runtime", "signal": number})

    def kill_side(self, name: str) -> None:
        """SIGKILL for a program beside the runtime, unless it has ended. Raises SandboxLost."""
        self._order({"op": "kill_side", "side": name})

    async def connect(self, port: int) -> socket.socket:
        """A connection to a port of the sandbox's loopback, which is the caller's to close. Raises OSError, or SandboxLost."""
        if self._settings.isolated and self._settings.network is Network.ISOLATED:
            connection = await self._connect_within(port)
        else:
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
        try:
            await _until_connected(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def clone(self, *, memory_mib: int) -> Clone:
        """Ask for a clone of the runtime, which waits to be restored; wait for its `ready`. SandboxLost."""
        self._clone_count += 1
        read, log_pipe = os.pipe()
        os.set_blocking(read, False)
        ours, theirs = socket.socketpair()
        clone = Clone(
            clone_id=f"{self.id}-{self._clone_count}",
            user=self.user,
            memory_mib=memory_mib,
            log_pipe=read,
            runtime_connection=ours,
            in_transit=(log_pipe, theirs.detach()),
            settings=self._settings,
            end=self._end_clone,
        )
        self._clones[clone.id] = clone
        try:
            order = {"op": "clone", "clone": clone.id, "limits": self._settings.limits(memory_mib=memory_mib)}
            self._channel.send(order, clone.in_transit)
        except OSError as error:
            self._forget_clone(clone)
            clone.kill()
            raise SandboxLost(f"sandbox {self.id} is gone") from error
        return clone

    def hold(self) -> None:
        """Somebody uses the sandbox now: even if it ends by itself, its log pipe stays open until `kill`.

        A descriptor that is closed under its reader would soon be another one's.
        """
        self._is_held = True

    def kill(self) -> None:
        """End every process of the sandbox now, and let go of it. May be called again."""
        self._is_held = False
        if self.ended.done():
            self._close()
        else:
            self._kill(self.id)

    def peak_memory_bytes(self) -> int | None:
        """The most memory the sandbox has used at once; None where the host does not count it."""
        return self._peak.read()

    def resource_reader(self) -> ResourceReader:
        """What it has used is read with."""
        group = self._settings.cgroups.find_group(self.id)

        def processes() -> list[int]:
            return process_tree(self.process_id) if group is None else processes_in(group)

        return self._settings.resource_reader(self.id, processes)

    def was_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of this sandbox because it reached its memory limit."""
        return self._settings.cgroups.oom_kill_count(self.id) > 0

    def note_ended(self, reason: str) -> None:
        """Called by the zygote's owner once every process is gone; releases what the node held of it."""
        if self.ended.done():
            return
        if not self.ready.done():
            self.ready.set_exception(SandboxLost(reason))
            self.ready.exception()  # whoever waits sees it; nobody needs to
        if not self.runtime_exit.done():
            self.runtime_exit.set_result(-9)
        for connecting in self._connecting.values():
            if not connecting.done():
                connecting.set_exception(SandboxLost(reason))
        self.ended.set_result(None)
        for clone in list(self._clones.values()):
            self._forget_clone(clone)
        if not self.obstacle.done():
            self.obstacle.set_result(reason)
        self._channel.close()
        if not self._is_held:
            self._close()

    async def _connect_within(self, port: int) -> socket.socket:
        """Made by the sandbox's init: nobody else can, in a network of its own."""
        self._connect_count += 1
        number = self._connect_count
        connecting: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._connecting[number] = connecting
        try:
            self._order({"op": "connect", "port": port, "id": number})
            return await connecting
        except BaseException:
            if connecting.done() and not connecting.cancelled() and connecting.exception() is None:
                connecting.result().close()
            raise
        finally:
            self._connecting.pop(number, None)

    def _order(self, message: dict[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError as error:
            raise SandboxLost(f"sandbox {self.id} is gone") from error

    def _on_message(self, message: _FromInit, descriptors: list[int]) -> None:
        if message.ready:
            self._note_ready([socket.socket(fileno=descriptor) for descriptor in descriptors])
            return
        if message.side_log and self._side_watcher is not None and descriptors:
            self._side_watcher.on_side_log(descriptors.pop())
        connecting = None if message.connected is None else self._connecting.get(message.connected)
        if connecting is not None and not connecting.done() and descriptors:
            connecting.set_result(socket.socket(fileno=descriptors.pop()))
        for descriptor in descriptors:
            os.close(descriptor)
        if message.started and not self.started.done():
            self.started.set_result(None)
        elif message.side is not None:
            self._note_side(message.side, message)
        elif message.clone is not None:
            self._on_clone_message(message, message.clone)
        elif message.snapshot is not None:
            if not self.obstacle.done():
                self.obstacle.set_result(message.snapshot)
        elif message.exited is not None and not self.runtime_exit.done():
            self.runtime_exit.set_result(message.exited)
        elif message.failed is not None:
            self._note_failure(message.failed)

    def _note_side(self, name: str, message: _FromInit) -> None:
        if self._side_watcher is None:
            return
        if message.failed is not None:
            self._side_watcher.on_side_failure(name, message.failed, message.error_number)
        elif message.exited is not None:
            self._side_watcher.on_side_exit(name, message.exited)

    def _on_clone_message(self, message: _FromInit, clone_id: str) -> None:
        clone = self._clones.get(clone_id)
        if clone is None:
            return
        if message.is_running:
            clone.note_running()
        elif message.exited is not None:
            clone.note_exit(message.exited)
        elif message.failed is not None:
            clone.note_failure(message.failed)
        elif message.is_gone:
            self._forget_clone(clone)

    def _end_clone(self, clone_id: str) -> None:
        if clone_id in self._clones:
            try:
                self._channel.send({"op": "end_clone", "clone": clone_id})
            except OSError:
                return  # the whole sandbox is gone, and its zygote says so

    def _forget_clone(self, clone: Clone) -> None:
        del self._clones[clone.id]
        clone.note_ended()

    def _on_end(self, violation: str | None) -> None:
        """Its init is gone, which the zygote will tell too, or must go."""
        if violation is not None:
            _log.error("sandbox %s is ended: %s", self.id, violation)
            self._kill(self.id)

    def _note_ready(self, sockets: list[socket.socket]) -> None:
        if len(sockets) in _SOCKETS_WHEN_READY and not self.ready.done():
            self.runtime_connection, *self.listeners, self.datagrams = sockets
            self.ready.set_result(None)
        else:
            for each in sockets:
                each.close()
            self._on_end(f"it is ready with {len(sockets)} sockets")

    def _note_failure(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(SandboxLost(f"a sandbox could not be built: {reason}"))
            self.ready.exception()
        elif not self.runtime_exit.done():
            self.runtime_exit.set_exception(SandboxLost(f"a sandbox could not be assigned: {reason}"))
            self.runtime_exit.exception()

    def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._channel.close()
        for listener in self.listeners:
            listener.close()
        if self.runtime_connection is not None:
            self.runtime_connection.close()
        if self.datagrams is not None:
            self.datagrams.close()
        os.close(self.log_pipe)
        self._peak.close()


async def _until_connected(connection: socket.socket) -> None:
    """A connection that is being made is writable once it is there or has failed (connect(2), EINPROGRESS)."""
    loop = asyncio.get_running_loop()
    writable: asyncio.Future[None] = loop.create_future()
    loop.add_writer(connection, lambda: None if writable.done() else writable.set_result(None))
    try:
        await writable
    finally:
        loop.remove_writer(connection)
    error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    connection.getpeername()  # OSError where the connection was refused at once, and nothing is left to tell
