"""Synchronous invocation around environments that run nothing: what is tried again, what is refused, what is given back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.garbage import nothing_left_of

from alonzo.clock import ManualClock
from alonzo.environment.outcomes import EnvironmentLost, Fault, InitFailed
from alonzo.environment.phases import Phase
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import FunctionNotReady, NoEnvironment, Throttled
from alonzo.invoke.invoker import Invoker
from alonzo.invoke.keep_alive import FixedKeepAlive
from alonzo.invoke.memory_room import MemoryRoom
from alonzo.invoke.new_environments import NewEnvironments
from alonzo.invoke.pools import EnvironmentPools
from alonzo.invoke.processor_room import ProcessorRoom
from alonzo.invoke.wakefulness import Wakefulness
from alonzo.model.function import CapacityProviderConfig, FunctionVersion, State
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.quotas import INIT_TIMEOUT_PROVISIONED_MIN_SECONDS, INIT_TIMEOUT_SECONDS
from alonzo.sandbox.memory import MachineMemory

from .test_pools import MemoryEnvironment, a_version

_MIB = 1 << 20
ACTIVE = msgspec.structs.replace(a_version(), state=State.ACTIVE, timeout_seconds=7)
INVOCATION = Invocation(request_id="1", payload=b"{}", invoked_function_arn="arn", trace_header="Root=1")


class ScriptedEnvironment(MemoryEnvironment):
    """Fails INIT or the invocation as its script says, else echoes."""

    def __init__(self, version: FunctionVersion, node: "MemoryNode") -> None:
        shares = version.capacity_provider is not None
        super().__init__(version, phase=Phase.CREATED, runs_several=shares, has_room=shares)
        self._node = node
        self.init_seconds = 0.0

    async def initialize(self, *, timeout_seconds: float, within: Invocation | None = None) -> None:
        self._node.calls.append(("initialize", timeout_seconds, within is not None))
        if not self._node.init_gate.is_set():
            await self._node.init_gate.wait()
        problem = self._node.init_problems.pop(0) if self._node.init_problems else None
        if problem is not None:
            self.close()
            raise problem
        self.phase = Phase.IDLE
        self.init_seconds = self._node.init_seconds

    async def invoke(self, invocation: Invocation, *, timeout_seconds: float, spent_seconds: float = 0.0) -> InvocationResult:
        self._node.calls.append(("invoke", timeout_seconds - spent_seconds, False))
        self._node.running_counts.append(self._node.admission.running_count(self.version.scope))
        problem = self._node.invoke_problems.pop(0) if self._node.invoke_problems else None
        if problem is not None:
            self.close()
            raise problem
        return InvocationResult(invocation.payload)


class MemoryNode:
    """Everything that an Invoker needs, in memory."""

    def __init__(self, *, account_limit: int = 10) -> None:
        self.calls: list[tuple[str, float, bool]] = []
        self.running_counts: list[int] = []
        self.init_problems: list[Exception | None] = []
        self.invoke_problems: list[Exception | None] = []
        self.init_seconds = 1.0
        self.init_gate = asyncio.Event()
        self.init_gate.set()
        self.current: FunctionVersion | None = ACTIVE
        self.environments: list[ScriptedEnvironment] = []
        self.admission = Admission(account_limit=account_limit, clock=ManualClock())
        role: Any = self
        self.memory = MachineMemory(total=8_192 * _MIB, available=4_096 * _MIB)
        self.pools = EnvironmentPools(
            keep_alive=FixedKeepAlive(seconds=60.0, clock=ManualClock()), memory_available=lambda: 1.0, shed_spares=lambda: 0
        )
        room = MemoryRoom(read=lambda: self.memory, evict=self.pools.make_room, wait_seconds=0.0, clock=ManualClock())
        self.invoker = Invoker(
            on_throttled=lambda version, invocation: None,
            versions=role,
            new_environments=NewEnvironments(code=role, images=role, environments=role, pools=self.pools, room=room),
            snapshots=role,
            pools=self.pools,
            admission=self.admission,
            processors=ProcessorRoom(
                processor_count=1_000, is_full=lambda: True, has_idle=self.pools.has_idle, pace=lambda: None, clock=ManualClock()
            ),
            wakefulness=Wakefulness(processor_count=2),
        )

    def find_current(self, version: FunctionVersion) -> FunctionVersion | None:
        del version
        return self.current

    def find(self, sha256: str) -> Path | None:
        return Path(sha256)

    async def create(self, version: FunctionVersion, code_directory: Path, layers_directory: Path | None = None, **_: Any) -> Any:
        del code_directory, layers_directory
        self.environments.append(ScriptedEnvironment(version, self))
        return self.environments[-1]


def run(scenario: Callable[[MemoryNode], Awaitable[None]], **settings: Any) -> None:
    async def play() -> None:
        await scenario(MemoryNode(**settings))

    asyncio.run(play())


def an_init_failure() -> InitFailed:
    return InitFailed(fault=Fault("Runtime.ExitError", "Runtime exited"), payload=None, duration_seconds=0.1)


def test_a_cold_start_is_followed_by_warm_ones() -> None:
    async def scenario(node: MemoryNode) -> None:
        for _ in range(3):
            assert (await node.invoker.invoke(ACTIVE, INVOCATION)).payload == b"{}"
        assert node.calls == [("initialize", INIT_TIMEOUT_SECONDS, False), *[("invoke", 7, False)] * 3]
        assert node.running_counts == [1, 1, 1]
        assert node.admission.running_count(ACTIVE.scope) == 0

    run(scenario)


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED, State.INACTIVE])
def test_a_function_that_is_not_active_is_refused(state: State) -> None:
    async def scenario(node: MemoryNode) -> None:
        with pytest.raises(FunctionNotReady, match=f"currently in the following state: {state.value}"):
            await node.invoker.invoke(msgspec.structs.replace(ACTIVE, state=state), INVOCATION)
        assert node.environments == []

    run(scenario)


def test_nothing_is_started_for_an_invocation_without_a_place() -> None:
    async def scenario(node: MemoryNode) -> None:
        with pytest.raises(Throttled):
            await node.invoker.invoke(ACTIVE, INVOCATION)
        assert node.environments == []

    run(scenario, account_limit=0)


def test_a_refusal_is_gone_when_nobody_has_it_any_more() -> None:
    """What refers to itself waits for the garbage collector: a flood of refusals would have it stop the event loop, tenfold a second."""

    async def scenario(node: MemoryNode) -> None:
        with nothing_left_of(Throttled):
            for _ in range(100):
                with suppress(Throttled):
                    await node.invoker.invoke(ACTIVE, INVOCATION)

    run(scenario, account_limit=0)


def test_init_is_tried_once_more_within_the_invocation_and_its_time() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.init_problems = [an_init_failure()]
        assert (await node.invoker.invoke(ACTIVE, INVOCATION)).payload == b"{}"
        assert node.calls == [("initialize", INIT_TIMEOUT_SECONDS, False), ("initialize", 7.0, True), ("invoke", 6.0, False)]

    run(scenario)


def test_init_that_fails_twice_is_the_result() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.init_problems = [an_init_failure(), an_init_failure()]
        result = await node.invoker.invoke(ACTIVE, INVOCATION)
        assert result.function_error == "Unhandled"
        assert json.loads(result.payload)["errorType"] == "Runtime.ExitError"
        assert node.admission.running_count(ACTIVE.scope) == 0

    run(scenario)


def test_an_environment_that_is_lost_is_replaced_and_nobody_notices() -> None:
    async def scenario(node: MemoryNode) -> None:
        await node.invoker.invoke(ACTIVE, INVOCATION)
        node.invoke_problems = [EnvironmentLost("warm"), EnvironmentLost("cold")]
        node.init_problems = [EnvironmentLost("in INIT")]
        assert (await node.invoker.invoke(ACTIVE, INVOCATION)).payload == b"{}"
        assert len(node.environments) == 4

    run(scenario)


def test_an_environment_of_an_old_revision_is_not_kept() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.current = msgspec.structs.replace(ACTIVE, last_modified_unix_ms=2)
        await node.invoker.invoke(ACTIVE, INVOCATION)
        assert node.environments[0].phase is Phase.ENDED

    run(scenario)


def test_the_place_is_given_back_when_the_invocation_is_cancelled_or_fails() -> None:
    async def scenario(node: MemoryNode) -> None:
        for problem in (asyncio.CancelledError(), RuntimeError("a fault of ours")):
            node.invoke_problems = [problem]
            with pytest.raises(type(problem)):
                await node.invoker.invoke(ACTIVE, INVOCATION)
            assert node.admission.running_count(ACTIVE.scope) == 0

    run(scenario)


def test_a_machine_that_gives_no_environment_is_said_after_some_tries() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.init_problems = [EnvironmentLost("no more processes")] * 20
        with pytest.raises(NoEnvironment, match=r"function:function:\$LATEST: no more processes"):
            await node.invoker.invoke(ACTIVE, INVOCATION)
        assert 1 < len(node.environments) < 20
        assert node.admission.running_count(ACTIVE.scope) == 0

    run(scenario)


ON_PROVIDER = CapacityProviderConfig(
    capacity_provider_arn="arn:aws:lambda:us-east-1:000000000000:capacity-provider:p", environment_max_concurrency=4
)
SHARED = msgspec.structs.replace(ACTIVE, runtime="python3.13", capacity_provider=ON_PROVIDER)


async def turns() -> None:
    """Let the others go as far as they get."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_invocations_wait_for_the_environment_that_one_of_them_makes() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.current = SHARED
        node.init_gate.clear()
        invoking = [asyncio.create_task(node.invoker.invoke(SHARED, INVOCATION)) for _ in range(8)]
        await turns()
        node.init_gate.set()
        assert [result.payload for result in await asyncio.gather(*invoking)] == [b"{}"] * 8
        assert len(node.environments) == 2
        assert {call[:2] for call in node.calls if call[0] == "initialize"} == {("initialize", INIT_TIMEOUT_PROVISIONED_MIN_SECONDS)}

    run(scenario)


def test_when_it_cannot_be_made_all_that_waited_fail() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.current = SHARED
        node.init_problems = [an_init_failure(), an_init_failure()]
        node.init_gate.clear()
        invoking = [asyncio.create_task(node.invoker.invoke(SHARED, INVOCATION)) for _ in range(3)]
        await turns()
        node.init_gate.set()
        results = await asyncio.gather(*invoking)
        assert [json.loads(result.payload)["errorType"] for result in results] == ["Runtime.ExitError"] * 3
        assert len(node.environments) == 2

    run(scenario)


def test_when_whoever_makes_it_gives_up_the_others_make_their_own() -> None:
    async def scenario(node: MemoryNode) -> None:
        node.current = SHARED
        node.init_gate.clear()
        maker, other = (asyncio.create_task(node.invoker.invoke(SHARED, INVOCATION)) for _ in range(2))
        await turns()
        maker.cancel()
        node.init_gate.set()
        assert (await other).payload == b"{}"
        await asyncio.gather(maker, return_exceptions=True)

    run(scenario)
