"""Keeps the environments of provisioned concurrency: as many of a version as are wanted, initialized before anybody invokes it.

One keeper a version: it makes what is missing, replaces what ends, and ends what is no longer wanted. Functions that cannot be initialized
are tried again, ever more seldom, until somebody changes what is wanted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from alonzo.clock import Clock
from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.outcomes import InitFailed
from alonzo.errors import AlonzoError
from alonzo.functions.settings.provisioned import Allocation, Allocations, VersionKey, WantedEnvironments
from alonzo.invoke.pools import EnvironmentPools
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import InitializationType
from alonzo.model.quotas import INIT_TIMEOUT_PROVISIONED_MIN_SECONDS
from alonzo.model.scope import Scope, partition_of

_log = logging.getLogger(__name__)

_AT_ONCE = 2
"""INITs at a time on this node: invocations need the processors, too."""

_SHORT_LIFE_SECONDS = 1.0
"""An environment that ends sooner counts as one that could not be had: else a runtime that exits by itself would be started for ever."""

_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 1.0, 60.0
"""Between tries: after the first failure, doubled with each, and at most."""

_FAILED_AFTER = 2
"""Tries in a row. Clients take FAILED as the end of it, so a machine that is busy for a moment shall not say so."""

_INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"
"""What AWS gives as reason when the function cannot be initialized."""

CreateEnvironment = Callable[[FunctionVersion, InitializationType], Awaitable[ExecutionEnvironment]]
"""Makes one that is in the pools' hands and not initialized yet; see `NewEnvironments.create`."""


class ProvisionedSettings(Protocol):
    """The control plane, as this file needs it: what is wanted by now."""

    def wanted(self) -> dict[VersionKey, WantedEnvironments]: ...

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]: ...


class Versions(Protocol):
    """The versions of functions by now."""

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion | None: ...

    def subscribe(self, listener: Callable[[tuple[str, ...], FunctionVersion | None], None]) -> Callable[[], None]: ...


class ProvisionedEnvironments:
    """One a node. `run` belongs in the parent's TaskGroup."""

    def __init__(
        self,
        *,
        settings: ProvisionedSettings,
        allocations: Allocations,
        versions: Versions,
        create: CreateEnvironment,
        pools: EnvironmentPools,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._allocations = allocations
        self._versions = versions
        self._create = create
        self._pools = pools
        self._clock = clock
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._keepers: dict[VersionKey, _Keeper] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Component: until cancelled. The environments then are the pools' to end."""
        unsubscribe_settings = self._settings.subscribe(lambda _: self._wake.set())
        unsubscribe_versions = self._versions.subscribe(self._on_version)
        try:
            async with asyncio.TaskGroup() as keepers:
                while True:
                    self._wake.clear()
                    wanted = self._settings.wanted()
                    for key in wanted.keys() - self._keepers.keys():
                        self._keepers[key] = self._keeper(key)
                        keepers.create_task(self._keep(key))
                    for key, keeper in self._keepers.items():
                        keeper.want(wanted.get(key))
                    await self._wake.wait()
        finally:
            unsubscribe_settings()
            unsubscribe_versions()

    async def _keep(self, key: VersionKey) -> None:
        try:
            await self._keepers[key].run()
        finally:
            del self._keepers[key]
            self._allocations.report(key, None)
            self._wake.set()  # it may have been wanted again in the last moment

    def _keeper(self, key: VersionKey) -> "_Keeper":
        account_id, region, name, version = key
        scope = Scope(account_id, region, partition_of(region))
        return _Keeper(
            find_version=lambda: self._versions.find_version(scope, name, version),
            create=self._create,
            pools=self._pools,
            turns=self._turns,
            report=lambda allocation: self._allocations.report(key, allocation),
            clock=self._clock,
        )

    def _on_version(self, key: tuple[str, ...], _: FunctionVersion | None) -> None:
        keeper = self._keepers.get((key[0], key[1], key[2], key[3]))
        if keeper is not None:
            keeper.wake.set()


class _Keeper:
    """Of one version. `run` ends when nothing is wanted any more."""

    def __init__(
        self,
        *,
        find_version: Callable[[], FunctionVersion | None],
        create: CreateEnvironment,
        pools: EnvironmentPools,
        turns: asyncio.Semaphore,
        report: Callable[[Allocation], None],
        clock: Clock,
    ) -> None:
        self._find_version = find_version
        self._create = create
        self._pools = pools
        self._turns = turns
        self._report = report
        self._clock = clock
        self.wake = asyncio.Event()
        self._wanted: WantedEnvironments | None = None
        self._initialized_at: dict[ExecutionEnvironment, float] = {}
        """Those that are there, oldest first, and since when."""
        self._making: set[asyncio.Task[None]] = set()
        self._failure: str | None = None
        self._failure_count = 0
        self._retry_at = 0.0

    def want(self, wanted: WantedEnvironments | None) -> None:
        """So many from here on; None for none. Whoever asks again, asks to try again."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._failure, self._failure_count, self._retry_at = None, 0, 0.0
            self.wake.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self.wake.clear()
                self._dismiss_surplus()
                self._tell()
                if self._wanted is None:
                    for task in self._making:
                        task.cancel()
                    return
                version = self._find_version()
                pause_seconds = self._retry_at - self._clock.monotonic()
                if version is None or version.runnable.state is not State.ACTIVE or not self._missing_count():
                    await self.wake.wait()
                elif pause_seconds > 0:
                    await self._wait(pause_seconds)
                else:
                    for _ in range(self._missing_count()):
                        task = group.create_task(self._make(version.runnable))
                        self._making.add(task)
                        task.add_done_callback(self._on_made)
                    await self.wake.wait()

    def _missing_count(self) -> int:
        return max(self._wanted_count() - len(self._initialized_at) - len(self._making), 0)

    def _wanted_count(self) -> int:
        return 0 if self._wanted is None else self._wanted.count

    def _dismiss_surplus(self) -> None:
        for environment in list(self._initialized_at)[self._wanted_count() :]:
            del self._initialized_at[environment]
            self._pools.dismiss(environment)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            return

    async def _make(self, version: FunctionVersion) -> None:
        async with self._turns:
            if self._clock.monotonic() < self._retry_at:
                return  # another one has failed while this one waited for its turn
            try:
                environment = await self._create(version, InitializationType.PROVISIONED_CONCURRENCY)
                await environment.initialize(timeout_seconds=max(version.timeout_seconds, INIT_TIMEOUT_PROVISIONED_MIN_SECONDS))
            except InitFailed:
                self._note_failure(_INIT_FAILURE)
                return
            except AlonzoError as error:
                _log.warning("no environment for the provisioned concurrency of %s: %s", version.qualified_arn, error)
                self._note_failure(str(error))
                return
        self._failure, self._failure_count = None, 0
        self._initialized_at[environment] = self._clock.monotonic()
        environment.ended.add_done_callback(lambda _: self._on_ended(environment))
        self._pools.keep(environment)
        self._pools.give_back(environment, self._find_current())

    def _find_current(self) -> FunctionVersion | None:
        version = self._find_version()
        return None if version is None else version.runnable

    def _on_made(self, task: asyncio.Task[None]) -> None:
        self._making.discard(task)
        self.wake.set()

    def _on_ended(self, environment: ExecutionEnvironment) -> None:
        initialized_at = self._initialized_at.pop(environment, None)
        if initialized_at is None:
            return  # dismissed
        now = self._clock.monotonic()
        if now - initialized_at < _SHORT_LIFE_SECONDS:
            self._retry_at = now + _PAUSE_SECONDS
        self._tell()
        self.wake.set()

    def _note_failure(self, reason: str) -> None:
        now = self._clock.monotonic()
        if self._retry_at <= now:  # else another one of this round has failed already
            self._failure_count += 1
            self._retry_at = now + min(_PAUSE_SECONDS * 2 ** (self._failure_count - 1), _PAUSE_MAX_SECONDS)
        if self._failure_count >= _FAILED_AFTER:
            self._failure = reason

    def _tell(self) -> None:
        self._report(Allocation(available_count=len(self._initialized_at), failure=self._failure))
