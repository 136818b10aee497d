"""The snapshots of versions around environments that run nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alonzo.clock import SystemClock
from alonzo.environment.phases import Phase
from alonzo.invoke import snap_start
from alonzo.invoke.pools import pool_key
from alonzo.invoke.snap_start import SnapStartEnvironments
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import InitializationType

from .test_pools import MemoryEnvironment, a_version

VERSION = msgspec.structs.replace(a_version(), version="1", state=State.ACTIVE)


class SnapshotEnvironment(MemoryEnvironment):
    """Initialized as soon as the node says so."""

    def __init__(self, version: FunctionVersion, may_initialize: asyncio.Event) -> None:
        super().__init__(version, phase=Phase.CREATED)
        self._may_initialize = may_initialize

    async def initialize(self, *, timeout_seconds: float) -> None:
        del timeout_seconds
        await self._may_initialize.wait()
        if self.phase is Phase.CREATED:
            self.phase = Phase.SNAPSHOT

    async def find_clone_obstacle(self) -> str | None:
        return None

    async def restore(self, *, since: float) -> None:
        del since
        self.phase = Phase.IDLE


class MemoryNode:
    """One version, and all environments that were made for it, the template first."""

    def __init__(self) -> None:
        self.environments: list[SnapshotEnvironment] = []
        self.may_initialize = asyncio.Event()
        self.may_initialize.set()
        self._version: FunctionVersion | None = VERSION
        self._listener: Callable[[tuple[str, ...], FunctionVersion | None], None] | None = None
        role: Any = self
        self.snapshots = SnapStartEnvironments(versions=role, environments=role, memory_available=lambda: 1.0, clock=SystemClock())

    def find_current(self, version: FunctionVersion) -> FunctionVersion | None:
        del version
        return self._version

    def subscribe(self, listener: Callable[[tuple[str, ...], FunctionVersion | None], None]) -> Callable[[], None]:
        self._listener = listener
        return lambda: None

    async def create(self, version: FunctionVersion, initialization_type: InitializationType) -> SnapshotEnvironment:
        assert initialization_type is InitializationType.SNAP_START
        self.environments.append(SnapshotEnvironment(version, self.may_initialize))
        return self.environments[-1]

    async def clone(self, template: SnapshotEnvironment) -> SnapshotEnvironment:
        return await self.create(template.version, InitializationType.SNAP_START)

    def delete_version(self) -> None:
        assert self._listener is not None
        self._version = None
        self._listener(pool_key(VERSION), None)

    @property
    def phases(self) -> list[Phase]:
        return [environment.phase for environment in self.environments]


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_clone_that_is_made_while_its_version_is_deleted_ends_and_its_template_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snap_start, "_REFILL_DELAY_SECONDS", 0.0)

    async def scenario() -> None:
        node = MemoryNode()
        running = asyncio.ensure_future(node.snapshots.run([]))
        await settled()
        await node.snapshots.publish(VERSION)
        assert node.phases == [Phase.SNAPSHOT, Phase.SNAPSHOT]
        node.may_initialize.clear()
        serving = await node.snapshots.start(VERSION)
        await settled()
        assert node.phases == [Phase.SNAPSHOT, Phase.IDLE, Phase.CREATED]
        node.delete_version()
        node.may_initialize.set()
        await settled()
        assert node.phases == [Phase.SNAPSHOT, Phase.IDLE, Phase.ENDED]  # the template holds the one that serves
        serving.close()
        await settled()
        assert node.phases == [Phase.ENDED] * 3
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(scenario())
