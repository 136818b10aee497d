"""SnapStart: environments of published versions that are initialized when the version is published, and restored when they are invoked.

A version has one environment that waits; whoever needs one restores it, and another takes its place. Where the function allows it, the one
that was initialized is the template of all others, which are forked from it; else each is initialized for itself. Initialized processes
cannot be kept on disk, so they are made anew after a restart of the node, and again by the first invocation after a version has not been
invoked for long or the machine ran out of memory.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from alonzo.clock import Clock
from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.outcomes import EnvironmentLost, InitFailed
from alonzo.environment.phases import Phase
from alonzo.errors import AlonzoError
from alonzo.invoke.errors import Throttled
from alonzo.invoke.keep_alive import PoolKey
from alonzo.invoke.pools import MemoryAvailable, pool_key
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import InitializationType
from alonzo.model.quotas import INIT_TIMEOUT_PROVISIONED_MIN_SECONDS
from alonzo.sandbox.errors import SandboxLost

_log = logging.getLogger(__name__)

_AT_ONCE = 2
"""INITs at a time on this node: invocations need the processors, too."""

_FORKS_AT_ONCE = 4
"""Of one template, which makes one after the other: whoever waits for a turn is not late yet."""

_TRIES, _PAUSE_SECONDS = 3, 0.3
"""To get a sandbox for the first snapshot of a version, which would else be `Failed` for good."""

_REFILL_DELAY_SECONDS = 0.05
"""The environment that was just restored shall have the CPU to itself."""

_CLONE_SECONDS = 10.0
"""From its fork until it asks to be restored: some milliseconds, on a machine that is not overloaded."""

_UNUSED_SECONDS = 3_600.0
_INSPECTION_SECONDS = 5.0
_MEMORY_PRESSURE_SHARE = 0.1
"""A little earlier than the pools end environments that have served already."""


class EnvironmentMaker(Protocol):
    """See `NewEnvironments`."""

    async def create(self, version: FunctionVersion, initialization_type: InitializationType) -> ExecutionEnvironment: ...

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment: ...


class Versions(Protocol):
    """The versions of functions by now."""

    def find_current(self, version: FunctionVersion) -> FunctionVersion | None: ...

    def subscribe(self, listener: Callable[[tuple[str, ...], FunctionVersion | None], None]) -> Callable[[], None]: ...


class _Snapshot:
    """What there is of one version."""

    __slots__ = ("clones", "environments", "fork_turns", "is_refilled", "template", "used_at", "waiting")

    def __init__(self, used_at: float) -> None:
        self.environments: set[ExecutionEnvironment] = set()
        """Those that are being initialized, or wait."""
        self.template: ExecutionEnvironment | None = None
        self.clones: set[ExecutionEnvironment] = set()
        """All that were forked from the template and live, also those that serve invocations by now."""
        self.fork_turns = asyncio.Semaphore(_FORKS_AT_ONCE)
        self.waiting: ExecutionEnvironment | None = None
        self.is_refilled = False
        """Whether another environment is on its way already."""
        self.used_at = used_at


class SnapStartEnvironments:
    """One a node. `run` belongs in the parent's TaskGroup."""

    def __init__(
        self,
        *,
        versions: Versions,
        environments: EnvironmentMaker,
        memory_available: MemoryAvailable,
        clock: Clock,
    ) -> None:
        self._versions = versions
        self._environments = environments
        self._memory_available = memory_available
        self._clock = clock
        self._snapshots: dict[PoolKey, _Snapshot] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._wanted: asyncio.Queue[FunctionVersion] = asyncio.Queue()
        """Bounded by the number of snapshots: each asks once for another environment when its own is taken or ends."""

    async def publish(self, version: FunctionVersion) -> None:
        """Make the snapshot of a version that is Pending. InitFailed; other AlonzoErrors when no environment could be had.

        Returns without one when the version is deleted meanwhile.
        """
        for tries_left in reversed(range(_TRIES)):
            snapshot = self._snapshots.setdefault(pool_key(version), _Snapshot(self._clock.monotonic()))
            try:
                await self._make(version, snapshot)
            except InitFailed:
                self._drop(pool_key(version))
                raise
            except (EnvironmentLost, SandboxLost, Throttled):
                if self._versions.find_current(version) is None:
                    return
                if not tries_left:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def start(self, version: FunctionVersion) -> ExecutionEnvironment:
        """An environment that is restored and ready for an invocation.

        RestoreFailed, InitFailed (a snapshot had to be made anew), and when trying again is safe EnvironmentLost or SandboxLost.
        """
        started_at = self._clock.monotonic()
        environment = self._take(version)
        snapshot = self._refill(version)
        if environment is None and snapshot.template is not None:
            environment = await self._clone(snapshot, snapshot.template)
        if environment is None:
            environment = await self._environments.create(version, InitializationType.SNAP_START)
            await environment.initialize(timeout_seconds=_init_timeout_seconds(version))
            started_at = self._clock.monotonic()  # before was INIT
        await environment.restore(since=started_at)
        return environment

    async def run(self, existing: Iterable[FunctionVersion]) -> None:
        """Component: until cancelled. `existing`: the versions that there are already."""
        unsubscribe = self._versions.subscribe(self._on_version)
        try:
            for version in existing:
                if version.uses_snap_start and version.state is State.ACTIVE:
                    self._refill(version)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inspect())
                while True:
                    version = await self._wanted.get()
                    group.create_task(self._make_another(version))
        finally:
            unsubscribe()

    def _take(self, version: FunctionVersion) -> ExecutionEnvironment | None:
        snapshot = self._snapshots.get(pool_key(version))
        if snapshot is None or snapshot.waiting is None:
            return None
        environment, snapshot.waiting = snapshot.waiting, None
        snapshot.environments.discard(environment)
        if environment.phase is Phase.SNAPSHOT and version.runs_as(environment.version):
            return environment
        environment.close()
        return None

    def _refill(self, version: FunctionVersion) -> _Snapshot:
        snapshot = self._snapshots.setdefault(pool_key(version), _Snapshot(0.0))
        snapshot.used_at = self._clock.monotonic()
        if not snapshot.is_refilled:
            snapshot.is_refilled = True
            self._wanted.put_nowait(version)
        return snapshot

    async def _make_another(self, version: FunctionVersion) -> None:
        """In the place of one that is gone. Where that fails, the next invocation makes its own and asks again."""
        await asyncio.sleep(_REFILL_DELAY_SECONDS)
        key = pool_key(version)
        snapshot, current = self._snapshots.get(key), self._versions.find_current(version)
        if snapshot is None:
            return
        try:
            if current is None:
                self._drop(key)
            else:
                await self._make(current, snapshot)
        except AlonzoError as error:
            _log.warning("no environment is ready for SnapStart of %s: %s", version.qualified_arn, error)
        except Exception:
            _log.exception("no environment is ready for SnapStart of %s", version.qualified_arn)
        finally:
            snapshot.is_refilled = False

    async def _make(self, version: FunctionVersion, snapshot: _Snapshot) -> None:
        environment: ExecutionEnvironment | None = None
        if snapshot.template is not None:
            environment = await self._clone(snapshot, snapshot.template)
        if environment is None:
            async with self._turns:
                environment = await self._initialize(version, snapshot)
        if environment is not None and snapshot.template is None and await environment.find_clone_obstacle() is None:
            environment = await self._use_as_template(snapshot, environment)
        if environment is None:
            return
        was_dropped = self._snapshots.get(pool_key(version)) is not snapshot
        if was_dropped or snapshot.waiting is not None or environment.phase is not Phase.SNAPSHOT:
            environment.close()
            return
        snapshot.waiting = environment
        snapshot.environments.add(environment)
        environment.ended.add_done_callback(lambda _: self._on_ended(snapshot, environment))

    async def _initialize(self, version: FunctionVersion, snapshot: _Snapshot) -> ExecutionEnvironment | None:
        """None when the version was deleted meanwhile."""
        environment = await self._environments.create(version, InitializationType.SNAP_START)
        try:
            if self._snapshots.get(pool_key(version)) is not snapshot:
                return None
            snapshot.environments.add(environment)
            await environment.initialize(timeout_seconds=_init_timeout_seconds(version))
        finally:
            if environment.phase is not Phase.SNAPSHOT:
                snapshot.environments.discard(environment)
                environment.close()
        return environment

    async def _use_as_template(self, snapshot: _Snapshot, template: ExecutionEnvironment) -> ExecutionEnvironment:
        """The first clone; or the template itself, where none can be had."""
        clone = await self._clone(snapshot, template)
        if clone is None:
            return template
        snapshot.environments.discard(template)
        snapshot.template = template
        template.ended.add_done_callback(lambda _: _forget_template(snapshot))
        return clone

    async def _clone(self, snapshot: _Snapshot, template: ExecutionEnvironment) -> ExecutionEnvironment | None:
        """None where that did not work: said in the node's log, and another way is open."""
        try:
            async with snapshot.fork_turns:
                clone = await self._environments.clone(template)
                snapshot.clones.add(clone)
                clone.ended.add_done_callback(lambda _: self._on_clone_ended(snapshot, clone))
                await clone.initialize(timeout_seconds=_CLONE_SECONDS)
        except AlonzoError as error:
            _log.warning("SnapStart of %s could not fork an environment: %s", template.version.qualified_arn, error)
            return None
        return clone

    def _on_clone_ended(self, snapshot: _Snapshot, clone: ExecutionEnvironment) -> None:
        snapshot.clones.discard(clone)
        self._end_unused_template(snapshot, clone.version)

    def _end_unused_template(self, snapshot: _Snapshot, version: FunctionVersion) -> None:
        """A template ends with the last of its clones, once it is not to have more: they live in its sandbox."""
        if self._snapshots.get(pool_key(version)) is not snapshot and not snapshot.clones and snapshot.template is not None:
            snapshot.template.close()

    def _on_ended(self, snapshot: _Snapshot, environment: ExecutionEnvironment) -> None:
        """One that may have waited has ended; if it did not wait in vain, it has been taken before."""
        snapshot.environments.discard(environment)
        if snapshot.waiting is environment:
            snapshot.waiting = None
            if snapshot.template is None and self._snapshots.get(pool_key(environment.version)) is snapshot:
                del self._snapshots[pool_key(environment.version)]

    def _on_version(self, key: tuple[str, ...], version: FunctionVersion | None) -> None:
        if version is None or version.state is State.FAILED:
            self._drop((key[0], key[1], key[2], key[3]))

    def _drop(self, key: PoolKey) -> None:
        snapshot = self._snapshots.pop(key, None)
        if snapshot is not None:
            for environment in list(snapshot.environments):
                environment.close()
            if snapshot.template is not None:
                self._end_unused_template(snapshot, snapshot.template.version)

    async def _inspect(self) -> None:
        """Let go of what nobody has used for long, and of what was used longest ago when memory is short."""
        while True:
            await asyncio.sleep(_INSPECTION_SECONDS)
            unused_since = self._clock.monotonic() - _UNUSED_SECONDS
            for key in [key for key, snapshot in self._snapshots.items() if snapshot.used_at < unused_since]:
                self._drop(key)
            if self._snapshots and self._memory_available() < _MEMORY_PRESSURE_SHARE:
                key = min(self._snapshots, key=lambda key: self._snapshots[key].used_at)
                _log.warning("memory is short: the snapshot of %s:%s is made again when it is invoked", key[2], key[3])
                self._drop(key)


def _forget_template(snapshot: _Snapshot) -> None:
    snapshot.template = None


def _init_timeout_seconds(version: FunctionVersion) -> float:
    return max(version.timeout_seconds, INIT_TIMEOUT_PROVISIONED_MIN_SECONDS)
