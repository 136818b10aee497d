"""Archives of the classes that every Java function loads: half of a JVM's cold start is loading and verifying them (decision 6).

One is made for each Java of the machine, the first time a function needs it, by a JVM in a sandbox: it runs AWS's client with a method of
the JDK as handler through one invocation, and at its exit writes the classes it has loaded (JEP 350, dynamic class data sharing). Beside
it, their names: a JVM that is started ahead of its function loads them while it waits. Kept with what is fetched from Maven Central. A JVM
that cannot use the archive starts without.
"""

import asyncio
import hashlib
import logging
import os
import re
import shutil
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alonzo.environment.java_launch import ARCHIVE_SUFFIX, JAVA_CLIENT_DIRECTORY, class_list_of, java_command
from alonzo.environment.java_options import default_java_options
from alonzo.environment.program_view import ProgramView
from alonzo.environment.variables import RUNTIME_DIRECTORY, TASK_ROOT, startup_defaults
from alonzo.errors import AlonzoError
from alonzo.runtimes.programs import Program
from alonzo.sandbox.pool import SandboxPool
from alonzo.sandbox.sandbox import Assignment, Sandbox
from alonzo.sandbox.settings import SandboxSettings

_log = logging.getLogger(__name__)

_FIRST_VERSION = 13
_MEMORY_MIB = 512
_TIMEOUT_SECONDS = 60.0
_ARCHIVE_MAX_BYTES = 128 << 20
_READ_BYTES = 1 << 20
_MADE_AT = "/tmp/classes.jsa"  # noqa: S108  # the sandbox's own
_LOADED_AT = "/tmp/loaded"  # noqa: S108
_BEGIN_LOADED, _BEGIN_ARCHIVE = b"\n-- the classes --\n", b"\n-- the archive --\n"
_SCRIPT = (
    f'"$@" >/dev/null 2>&1; printf "{_BEGIN_LOADED.decode()}"; cat {_LOADED_AT} 2>/dev/null; '
    f'printf "{_BEGIN_ARCHIVE.decode()}"; exec cat {_MADE_AT} 2>/dev/null'
)
_LOADED = re.compile(r"^([\w.$]+) source: ", re.MULTILINE | re.ASCII)
"""A line of `-Xlog:class+load`. What a JVM makes up for itself (lambda forms, proxies) no other can load."""
_MADE_UP = re.compile(r"\$\$|\$Proxy|LambdaForm")
_MAGIC = (0xF00BABA8).to_bytes(4, sys.byteorder)
"""CDS_DYNAMIC_ARCHIVE_MAGIC of HotSpot's cds.h."""
_HANDLER = "java.util.Map::copyOf"
"""A method from a map to a map, which every JDK has."""
_EVENT = b'{"text": "x", "number": 1, "list": [1.5, true, null], "map": {"key": "value"}}'
_INVOCATION = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: archive\r\n"
    b"Lambda-Runtime-Deadline-Ms: 9999999999999\r\nLambda-Runtime-Invoked-Function-Arn: archive\r\n"
    b"Lambda-Runtime-Trace-Id: Root=archive\r\nContent-Length: %d\r\n\r\n%b" % (len(_EVENT), _EVENT)
)
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
_NO_MORE = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
"""Over which the client ends. An answer without a Content-Type would break it."""


@dataclass(frozen=True, slots=True)
class _Trained:
    archive: bytes
    classes: tuple[str, ...]


class JavaArchives:
    """See the module. `run` belongs in the parent's TaskGroup and makes them."""

    def __init__(self, *, settings: SandboxSettings, packages: Path, cache: Path) -> None:
        self._settings = settings
        self._directory = packages / JAVA_CLIENT_DIRECTORY
        self._cache = cache
        self._names: dict[Program, str | None] = {}
        self._wanted: asyncio.Queue[tuple[ProgramView, SandboxPool]] = asyncio.Queue()
        self._waiting: dict[Program, list[Callable[[], None]]] = {}

    def find(self, view: ProgramView) -> str | None:
        """The name of a program's archive in the directory of the client's jars, once it is there."""
        return self._names.get(view.program)

    def expect(self, view: ProgramView, pool: SandboxPool, *, then: Callable[[], None]) -> None:
        """There is a function for this Java, in isolated sandboxes. `then` is called once the archive is there, perhaps at once."""
        if view.program.version < (_FIRST_VERSION,):
            return
        if self._names.get(view.program) is not None:
            then()
            return
        if view.program not in self._names:
            self._names[view.program] = None
            self._wanted.put_nowait((view, pool))
        self._waiting.setdefault(view.program, []).append(then)

    async def run(self) -> None:
        """Make what is wanted, one after the other, until cancelled."""
        while True:
            view, pool = await self._wanted.get()
            try:
                self._names[view.program] = await self._ensure(view, pool)
                for then in self._waiting.pop(view.program, ()):
                    then()
            except (AlonzoError, OSError) as error:
                self._waiting.pop(view.program, None)
                _log.warning("Java %s starts without an archive of its client's classes: %r", view.program.version_text, error)

    async def _ensure(self, view: ProgramView, pool: SandboxPool) -> str:
        name = await asyncio.to_thread(_name_of, view)
        both = (class_list_of(name), name)
        if not all((self._directory / each).exists() for each in both):
            if not all((self._cache / each).exists() for each in both):
                made = await self._make(view.seen, pool)
                await asyncio.to_thread(_keep, self._cache / class_list_of(name), "".join(f"{each}\n" for each in made.classes).encode())
                await asyncio.to_thread(_keep, self._cache / name, made.archive)
            for each in both:
                await asyncio.to_thread(_copy, self._cache / each, self._directory / each)
        return name

    async def _make(self, program: Program, pool: SandboxPool) -> _Trained:
        code_directory = self._settings.code_directory / "no-code"
        code_directory.mkdir(exist_ok=True)
        sandbox = await pool.acquire()
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await _train(sandbox, program, code_directory)
        finally:
            sandbox.kill()


async def _train(sandbox: Sandbox, program: Program, code_directory: Path) -> _Trained:
    listener = sandbox.listeners.pop(0)
    host, port = listener.getsockname()
    options = (*default_java_options(_MEMORY_MIB), f"-XX:ArchiveClassesAtExit={_MADE_AT}", f"-Xlog:class+load:file={_LOADED_AT}:none")
    command = java_command(program, RUNTIME_DIRECTORY, options=options, handler=_HANDLER)
    server = await asyncio.start_server(_RuntimeApi().serve, sock=listener)
    async with server:
        sandbox.assign(
            Assignment(
                code_directory=code_directory,
                variables=startup_defaults()
                | {"AWS_LAMBDA_RUNTIME_API": f"{host}:{port}", "_HANDLER": _HANDLER, "LAMBDA_TASK_ROOT": TASK_ROOT}
                | {"AWS_LAMBDA_FUNCTION_NAME": "archive", "AWS_LAMBDA_FUNCTION_VERSION": "1"}
                | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(_MEMORY_MIB), "LAMBDA_RUNTIME_DIR": RUNTIME_DIRECTORY}
                | {"AWS_LAMBDA_LOG_GROUP_NAME": "archive", "AWS_LAMBDA_LOG_STREAM_NAME": "archive"},
                memory_mib=_MEMORY_MIB,
                tmp_mib=_MEMORY_MIB,
                commands=(("/bin/sh", "-c", _SCRIPT, "sh", *command),),
            )
        )
        _, _, made = (await _read_all(sandbox.log_pipe)).partition(_BEGIN_LOADED)
    loaded, _, archive = made.partition(_BEGIN_ARCHIVE)
    if not archive.startswith(_MAGIC):
        raise AlonzoError("it made none")
    names = dict.fromkeys(_LOADED.findall(loaded.decode(errors="replace")))
    return _Trained(archive, tuple(name for name in names if not _MADE_UP.search(name)))


class _RuntimeApi:
    """One invocation for the client, and then an end."""

    def __init__(self) -> None:
        self._is_invoked = False

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n") if b": " in line)
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                writer.write(self._answer(head.startswith(b"GET")))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            return  # the client has ended, or it is not the client
        finally:
            writer.close()

    def _answer(self, wants_invocation: bool) -> bytes:
        if not wants_invocation:
            return _ACCEPTED
        if self._is_invoked:
            return _NO_MORE
        self._is_invoked = True
        return _INVOCATION


async def _read_all(pipe: int) -> bytes:
    reader = StreamReader(limit=_READ_BYTES)
    own = os.fdopen(os.dup(pipe), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), own)
    try:
        content = bytearray()
        while part := await reader.read(_READ_BYTES):
            content += part
            if len(content) > _ARCHIVE_MAX_BYTES:
                raise AlonzoError("it is too large")
        return bytes(content)
    finally:
        transport.close()


def _name_of(view: ProgramView) -> str:
    """An archive is good for one build of one Java at one place, and for one class path."""
    release = (view.program.prefix / "release").read_bytes()
    command = java_command(view.seen, RUNTIME_DIRECTORY, options=default_java_options(_MEMORY_MIB), handler=_HANDLER)
    return f"classes-{view.program.version_text}-{hashlib.sha256(release + repr(command).encode()).hexdigest()[:16]}{ARCHIVE_SUFFIX}"


def _keep(target: Path, archive: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.write_bytes(archive)
    draft.replace(target)


def _copy(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, draft)
    draft.replace(target)
