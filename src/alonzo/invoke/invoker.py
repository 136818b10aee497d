"""Synchronous invocation: a place, an environment, an answer.

When a warm environment is idle, nothing here waits for anything but the function.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.outcomes import EnvironmentLost, InitFailed
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import FunctionNotReady, NoEnvironment, SnapshotNotReady, Throttled
from alonzo.invoke.new_environments import NewEnvironments
from alonzo.invoke.pools import EnvironmentPools
from alonzo.invoke.processor_room import ProcessorRoom, Run
from alonzo.invoke.starts import Starts
from alonzo.invoke.wakefulness import Wakefulness
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import InitializationType, Invocation, InvocationResult
from alonzo.model.quotas import INIT_TIMEOUT_PROVISIONED_MIN_SECONDS, INIT_TIMEOUT_SECONDS
from alonzo.sandbox.errors import SandboxLost

_PAUSES_SECONDS = (0.02, 0.3, 1.0, 3.0)
"""Between tries to get an environment: a zygote that was lost takes a quarter of a second to come back."""


class VersionInvoker(Protocol):
    """Runs functions; see `Invoker`."""

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult: ...


class CurrentVersions(Protocol):
    """The control plane, as this file needs it: what a version is by now."""

    def find_current(self, version: FunctionVersion) -> FunctionVersion | None: ...


class RestoredEnvironments(Protocol):
    """Environments of versions with SnapStart; see `SnapStartEnvironments`."""

    async def start(self, version: FunctionVersion) -> ExecutionEnvironment: ...


class SharedPlaces(Protocol):
    """Where a place can still be had that `Admission` has refused for want of it here; see `SharedLimits`."""

    async def acquire(self, version: FunctionVersion, refusal: Throttled) -> None: ...

    async def begin_environment(self, version: FunctionVersion, refusal: Throttled) -> None: ...


class Invoker:
    """Runs functions. `shared`: where other workers keep to the same limits. `on_throttled` is told of what nobody has a place for."""

    def __init__(
        self,
        *,
        versions: CurrentVersions,
        new_environments: NewEnvironments,
        snapshots: RestoredEnvironments,
        pools: EnvironmentPools,
        admission: Admission,
        processors: ProcessorRoom,
        wakefulness: Wakefulness,
        on_throttled: Callable[[FunctionVersion, Invocation], None],
        shared: SharedPlaces | None = None,
    ) -> None:
        self._versions = versions
        self._new_environments = new_environments
        self._snapshots = snapshots
        self._pools = pools
        self._admission = admission
        self._processors = processors
        self._wakefulness = wakefulness
        self._on_throttled = on_throttled
        self._shared = shared
        self._starts = Starts()

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        """Run a version once and wait for its answer.

        Raises FunctionNotReady, Throttled, NoEnvironment, RuntimeUnavailable, RestoreFailed.
        What the function itself does wrong is a result.
        Cancelling ends the environment, unless others run in it: whoever does not want the answer must not cancel, but let it run.
        """
        if version.state is not State.ACTIVE:
            raise _not_ready(version)
        try:
            self._admission.acquire(version)
        except Throttled as refusal:
            try:
                if self._shared is None:
                    raise
                await self._shared.acquire(version, refusal)
            except Throttled:
                self._on_throttled(version, invocation)
                raise
        self._wakefulness.enter()
        run = self._processors.enter(version)
        try:
            if run.turn is not None:
                await run.turn
            environment = self._pools.take_idle(version)
            if environment is None:
                return await self._invoke_cold(version, invocation, run)
            run.environment = environment
            environment.share_processors(run.running_count)
            try:
                result = await environment.invoke(invocation, timeout_seconds=version.timeout_seconds)
            except EnvironmentLost:
                return await self._invoke_cold(version, invocation, run)
            self._give_back(environment, version)
            return result
        finally:
            self._processors.leave(run)
            self._wakefulness.leave()
            self._admission.release(version)

    async def _invoke_cold(self, version: FunctionVersion, invocation: Invocation, run: Run) -> InvocationResult:
        problem: Exception | None = None
        if version.capacity_provider is None:
            await self._begin_environment(version, invocation)
        invoke = self._invoke_in_new if version.capacity_provider is None else self._invoke_in_shared
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return await invoke(version, invocation, run)
            except (EnvironmentLost, SandboxLost) as error:
                # The function has not seen the invocation.
                problem = error
                await asyncio.sleep(pause_seconds)
        raise NoEnvironment(f"no execution environment for {version.qualified_arn}: {problem}") from problem

    async def _invoke_in_new(self, version: FunctionVersion, invocation: Invocation, run: Run) -> InvocationResult:
        try:
            if version.uses_snap_start:
                environment, spent_seconds = await self._snapshots.start(version), 0.0
                run.environment = environment
            else:
                environment, spent_seconds = await self._initialized(version, invocation, run, timeout_seconds=INIT_TIMEOUT_SECONDS)
        except InitFailed as failure:
            return failure.result(invocation.request_id)
        result = await environment.invoke(invocation, timeout_seconds=version.timeout_seconds, spent_seconds=spent_seconds)
        self._new_environments.note_used(environment)
        self._give_back(environment, version)
        return result

    async def _initialized(
        self, version: FunctionVersion, invocation: Invocation, run: Run, *, timeout_seconds: float
    ) -> tuple[ExecutionEnvironment, float]:
        """A new environment, and how much of the invocation's time it has cost. InitFailed: twice, and the invocation with it."""
        environment = await self._create(version, run)
        try:
            await environment.initialize(timeout_seconds=timeout_seconds)
        except InitFailed:
            # AWS tries INIT once more, then as part of the invocation and of its time
            # (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib).
            environment = await self._create(version, run)
            await environment.initialize(timeout_seconds=float(version.timeout_seconds), within=invocation)
            return environment, environment.init_seconds
        return environment, 0.0

    async def _create(self, version: FunctionVersion, run: Run) -> ExecutionEnvironment:
        environment = await self._new_environments.create(version, InitializationType.ON_DEMAND)
        run.environment = environment
        return environment

    async def _invoke_in_shared(self, version: FunctionVersion, invocation: Invocation, run: Run) -> InvocationResult:
        """In an environment that runs several at once: one with room, else one that somebody is making, else one of its own making."""
        spent_seconds = 0.0
        while (environment := self._pools.take_idle(version)) is None:
            start = self._starts.find(version)
            try:
                if start is None:
                    spent_seconds = await self._start(version, invocation, run)
                else:
                    await start.wait()
            except InitFailed as failure:
                result = failure.result(invocation.request_id)
                # The log of a failed INIT belongs to the invocation that made the environment.
                return result if start is None else InvocationResult(result.payload, result.function_error)
        run.environment = environment
        result = await environment.invoke(invocation, timeout_seconds=version.timeout_seconds, spent_seconds=spent_seconds)
        self._pools.give_back(environment, self._versions.find_current(version))
        return result

    async def _start(self, version: FunctionVersion, invocation: Invocation, run: Run) -> float:
        """Put a new environment into its pool; how much of the invocation's time that has cost."""
        # Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html ("Init phase").
        timeout_seconds = max(version.timeout_seconds, INIT_TIMEOUT_PROVISIONED_MIN_SECONDS)
        await self._begin_environment(version, invocation)
        with self._starts.begin(version):
            environment, spent_seconds = await self._initialized(version, invocation, run, timeout_seconds=timeout_seconds)
            self._new_environments.note_used(environment)
            self._pools.give_back(environment, version)
        return spent_seconds

    async def _begin_environment(self, version: FunctionVersion, invocation: Invocation) -> None:
        try:
            self._admission.begin_environment(version)
        except Throttled as refusal:
            try:
                if self._shared is None:
                    raise
                await self._shared.begin_environment(version, refusal)
            except Throttled:
                self._on_throttled(version, invocation)
                raise

    def _give_back(self, environment: ExecutionEnvironment, version: FunctionVersion) -> None:
        if environment.settled is None:
            self._pools.give_back(environment, self._versions.find_current(version))
        else:  # the answer has come, but extensions go on: their invocation takes up a place until they have done
            self._admission.prolong(version)
            environment.settled.add_done_callback(lambda _: self._on_settled(environment, version))

    def _on_settled(self, environment: ExecutionEnvironment, version: FunctionVersion) -> None:
        self._admission.release(version)
        self._pools.give_back(environment, self._versions.find_current(version))


def _not_ready(version: FunctionVersion) -> FunctionNotReady:
    if version.uses_snap_start and version.state is State.PENDING:
        return SnapshotNotReady(version.state)
    return FunctionNotReady(version.state)
