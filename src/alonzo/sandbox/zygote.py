"""A zygote, as the node holds it: starts the process, asks it for sandboxes, hears of their ends."""

import asyncio
import base64
import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from alonzo import ids
from alonzo.errors import SetupError
from alonzo.sandbox.messages import GuestChannel
from alonzo.sandbox.plan import Shown, masked_proc_files, root_plan
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import TRUSTED_CERTIFICATES, SandboxSettings, TmpKind

_log = logging.getLogger(__name__)

_START_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteSpec:
    """Which interpreter a zygote is of, and what it imports before it forks."""

    executable: Path
    prefix: Path
    version: tuple[int, int]
    library_directory: Path | None
    preload: tuple[str, ...]
    shown: tuple[Shown, ...] = ()
    """Further directories that its sandboxes show."""
    clonable: bool = False
    """Whether the runtimes of its sandboxes may be forked into environments of their own (`guest/family.py`)."""
    images: Path | None = None
    """Where root file systems are that its sandboxes may move into (`guest/image_root.py`)."""


class _FromZygote(msgspec.Struct, frozen=True, kw_only=True):
    """What the zygote says (`guest/zygote.py`)."""

    ready: bool = False
    spawned: str | None = None
    process: int = 0
    exited: str | None = None
    failed: str | None = None
    id: str | None = None
    """The sandbox that has failed; None: the zygote itself."""


class Zygote:
    """A running zygote. `aclose` ends it and all its sandboxes."""

    def __init__(self, *, process: asyncio.subprocess.Process, control: socket.socket, settings: SandboxSettings) -> None:
        self._process = process
        self._channel = GuestChannel(control, message_type=_FromZygote, on_message=self._on_message, on_end=self._on_end)
        self._settings = settings
        self._sandboxes: dict[str, Sandbox] = {}
        self._in_transit: dict[str, tuple[int, ...]] = {}
        """The descriptors of sandboxes that have been asked for, until the zygote has them for certain."""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the process is gone, whoever ended it."""

    @classmethod
    async def start(cls, spec: ZygoteSpec, settings: SandboxSettings) -> "Zygote":
        """Start the process and wait until it can fork. Raises SetupError with the step that the host refused."""
        ours, theirs = socket.socketpair()
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
        try:
            zygote._channel.send(_launch_settings(spec, settings))
            zygote._channel.send(_zygote_settings(spec, settings))
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

    @property
    def queue_length(self) -> int:
        """How many sandboxes it has been asked for and has not forked yet."""
        return len(self._in_transit)

    def spawn(self, *, user: int) -> Sandbox:
        """Ask for a sandbox; wait for its `ready` before using it."""
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        os.set_blocking(read, False)
        sandbox = Sandbox(sandbox_id=ids.new_hex_id(8), user=user, control=ours, log_pipe=read, settings=self._settings, kill=self._kill)
        self._sandboxes[sandbox.id] = sandbox
        self._in_transit[sandbox.id] = descriptors = (theirs.detach(), write)
        self._post({"op": "spawn", "id": sandbox.id, "user": user}, descriptors)
        return sandbox

    async def aclose(self) -> None:
        """End the zygote and every sandbox; returns when no process of them is left."""
        self._lose()
        await self._process.wait()

    def _kill(self, sandbox_id: str) -> None:
        if sandbox_id in self._sandboxes:
            self._post({"op": "kill", "id": sandbox_id}, ())

    def _post(self, message: dict[str, Any], descriptors: tuple[int, ...]) -> None:
        try:
            self._channel.send(message, descriptors)
        except OSError:
            self._lose()

    def _on_message(self, message: _FromZygote, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        if message.ready:
            if not self._ready.done():
                self._ready.set_result(None)
        elif message.spawned is not None:
            self._close_sent(message.spawned)
            if sandbox := self._sandboxes.get(message.spawned):
                sandbox.process_id = message.process
        elif message.exited is not None:
            self._end(message.exited, "it ended")
        elif message.id is not None:
            self._end(message.id, message.failed or "")
        elif not self._ready.done():
            self._ready.set_exception(SetupError(f"sandboxes cannot be built on this host: {message.failed}"))

    def _on_end(self, violation: str | None) -> None:
        if violation is not None:
            _log.error("a zygote is ended: %s", violation)
        self._lose()

    def _close_sent(self, sandbox_id: str) -> None:
        for descriptor in self._in_transit.pop(sandbox_id, ()):
            os.close(descriptor)

    def _end(self, sandbox_id: str, reason: str) -> None:
        self._close_sent(sandbox_id)
        sandbox = self._sandboxes.pop(sandbox_id, None)
        if sandbox is not None:
            sandbox.note_ended(reason)

    def _lose(self) -> None:
        """The zygote is gone or must go; it ends its sandboxes itself when it sees its socket close."""
        if self.lost.done():
            return
        self._channel.close()
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
        "response_address": settings.response_address,
        "masked_proc_files": masked_proc_files(),
        "seccomp": base64.b64encode(settings.clonable_seccomp_program if spec.clonable else settings.seccomp_program).decode(),
        "clonable": spec.clonable,
        "preload": spec.preload,
        "runtime_limits": {"descriptors": settings.descriptors, "processes": settings.processes},
        "tmp_directory": str(settings.tmp_directory),
        "node_group": settings.cgroups.directories[0].path.name if settings.cgroups.directories else None,
        "workplaces": sorted(_workplaces(spec, settings)),
    }


def _plan(spec: ZygoteSpec, settings: SandboxSettings) -> list[dict[str, Any]]:
    plan = root_plan(
        interpreter_prefix=spec.prefix,
        interpreter_version=spec.version,
        packages=settings.packages,
        shown=(*spec.shown, Shown(settings.trusted_certificates, Path(TRUSTED_CERTIFICATES))),
        workplaces=_workplaces(spec, settings),
        recursive=settings.rootless,
    )
    return list(plan)


def _workplaces(spec: ZygoteSpec, settings: SandboxSettings) -> dict[str, Path]:
    workplaces = {"code": settings.code_directory}
    if spec.images is not None:
        workplaces["images"] = spec.images
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
