"""Who of several workers has a schedule fire, in a store of their own and a time that the test moves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.support.waiting import eventually

from alonzo.clock import ManualClock
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer
from alonzo.triggers.delivery import Delivery
from alonzo.triggers.schedule import Progress, Schedule
from alonzo.triggers.schedules import Schedules

SCHEDULE = Schedule(
    kind="schedule",
    arn="arn:aws:scheduler:us-east-1:000000000000:schedule/default/s",
    scope=Scope("000000000000", "us-east-1"),
    name="s",
    expression="rate(1 minute)",
    targets=[{"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "Input": "<aws.scheduler.scheduled-time>"}],
)


class MemoryDeliveries:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def deliver(self, delivery: Delivery) -> None:
        self.ids.append(delivery.id)
        await asyncio.sleep(0)


class NoServices:
    """There are none."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]:
        raise AssertionError(operation)


class Worker:
    """One that takes every schedule for its own. Made within `workers`."""

    def __init__(
        self, table: RecordTable[Progress], name: str, clock: ManualClock, is_alive: Callable[[str], bool], life: str = "life"
    ) -> None:
        self.table = table
        self.deliveries = MemoryDeliveries()
        self.schedules = Schedules(
            table=table,
            home="home",
            life=life,
            deliveries=self.deliveries,
            services=NoServices(),
            own_name=name,
            is_own=lambda _: True,
            is_alive=is_alive,
            clock=clock,
            look_again_seconds=0.02,
        )

    @property
    def progress(self) -> Progress:
        ((_, found),) = self.table.iter_prefix(())
        return found


@asynccontextmanager
async def workers(
    directory: Path, clock: ManualClock, *names: str, is_alive: Callable[[str], bool], life: str = "life"
) -> AsyncIterator[list[Worker]]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await EmbeddedServer.start(data_directory=directory))
        made = []
        for name in names:
            connection = await stack.enter_async_context(await connect(server.url))
            table = await RecordTable.open(connection, name="schedules", record_type=Progress)
            made.append(Worker(table, name, clock, is_alive, life))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run) for worker in made for run in (worker.table.run(), worker.schedules.run())]
            yield made
            for task in tasks:
                task.cancel()


async def until(what: str, probe: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, probe, what=what)


def test_two_that_both_want_to_have_one_fire_each_time(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        async with workers(tmp_path, clock, "1", "2", is_alive=lambda _: True) as (first, second):
            await first.schedules.announce([SCHEDULE])
            for _ in range(8):
                now = clock.now().timestamp()
                await until("the next time", lambda now=now: all(now < (each.progress.next_at or 0) for each in (first, second)))  # type: ignore[misc]
                clock.advance(60)
            counts = Counter([*first.deliveries.ids, *second.deliveries.ids])
            assert (len(counts) >= 8, set(counts.values())) == (True, {1})

    asyncio.run(run())


def test_one_that_has_begun_and_died_is_succeeded_by_another_that_does_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        clock, alive = ManualClock(), {"1", "2"}
        async with workers(tmp_path, clock, "2", is_alive=alive.__contains__) as (second,):
            key = ("home", "life", SCHEDULE.arn)
            now = clock.now().timestamp()
            await second.table.create(key, Progress(schedule=SCHEDULE, anchor_at=now, next_at=now, begun_by="1", begun_at=now))
            await asyncio.sleep(0.1)
            assert second.deliveries.ids == []
            alive.remove("1")
            await until("the delivery", lambda: bool(second.deliveries.ids))
            await until("the next time", lambda: second.progress.next_at == now + 60)
            assert second.progress.begun_by is None

    asyncio.run(run())


def test_one_that_has_begun_and_does_not_get_on_is_succeeded_in_the_end(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        async with workers(tmp_path, clock, "2", is_alive=lambda _: True) as (second,):
            now = clock.now().timestamp()
            begun = Progress(schedule=SCHEDULE, anchor_at=now, next_at=now, begun_by="1", begun_at=now - 301)
            await second.table.create(("home", "life", SCHEDULE.arn), begun)
            await until("the delivery", lambda: bool(second.deliveries.ids))

    asyncio.run(run())


def test_what_is_announced_takes_the_place_of_what_was(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        async with workers(tmp_path, clock, "1", is_alive=lambda _: True) as (worker,):
            await worker.schedules.announce([SCHEDULE])
            await until("the first time", lambda: len(worker.deliveries.ids) == 1 and worker.progress.begun_by is None)
            before = worker.progress.next_at
            with_other_target = msgspec.structs.replace(SCHEDULE, targets=[])
            await worker.schedules.announce([with_other_target])
            assert (worker.progress.schedule.targets, worker.progress.next_at) == ([], before)
            await worker.schedules.announce([])
            assert list(worker.table.iter_prefix(())) == []
        async with workers(tmp_path, clock, "1", is_alive=lambda _: True) as (worker,):
            await worker.schedules.announce([SCHEDULE])
        async with workers(tmp_path, clock, "1", is_alive=lambda _: True, life="another") as (worker,):
            await until("the end of what another life left", lambda: not list(worker.table.iter_prefix(())))

    asyncio.run(run())
