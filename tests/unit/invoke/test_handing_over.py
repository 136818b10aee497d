"""Handing invocations of provisioned versions over to workers with a free environment: whoever has none any more refuses."""

import asyncio
from typing import Any

import msgspec

from alonzo.invoke.handing_over import HandingOver
from alonzo.model.function import FunctionVersion, State
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.scope import Scope
from alonzo.model.trace_header import TraceHeader

from .test_pools import a_version

TRACE = TraceHeader("1-6750ae7a-000000000000000000000001", "0000000000000002", is_sampled=True)
VERSION = msgspec.structs.replace(a_version(), version="1", state=State.ACTIVE)


class Cluster:
    """Delegates at once, as far as asking goes; what was accepted begins only when all that was sent has been asked."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}

    async def delegate(self, worker: str, request: bytes, *, timeout_seconds: float) -> bytes | None:
        assert timeout_seconds > VERSION.timeout_seconds
        await asyncio.sleep(0)
        work = self.workers[worker].asked(request)
        await asyncio.sleep(0)
        return None if work is None else await work


class Worker:
    """One with so many environments. Plays the parts of everything below, too."""

    def __init__(self, cluster: Cluster, name: str, idle_count: int) -> None:
        self.name = name
        self.idle_count = idle_count
        self.gate = asyncio.Event()
        self.cluster = cluster
        self.asked: Any = None
        cluster.workers[name] = self
        role: Any = self
        self.handing_over = HandingOver(own=role, admission=role, pools=role, holders=role, versions=role, delegation=role)

    def take(self, work: Any) -> None:
        self.asked = work

    async def delegate(self, worker: str, request: bytes, *, timeout_seconds: float) -> bytes | None:
        return await self.cluster.delegate(worker, request, timeout_seconds=timeout_seconds)

    def has_provisioned_place(self, version: FunctionVersion) -> bool:
        assert version == VERSION
        return self.idle_count > 0

    has_idle_kept = has_provisioned_place

    def provisioned_holders(self, scope: Scope, name: str, version: str) -> set[str]:
        assert (scope, name, version) == (VERSION.scope, VERSION.name, VERSION.version)
        return {each for each in self.cluster.workers if each != self.name}

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion:
        assert (scope, name, qualifier) == (VERSION.scope, VERSION.name, VERSION.version)
        return VERSION

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        assert (version, invocation.payload, invocation.trace) == (VERSION, b"{}", TRACE)
        if self.idle_count == 0:
            return InvocationResult(b"on demand", None, b"")
        self.idle_count -= 1
        await self.gate.wait()
        return InvocationResult(self.name.encode(), None, b"")


def test_invocations_of_one_moment_find_what_is_free_wherever_it_is() -> None:
    """Both may be accepted by the same worker, before the first of them has taken its only environment."""

    async def invoke_three() -> list[bytes]:
        cluster = Cluster()
        asker, first, second = (Worker(cluster, name, idle_count) for name, idle_count in (("a", 0), ("b", 1), ("c", 1)))
        invocations = [
            Invocation(request_id=str(n), payload=b"{}", invoked_function_arn="arn", trace_header="", trace=TRACE) for n in range(3)
        ]
        running = [asyncio.create_task(asker.handing_over.invoke(VERSION, invocation)) for invocation in invocations]
        for _ in range(20):
            await asyncio.sleep(0)
        for worker in (first, second):
            worker.gate.set()
        return sorted(result.payload for result in await asyncio.gather(*running))

    for _ in range(20):  # whom an invocation asks first is chance
        assert asyncio.run(invoke_three()) == [b"b", b"c", b"on demand"]
