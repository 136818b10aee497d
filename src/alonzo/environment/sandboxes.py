"""Sandboxes by runtime: one pool for each interpreter or program, opened when the first function needs it.

Python functions are forked from a zygote of their own interpreter. Programs (node, a function's own `bootstrap`) are executed in a sandbox
that was forked from a zygote of the machine's best interpreter.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from alonzo.environment.java_archives import JavaArchives
from alonzo.environment.java_launch import JAVA_CLIENT_DIRECTORY
from alonzo.environment.prestart import PrestartOrder, find_prestart_order
from alonzo.environment.prestarted import PrestartedPrograms
from alonzo.environment.program_view import ProgramView
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.catalog import RuntimeFamily, RuntimeSpec, find_runtime
from alonzo.runtimes.discovery import SearchPlaces
from alonzo.runtimes.dotnet import copy_dotnet_client, dotnet_client_cache
from alonzo.runtimes.interpreters import PythonInterpreter, RuntimeUnavailable, choose_interpreter
from alonzo.runtimes.java_client import default_cache, ensure_java_client
from alonzo.runtimes.program_discovery import discover_programs
from alonzo.runtimes.programs import Program, choose_program
from alonzo.runtimes.python_packages import PRELOADED_MODULES, compile_packages
from alonzo.sandbox.plan import Shown
from alonzo.sandbox.pool import SandboxPool
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import SandboxSettings
from alonzo.sandbox.users import UserIds
from alonzo.sandbox.zygote import ZygoteSpec

_log = logging.getLogger(__name__)

DOTNET_CLIENT_DIRECTORY = "dotnet"
"""Below the runtime directory."""


class _PoolKey(NamedTuple):
    """Programs that need to be shown nothing share the interpreter's pool."""

    interpreter: Path
    shown: tuple[Shown, ...]
    clonable: bool
    is_for_images: bool


@dataclass(frozen=True, slots=True)
class RuntimeSandbox:
    """A sandbox of a runtime, with the warning that its function's log begins with, if there is one.

    `program`: what runs the functions of a language, all of it as the sandbox sees it; None for Python and for programs of the
    function's own.
    """

    sandbox: Sandbox
    family: RuntimeFamily
    notice: str | None
    program: Program | None = None
    archive: str | None = None
    """Of Java's classes, if there is one by now (`java_archives.py`)."""
    is_clonable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    family: RuntimeFamily
    interpreter: PythonInterpreter
    view: ProgramView | None
    warning: str | None
    clonable: bool = False
    is_for_images: bool = False

    @property
    def pool_key(self) -> _PoolKey:
        """Which pool has its sandboxes."""
        return _PoolKey(self.interpreter.executable, () if self.view is None else self.view.shown, self.clonable, self.is_for_images)

    def prestart_key(self, order: PrestartOrder) -> Hashable:
        """Which programs that were started ahead will do."""
        return self.pool_key, order.command, tuple(order.variables.items())


class RuntimeSandboxes:
    """The pools of all runtimes in use. `run` belongs in the parent's TaskGroup and keeps them."""

    def __init__(
        self,
        *,
        interpreters: Sequence[PythonInterpreter],
        places: SearchPlaces,
        settings: SandboxSettings,
        users: UserIds,
        strict: bool,
        spare_count: int,
        zygote_count: int,
        packages: Path,
        prestarted: PrestartedPrograms | None,
        images: Path,
    ) -> None:
        self._interpreters = interpreters
        self._places = places
        self._programs: dict[RuntimeFamily, tuple[Program, ...]] = {}
        self._settings = settings
        self._users = users
        self._strict = strict
        self._spare_count = spare_count
        self._zygote_count = zygote_count
        self._packages = packages
        self._prestarted = prestarted
        self._images = images
        self._archives = JavaArchives(settings=settings, packages=packages, cache=default_cache())
        self._pools: dict[_PoolKey, SandboxPool] = {}
        self._opening: dict[_PoolKey, asyncio.Lock] = {}
        self._opened: asyncio.Queue[tuple[PythonInterpreter, SandboxPool]] = asyncio.Queue()

    async def warm_up(self, version: FunctionVersion) -> None:
        """Have the pool of a function's runtime ready. Raises RuntimeUnavailable, or SetupError with what the host refuses."""
        choice = await self._choose(version)
        pool = await self._pool_of(choice)
        if choice.view is None or not self._settings.isolated:
            return
        if choice.family is RuntimeFamily.JAVA:
            self._archives.expect(choice.view, pool, then=lambda: self._expect_program(choice, version, pool))
        else:
            self._expect_program(choice, version, pool)

    def _expect_program(self, choice: _Choice, version: FunctionVersion, pool: SandboxPool) -> None:
        order = self._prestart_order(choice, version)
        if self._prestarted is not None and order is not None:
            self._prestarted.expect(choice.prestart_key(order), order, pool)

    def _prestart_order(self, choice: _Choice, version: FunctionVersion) -> PrestartOrder | None:
        if choice.view is None or not self._settings.isolated:
            return None
        return find_prestart_order(
            version,
            choice.view.seen,
            archive=self._archives.find(choice.view),
            trusted_certificates=self._settings.find_trusted_certificates(),
        )

    async def acquire(
        self, version: FunctionVersion, *, fits_prestarted: Callable[[], bool] | None = None, clonable: bool = False
    ) -> RuntimeSandbox:
        """A ready sandbox, perhaps one in which the runtime's program waits already.

        `fits_prestarted`: whether such a one will do, asked in a thread; None: none is wanted.
        `clonable`: one whose runtime may be cloned, if the host and the runtime allow it.
        Raises RuntimeUnavailable, SetupError, or SandboxLost (trying again is safe).
        """
        choice = await self._choose(version)
        if clonable and choice.family is RuntimeFamily.PYTHON and self._settings.may_clone:
            choice = replace(choice, clonable=True)
        pool = self._pools.get(choice.pool_key) or await self._pool_of(choice)
        sandbox = None
        if fits_prestarted is not None and self._prestarted is not None:
            order = self._prestart_order(choice, version)
            if order is not None and await asyncio.to_thread(fits_prestarted):
                sandbox = self._prestarted.take(choice.prestart_key(order), order, pool)
        if sandbox is None:
            sandbox = await pool.acquire()
        if choice.view is None:
            return RuntimeSandbox(sandbox, choice.family, choice.warning, is_clonable=choice.clonable)
        program = choice.view.seen if sandbox.isolated else choice.view.program
        archive = self._archives.find(choice.view)
        return RuntimeSandbox(sandbox, choice.family, choice.warning, program, archive)

    async def run(self) -> None:
        """Keep every pool that has been opened; compile the runtime's packages for each interpreter beside it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._archives.run())
            if self._prestarted is not None:
                group.create_task(self._prestarted.run())
            while True:
                interpreter, pool = await self._opened.get()
                group.create_task(pool.run())
                group.create_task(compile_packages(self._packages, interpreter))

    async def _choose(self, version: FunctionVersion) -> _Choice:
        if version.code.image_uri is not None:
            # A program of its own, as with `provided`, but in another root.
            interpreter = self._best_interpreter("A container image")
            return _Choice(family=RuntimeFamily.PROVIDED, interpreter=interpreter, view=None, warning=None, is_for_images=True)
        spec = _known(version.runtime)
        if spec.family is RuntimeFamily.PYTHON:
            python = choose_interpreter(spec, self._interpreters, strict=self._strict)
            return _Choice(family=spec.family, interpreter=python.interpreter, view=None, warning=python.warning)
        interpreter = self._best_interpreter(spec.identifier)
        if spec.family in (RuntimeFamily.PROVIDED, RuntimeFamily.GO):
            return _Choice(family=spec.family, interpreter=interpreter, view=None, warning=None)
        programs = self._programs.get(spec.family)
        if not programs:  # looked for again while there is none: somebody may be about to install it
            programs = self._programs[spec.family] = await discover_programs(spec.family, self._places)
        chosen = choose_program(spec, programs, strict=self._strict)
        if spec.family is RuntimeFamily.JAVA:
            await ensure_java_client(self._packages / JAVA_CLIENT_DIRECTORY, cache=default_cache())
        if spec.family is RuntimeFamily.DOTNET:
            await copy_dotnet_client(self._packages / DOTNET_CLIENT_DIRECTORY, cache=dotnet_client_cache())
        return _Choice(family=spec.family, interpreter=interpreter, view=ProgramView.of(chosen.program), warning=chosen.warning)

    def _best_interpreter(self, what: str) -> PythonInterpreter:
        if not self._interpreters:
            raise RuntimeUnavailable(f"{what} needs a Python interpreter, 3.9 or newer, to build its sandboxes: none is here")
        return max(self._interpreters, key=lambda candidate: (candidate.has_ctypes, candidate.is_optimized, candidate.version))

    async def _pool_of(self, choice: _Choice) -> SandboxPool:
        key = choice.pool_key
        async with self._opening.setdefault(key, asyncio.Lock()):
            if key not in self._pools:
                interpreter = choice.interpreter
                spec = _zygote_spec(interpreter, key.shown, clonable=choice.clonable, images=self._images if choice.is_for_images else None)
                spare_count = 0 if choice.clonable else self._spare_count  # nobody waits for a snapshot to be made
                pool = SandboxPool(
                    spec=spec, settings=self._settings, users=self._users, spare_count=spare_count, zygote_count=self._zygote_count
                )
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


def _zygote_spec(interpreter: PythonInterpreter, shown: tuple[Shown, ...], *, clonable: bool, images: Path | None) -> ZygoteSpec:
    return ZygoteSpec(
        executable=interpreter.executable,
        prefix=interpreter.base_prefix,
        version=interpreter.feature_version,
        library_directory=interpreter.library_directory,
        preload=PRELOADED_MODULES,
        shown=shown,
        clonable=clonable,
        images=images,
    )
