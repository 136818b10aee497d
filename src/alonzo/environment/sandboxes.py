"""Sandboxes by runtime: one pool an interpreter, opened when the first function needs it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alonzo.runtimes.catalog import RuntimeSpec, find_runtime
from alonzo.runtimes.interpreters import InterpreterChoice, PythonInterpreter, RuntimeUnavailable, choose_interpreter
from alonzo.runtimes.python_packages import PRELOADED_MODULES, compile_packages
from alonzo.sandbox.pool import SandboxPool
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import SandboxSettings
from alonzo.sandbox.users import UserIds
from alonzo.sandbox.zygote import ZygoteSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuntimeSandbox:
    """A sandbox of a runtime, with the warning that its function's log begins with, if there is one."""

    sandbox: Sandbox
    notice: str | None


class RuntimeSandboxes:
    """The pools of all runtimes in use. `run` belongs in the parent's TaskGroup and keeps them."""

    def __init__(
        self,
        *,
        interpreters: Sequence[PythonInterpreter],
        settings: SandboxSettings,
        users: UserIds,
        strict: bool,
        spare_count: int,
        packages: Path,
    ) -> None:
        self._interpreters = interpreters
        self._settings = settings
        self._users = users
        self._strict = strict
        self._spare_count = spare_count
        self._packages = packages
        self._pools: dict[Path, SandboxPool] = {}
        self._opening: dict[Path, asyncio.Lock] = {}
        self._opened: asyncio.Queue[tuple[PythonInterpreter, SandboxPool]] = asyncio.Queue()

    def check(self, runtime: str | None) -> InterpreterChoice:
        """Which interpreter runs a runtime. Raises RuntimeUnavailable."""
        return choose_interpreter(_known(runtime), self._interpreters, strict=self._strict)

    async def warm_up(self, runtime: str | None) -> None:
        """Have the runtime's pool ready. Raises RuntimeUnavailable, or SetupError with what the host refuses."""
        await self._pool_of(self.check(runtime).interpreter)

    async def acquire(self, runtime: str | None) -> RuntimeSandbox:
        """A ready sandbox. Raises RuntimeUnavailable, SetupError, or SandboxLost (trying again is safe)."""
        choice = self.check(runtime)
        pool = self._pools.get(choice.interpreter.executable) or await self._pool_of(choice.interpreter)
        return RuntimeSandbox(await pool.acquire(), choice.warning)

    async def run(self) -> None:
        """Keep every pool that has been opened; compile the runtime's packages for each interpreter beside it."""
        async with asyncio.TaskGroup() as group:
            while True:
                interpreter, pool = await self._opened.get()
                group.create_task(pool.run())
                group.create_task(compile_packages(self._packages, interpreter))

    async def _pool_of(self, interpreter: PythonInterpreter) -> SandboxPool:
        key = interpreter.executable
        async with self._opening.setdefault(key, asyncio.Lock()):
            if key not in self._pools:
                spec = _zygote_spec(interpreter)
                pool = SandboxPool(spec=spec, settings=self._settings, users=self._users, spare_count=self._spare_count)
                await pool.open()
                _log.info("Python %s is ready (%s)", interpreter.version_text, interpreter.executable)
                self._pools[key] = pool
                self._opened.put_nowait((interpreter, pool))
        return self._pools[key]


def _known(runtime: str | None) -> RuntimeSpec:
    spec = find_runtime(runtime) if runtime else None
    if spec is None:
        raise RuntimeUnavailable(f"{runtime} is not a runtime that Alonzo knows")
    return spec


def _zygote_spec(interpreter: PythonInterpreter) -> ZygoteSpec:
    return ZygoteSpec(
        executable=interpreter.executable,
        prefix=interpreter.base_prefix,
        version=interpreter.feature_version,
        library_directory=interpreter.library_directory,
        preload=PRELOADED_MODULES,
    )
