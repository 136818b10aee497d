"""A zygote, as the node holds it: starts the process, asks it for sandboxes, hears of their ends."""

import asyncio
import base64
import os
import socket
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alonzo import ids
from alonzo.errors import SetupError
from alonzo.sandbox.messages import receive, send
from alonzo.sandbox.plan import masked_proc_files, root_plan
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import SandboxSettings, TmpKind

_START_TIMEOUT_SECONDS = 20.0
_LOG_PIPE_BYTES = 65_536
_F_SETPIPE_SZ = 1031


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteSpec:
    """Which interpreter a zygote is of, and what it imports before it forks."""

    executable: Path
    prefix: Path
    version: tuple[int, int]
    library_directory: Path | None
    preload: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Packet:
    """A message to the zygote; its descriptors are ours until it has been sent."""

    message: dict[str, Any]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


class Zygote:
    """A running zygote. `aclose` ends it and all its sandboxes."""

    def __init__(self, *, process: asyncio.subprocess.Process, control: socket.socket, settings: SandboxSettings) -> None:
        self._process = process
        self._control = control
        self._settings = settings
        self._sandboxes: dict[str, Sandbox] = {}
        self._unsent: deque[_Packet] = deque()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the process is gone, whoever ended it."""

    @classmethod
    async def start(cls, spec: ZygoteSpec, settings: SandboxSettings) -> "Zygote":
        """Start the process and wait until it can fork. Raises SetupError with the step that the host refused."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        launcher = settings.packages / "alonzo" / "guest" / "launcher.py"
        environment = _interpreter_environment(spec, isolated=False)
        try:
            process = await asyncio.create_subprocess_exec(
                *(str(spec.executable), "-I", "-S", str(launcher), str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        zygote = cls(process=process, control=ours, settings=settings)
        asyncio.get_running_loop().add_reader(ours, zygote._on_packet)
        try:
            send(ours, _launch_settings(spec, settings))
            send(ours, _zygote_settings(spec, settings))
            async with asyncio.timeout(_START_TIMEOUT_SECONDS):
                await zygote._ready
        except BaseException:
            await zygote.aclose()
            raise
        return zygote

    @property
    def process_id(self) -> int:
        """Of the zygote itself."""
        return self._process.pid

    def spawn(self, *, user: int) -> Sandbox:
        """Ask for a sandbox; wait for its `ready` before using it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        read, write = os.pipe2(os.O_CLOEXEC) if sys.platform == "linux" else os.pipe()
        os.set_blocking(read, False)
        sandbox = Sandbox(sandbox_id=ids.new_hex_id(8), user=user, control=ours, log_pipe=read, settings=self._settings, kill=self._kill)
        self._sandboxes[sandbox.id] = sandbox
        self._post(_Packet({"op": "spawn", "id": sandbox.id, "user": user}, (theirs.detach(), write)))
        return sandbox

    async def aclose(self) -> None:
        """End the zygote and every sandbox; returns when no process of them is left."""
        self._lose()
        await self._process.wait()

    def _kill(self, sandbox_id: str) -> None:
        if sandbox_id in self._sandboxes:
            self._post(_Packet({"op": "kill", "id": sandbox_id}, ()))

    def _post(self, packet: _Packet) -> None:
        """Send, or keep until the zygote has read what is before it: it takes a millisecond for each sandbox."""
        self._unsent.append(packet)
        if len(self._unsent) == 1:
            self._send_waiting()

    def _send_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                send(self._control, self._unsent[0].message, self._unsent[0].descriptors)
                self._unsent.popleft().close()
        except BlockingIOError:
            loop.add_writer(self._control, self._send_waiting)
        except OSError:
            self._lose()
        else:
            loop.remove_writer(self._control)

    def _on_packet(self) -> None:
        try:
            message, _ = receive(self._control)
        except BlockingIOError:
            return
        except OSError:
            message = None
        if message is None:
            self._lose()
        elif "ready" in message:
            self._ready.set_result(None)
        elif "spawned" in message:
            if sandbox := self._sandboxes.get(message["spawned"]):
                sandbox.process_id = message["process"]
        elif "exited" in message:
            self._end(message["exited"], "it ended")
        elif "id" in message:
            self._end(message["id"], message["failed"])
        elif not self._ready.done():
            self._ready.set_exception(SetupError(f"sandboxes cannot be built on this host: {message['failed']}"))

    def _end(self, sandbox_id: str, reason: str) -> None:
        sandbox = self._sandboxes.pop(sandbox_id, None)
        if sandbox is not None:
            sandbox.note_ended(reason)

    def _lose(self) -> None:
        """The zygote is gone or must go; it ends its sandboxes itself when it sees its socket close."""
        if self.lost.done():
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._control)
        loop.remove_writer(self._control)
        self._control.close()
        while self._unsent:
            self._unsent.popleft().close()
        if not self._ready.done():
            self._ready.set_exception(SetupError("the zygote ended while it started; what it said is above"))
            self._ready.exception()
        for sandbox_id in list(self._sandboxes):
            self._end(sandbox_id, "its zygote is gone")
        self.lost.set_result(None)


def _launch_settings(spec: ZygoteSpec, settings: SandboxSettings) -> dict[str, Any]:
    return {
        "isolation": settings.isolation,
        "rootless": settings.rootless,
        "root": str(settings.root_directory),
        "plan": _plan(spec, settings) if settings.isolated else [],
        "interpreter": _inside(spec) if settings.isolated else str(spec.executable),
        "packages": "/var/runtime" if settings.isolated else str(settings.packages),
        "variables": _interpreter_environment(spec, isolated=settings.isolated),
        "cgroups": [{"name": directory.name, "path": str(directory.path)} for directory in settings.cgroups.directories],
    }


def _zygote_settings(spec: ZygoteSpec, settings: SandboxSettings) -> dict[str, Any]:
    return {
        "isolation": settings.isolation,
        "network": settings.network,
        "rootless": settings.rootless,
        "tmp_kind": settings.tmp_kind,
        "tmp_mib": settings.default_tmp_mib,
        "endpoint_port": settings.endpoint_port,
        "masked_proc_files": masked_proc_files(),
        "seccomp": base64.b64encode(settings.seccomp_program).decode(),
        "preload": spec.preload,
        "runtime_limits": {"descriptors": settings.descriptors, "processes": settings.processes},
        "tmp_directory": str(settings.tmp_directory),
        "node_group": settings.cgroups.directories[0].path.name if settings.cgroups.directories else None,
        "workplaces": sorted(_workplaces(settings)),
    }


def _plan(spec: ZygoteSpec, settings: SandboxSettings) -> list[dict[str, Any]]:
    plan = root_plan(
        interpreter_prefix=spec.prefix,
        interpreter_version=spec.version,
        packages=settings.packages,
        workplaces=_workplaces(settings),
        recursive=settings.rootless,
    )
    return list(plan)


def _workplaces(settings: SandboxSettings) -> dict[str, Path]:
    workplaces = {"code": settings.code_directory}
    if settings.tmp_kind is TmpKind.IMAGE:
        workplaces |= {"tmp": settings.tmp_directory, "dev": Path("/dev")}
    if settings.rootless:
        # In a user namespace the kernel mounts a new /proc only beside one that is there and wholly visible (mount_namespaces(7)).
        workplaces["proc"] = Path("/proc")
    return workplaces


def _inside(spec: ZygoteSpec) -> str:
    return f"/var/lang/{spec.executable.relative_to(spec.prefix)}"


def _interpreter_environment(spec: ZygoteSpec, *, isolated: bool) -> dict[str, str]:
    variables = {"LANG": "C.UTF-8", "PATH": os.defpath}
    if spec.library_directory is not None:
        inside = Path("/var/lang") / spec.library_directory.relative_to(spec.prefix)
        variables["LD_LIBRARY_PATH"] = str(inside if isolated else spec.library_directory)
    return variables
