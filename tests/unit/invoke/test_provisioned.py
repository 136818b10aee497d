"""The keepers of provisioned concurrency around environments that run nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from alonzo.clock import ManualClock, SystemClock
from alonzo.environment.outcomes import EnvironmentLost, Fault, InitFailed
from alonzo.environment.phases import Phase
from alonzo.functions.settings.provisioned import Allocation, Allocations, VersionKey, WantedEnvironments
from alonzo.invoke import provisioned
from alonzo.invoke.keep_alive import FixedKeepAlive
from alonzo.invoke.pools import EnvironmentPools
from alonzo.invoke.provisioned import ProvisionedEnvironments
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import InitializationType
from alonzo.model.scope import Scope

from .test_pools import MemoryEnvironment, a_version

VERSION = msgspec.structs.replace(a_version(), version="1", state=State.ACTIVE, timeout_seconds=200)
KEY: VersionKey = (VERSION.scope.account_id, VERSION.scope.region, VERSION.name, "1")


class InitializedEnvironment(MemoryEnvironment):
    """Whose INIT goes as the node says."""

    def __init__(self, version: FunctionVersion, node: "MemoryNode") -> None:
        super().__init__(version, phase=Phase.CREATED)
        self._node = node

    async def initialize(self, *, timeout_seconds: float) -> None:
        self._node.timeouts.append(timeout_seconds)
        await self._node.may_initialize.wait()
        if self._node.problems:
            self.close()
            raise self._node.problems.pop(0)
        self.phase = Phase.IDLE


class MemoryNode:
    """Everything that the keepers need, in memory. `settled` waits until nothing happens any more."""

    def __init__(self) -> None:
        self.version: FunctionVersion | None = VERSION
        self.count: int | None = None
        self.asked = 0
        self.environments: list[InitializedEnvironment] = []
        self.types: list[InitializationType] = []
        self.timeouts: list[float] = []
        self.problems: list[Exception] = []
        self.may_initialize = asyncio.Event()
        self.may_initialize.set()
        self.allocations = Allocations()
        self.pools = EnvironmentPools(
            keep_alive=FixedKeepAlive(seconds=60.0, clock=ManualClock()), memory_available=lambda: 1.0, shed_spares=lambda: 0
        )
        self._listeners: list[Any] = []
        role: Any = self
        self.keepers = ProvisionedEnvironments(
            settings=role, allocations=self.allocations, versions=_Versions(self), create=self.create, pools=self.pools, clock=SystemClock()
        )

    def wanted(self) -> dict[VersionKey, WantedEnvironments]:
        return {} if self.count is None else {KEY: WantedEnvironments(count=self.count, last_modified_unix_ms=self.asked)}

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: None

    async def create(self, version: FunctionVersion, initialization_type: InitializationType) -> Any:
        environment: Any = InitializedEnvironment(version, self)
        self.environments.append(environment)
        self.types.append(initialization_type)
        self.pools.add(environment)
        return environment

    def want(self, count: int | None) -> None:
        self.count, self.asked = count, self.asked + 1
        for listener in self._listeners:
            listener(VERSION.scope)

    async def settled(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    @property
    def phases(self) -> list[Phase]:
        return [environment.phase for environment in self.environments]

    @property
    def allocation(self) -> Allocation:
        return self.allocations.find(KEY)


class _Versions:
    def __init__(self, node: MemoryNode) -> None:
        self._node = node
        self.listeners: list[Any] = []

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion | None:
        del scope, name, qualifier
        return self._node.version

    def subscribe(self, listener: Callable[[tuple[str, ...], FunctionVersion | None], None]) -> Callable[[], None]:
        self._node.change_version = lambda version: (setattr(self._node, "version", version), listener(KEY, version))  # type: ignore[attr-defined]
        return lambda: None


def play(scenario: Callable[[MemoryNode], Awaitable[None]]) -> None:
    async def run() -> None:
        node = MemoryNode()
        running = asyncio.ensure_future(node.keepers.run())
        await node.settled()
        try:
            await scenario(node)
        finally:
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()

    asyncio.run(run())


def test_as_many_are_made_as_are_wanted_and_the_surplus_ends() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.want(3)
        await node.settled()
        assert (node.phases, node.allocation.available_count) == ([Phase.IDLE] * 3, 3)
        assert set(node.types) == {InitializationType.PROVISIONED_CONCURRENCY}
        assert set(node.timeouts) == {200}
        node.want(1)
        await node.settled()
        assert (sorted(node.phases), node.allocation.available_count) == ([Phase.ENDED, Phase.ENDED, Phase.IDLE], 1)
        node.want(None)
        await node.settled()
        assert (set(node.phases), node.allocation.available_count) == ({Phase.ENDED}, 0)
        node.want(1)
        await node.settled()
        assert node.allocation.available_count == 1

    play(scenario)


def test_they_are_available_when_they_are_initialized() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.may_initialize.clear()
        node.want(1)
        await node.settled()
        assert (len(node.environments), node.allocation.available_count) == (1, 0)
        node.may_initialize.set()
        await node.settled()
        assert node.allocation.available_count == 1
        assert node.pools.take_idle(VERSION) is node.environments[0]  # type: ignore[comparison-overlap]

    play(scenario)


def test_an_allocation_that_is_called_off_leaves_nothing() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.may_initialize.clear()
        node.want(5)
        await node.settled()
        node.want(None)
        await node.settled()
        node.may_initialize.set()
        await node.settled()
        assert node.allocation.available_count == 0
        assert node.pools.take_idle(VERSION) is None

    play(scenario)


def test_a_version_that_is_not_active_yet_is_waited_for() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.version = msgspec.structs.replace(VERSION, state=State.PENDING)
        node.want(1)
        await node.settled()
        assert node.environments == []
        node.change_version(VERSION)  # type: ignore[attr-defined]
        await node.settled()
        assert node.allocation.available_count == 1

    play(scenario)


def test_failures_are_tried_again_and_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(provisioned, "_PAUSE_SECONDS", 0.01)
    failure = InitFailed(fault=Fault("Runtime.ExitError", "Runtime exited"), payload=None, duration_seconds=0.1)

    async def scenario(node: MemoryNode) -> None:
        node.problems = [EnvironmentLost("a machine that is busy"), failure, failure]
        told = []
        node.want(1)
        while node.allocation.available_count < 1:
            await asyncio.sleep(0.001)
            told.append(node.allocation.failure)
        assert [text for number, text in enumerate(told) if number == 0 or text != told[number - 1]] in (
            [None, "FUNCTION_ERROR_INIT_FAILURE", None],
            [None, "FUNCTION_ERROR_INIT_FAILURE"],
        )
        assert node.allocation.failure is None
        assert len(node.environments) == 4

    play(scenario)


def test_asking_again_tries_again_at_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(provisioned, "_PAUSE_SECONDS", 3600.0)

    async def scenario(node: MemoryNode) -> None:
        node.problems = [EnvironmentLost("a machine that is busy")]
        node.want(1)
        await node.settled()
        assert (len(node.environments), node.allocation.available_count) == (1, 0)
        node.want(1)
        await node.settled()
        assert node.allocation.available_count == 1

    play(scenario)


def test_what_ends_is_replaced(monkeypatch: Any) -> None:
    monkeypatch.setattr(provisioned, "_SHORT_LIFE_SECONDS", 0.0)

    async def scenario(node: MemoryNode) -> None:
        node.want(2)
        await node.settled()
        node.environments[0].close()
        await node.settled()
        assert (node.phases, node.allocation.available_count) == ([Phase.ENDED, Phase.IDLE, Phase.IDLE], 2)

    play(scenario)
