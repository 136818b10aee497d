"""Workers that share limits over a real store: exact at every instant, whoever asks, whatever changes, whoever dies."""

import asyncio
import functools
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alonzo.clock import SystemClock
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.invoke.leases import Ledger
from alonzo.invoke.shared_limits import SharedLimits, SharedRates
from alonzo.model.concurrency import AccountLimits, FunctionLimits
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.members import Member, Members
from alonzo.store.peer_calls import PeerCalls
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

from .test_pools import a_version

HERE = Scope("000000000000", "us-east-1")
CLUSTER = "test"
ACCOUNT_LIMIT = 1000


def in_event_loop(scenario: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(scenario)
    def run(**fixtures: Any) -> None:
        asyncio.run(scenario(**fixtures))

    return run


class Worker:
    """One of several, with a connection of its own."""

    def __init__(self, *, admission: Admission, limits: SharedLimits, members: Members, ledgers: RecordTable[Ledger]) -> None:
        self.admission = admission
        self.limits = limits
        self.members = members
        self.ledgers = ledgers
        self.tasks: list[asyncio.Task[None]] = []

    async def acquire(self, version: FunctionVersion) -> bool:
        """As `Invoker` does."""
        try:
            self.admission.acquire(version)
        except Throttled as refusal:
            try:
                await self.limits.acquire(version, refusal)
            except Throttled:
                return False
        return True

    async def die(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def workers(directory: Path, count: int) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(await EmbeddedServer.start(data_directory=directory))
        started = []
        for number in range(1, count + 1):
            connection = await stack.enter_async_context(await connect(nats.url))
            members = await Members.open(connection, cluster=CLUSTER, own_name=f"{number}-1")
            ledgers = await RecordTable.open(connection, name="leases", record_type=Ledger)
            peers = await PeerCalls.open(connection, cluster=CLUSTER, members=members)
            rates = SharedRates()
            admission = Admission(account_limit=None, clock=SystemClock(), rates=rates)
            limits = SharedLimits(
                admission=admission,
                rates=rates,
                table=ledgers,
                cluster=CLUSTER,
                members=members,
                peers=peers,
                account_limit=ACCOUNT_LIMIT,
                clock=SystemClock(),
            )
            worker = Worker(admission=admission, limits=limits, members=members, ledgers=ledgers)
            components = (members.table.run(), ledgers.run(), peers.run(), limits.run())
            worker.tasks = [asyncio.create_task(component) for component in components]
            await members.add(Member(number=number, process_id=number))
            started.append(worker)
        revision = started[-1].members.table.applied_revision
        for worker in started:
            await worker.members.table.reach(revision)
        try:
            yield started
        finally:
            for worker in started:
                await worker.die()


async def set_limits(workers: list[Worker], limits: AccountLimits) -> None:
    """As a change that has been answered."""
    for worker in workers:
        worker.limits.configure(HERE, limits)
    for worker in workers:
        await worker.limits.settle()


def reserved(**counts: int) -> AccountLimits:
    functions = {name: FunctionLimits(reserved=count, provisioned_counts={}) for name, count in counts.items()}
    return AccountLimits(unreserved_count=ACCOUNT_LIMIT - sum(counts.values()), functions=functions)


def version(name: str) -> FunctionVersion:
    return msgspec.structs.replace(a_version(name), scope=HERE)


@in_event_loop
async def test_all_that_is_reserved_is_got_and_no_more_from_any_worker(tmp_path: Path) -> None:
    function = version("f")
    async with workers(tmp_path, 3) as three:
        await set_limits(three, reserved(f=7))
        got = await asyncio.gather(*(worker.acquire(function) for worker in three for _ in range(20)))
        assert sum(got) == 7
        for worker in three:
            running = worker.admission.running_count(HERE)
            for _ in range(running):
                worker.admission.release(function)
        for worker in three:  # whatever the others have taken before, one may have all of it
            assert [await worker.acquire(function) for _ in range(8)] == [True] * 7 + [False]
            for _ in range(7):
                worker.admission.release(function)


@in_event_loop
async def test_lowering_a_limit_counts_what_runs_everywhere(tmp_path: Path) -> None:
    function = version("f")
    async with workers(tmp_path, 3) as three:
        await set_limits(three, reserved())
        for worker in three:
            assert [await worker.acquire(function) for _ in range(3)] == [True] * 3  # nine, unreserved
        await set_limits(three, reserved(f=4))
        for left in range(9, 4, -1):
            assert [await worker.acquire(function) for worker in three] == [False] * 3, left
            next(worker for worker in three if worker.admission.running_count(HERE)).admission.release(function)
        next(worker for worker in three if worker.admission.running_count(HERE)).admission.release(function)
        assert sum([await worker.acquire(function) for worker in three]) == 1


@in_event_loop
async def test_leases_of_the_dead_are_had_by_the_living(tmp_path: Path) -> None:
    function = version("f")
    async with workers(tmp_path, 3) as three:
        await set_limits(three, reserved(f=6))
        dead, *living = three
        assert [await dead.acquire(function) for _ in range(6)] == [True] * 6
        assert not await living[0].acquire(function)
        await dead.die()
        key = (CLUSTER, HERE.account_id, HERE.region)
        await living[1].ledgers.refresh(key)
        record = living[1].ledgers.get_versioned(key)
        assert record is not None
        await living[1].ledgers.update(key, record.value.drop("1-1"), revision=record.revision)
        assert sum(await asyncio.gather(*(worker.acquire(function) for worker in living for _ in range(6)))) == 6


@pytest.mark.parametrize("seed", range(3))
@in_event_loop
async def test_never_more_than_the_limits_while_everything_happens(tmp_path: Path, seed: int) -> None:
    chance, functions = random.Random(seed), [version("f"), version("g"), version("free")]
    running, most, outcomes = dict.fromkeys("fg", 0), dict.fromkeys("fg", 0), {True: 0, False: 0}
    async with workers(tmp_path, 3) as three:
        await set_limits(three, reserved(f=3, g=5))

        async def invoke_again_and_again(worker: Worker) -> None:
            for _ in range(25):
                function = chance.choice(functions)
                got = await worker.acquire(function)
                outcomes[got] += 1
                if got:
                    if function.name in running:
                        running[function.name] += 1
                        most[function.name] = max(most[function.name], running[function.name])
                    await asyncio.sleep(chance.random() * 0.01)
                    if function.name in running:
                        running[function.name] -= 1
                    worker.admission.release(function)
                else:
                    await asyncio.sleep(chance.random() * 0.02)

        await asyncio.gather(*(invoke_again_and_again(worker) for worker in three for _ in range(4)))
        assert most["f"] <= 3
        assert most["g"] <= 5
        assert outcomes[True] > 50
        ledger = three[0].ledgers.find((CLUSTER, HERE.account_id, HERE.region))
        assert ledger is not None
        assert ledger.total("f") <= 3
        assert ledger.total("g") <= 5
