"""Who polls what, over a real store: several nodes that share nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.sources.streams import a_mapping

from alonzo.clock import ManualClock
from alonzo.sources.errors import LeaseLost
from alonzo.sources.holders import DEAD_SECONDS, Heartbeat, Holders
from alonzo.sources.leases import UnitLeases, UnitRecord
from alonzo.store.connection import Connection, connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

MAPPING = a_mapping()


class Node:
    """One of several on the same store, with its own copy of everything."""

    def __init__(self, cluster: str, life: str, units: RecordTable[UnitRecord], beats: RecordTable[Heartbeat], clock: ManualClock) -> None:
        self.units = units
        self.beats = beats
        self.holders = Holders(cluster=cluster, own_name=life, members=None, beats=beats, clock=clock)
        self.leases = UnitLeases(table=units, holders=self.holders)

    async def catch_up(self, other: "Node") -> None:
        """With what the other one knows."""
        await self.units.reach(other.units.applied_revision)
        await self.beats.reach(other.beats.applied_revision)


@asynccontextmanager
async def nodes(directory: Path, *names: str, clock: ManualClock) -> AsyncIterator[list[Node]]:
    async with (
        await EmbeddedServer.start(data_directory=directory) as nats,
        await connect(nats.url) as connection,
        asyncio.TaskGroup() as group,
    ):
        made = [await _node(connection, name, clock) for name in names]
        running = [group.create_task(run) for node in made for run in (node.units.run(), node.beats.run())]
        yield made
        for task in running:
            task.cancel()


async def _node(connection: Connection, name: str, clock: ManualClock) -> Node:
    cluster, _, life = name.partition("/")
    units = await RecordTable.open(connection, name="source-units", record_type=UnitRecord)
    beats = await RecordTable.open(connection, name="source-holders", record_type=Heartbeat)
    return Node(cluster, life, units, beats, clock)


def test_a_unit_has_one_holder_who_alone_moves_its_checkpoint(tmp_path: Path) -> None:
    async def run() -> None:
        async with nodes(tmp_path, "a/1", "b/1", clock=ManualClock()) as (one, other):
            await one.beats.put((one.holders.own_name,), Heartbeat(1))
            held = await one.leases.acquire(MAPPING, "shard")
            assert held is not None
            await other.catch_up(one)
            assert other.holders.live == ("a/1", "b/1")
            assert await other.leases.acquire(MAPPING, "shard") is None
            assert other.leases.is_polled(MAPPING)
            held.save("7")
            await held.release()
            await other.catch_up(one)
            assert not other.leases.is_polled(MAPPING)
            taken = await other.leases.acquire(MAPPING, "shard")
            assert taken is not None
            assert taken.checkpoint == "7"
            held.save("99")
            with pytest.raises(LeaseLost):
                await held.run()
            assert other.units.find(("123456789012", "us-east-1", "u", "shard")) == UnitRecord(holder="b/1", checkpoint="7")

    asyncio.run(run())


def test_units_of_a_node_that_shows_no_life_are_taken_over(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        async with nodes(tmp_path, "a/1", "b/1", clock=clock) as (one, other):
            await one.beats.put((one.holders.own_name,), Heartbeat(1))
            assert await one.leases.acquire(MAPPING, "shard") is not None
            await other.catch_up(one)
            clock.advance(DEAD_SECONDS + 1)
            await other.beats.put((other.holders.own_name,), Heartbeat(1))
            other.holders._beaten_at = clock.monotonic()
            other.holders._on_change()
            assert other.holders.live == ("b/1",)
            assert await other.leases.acquire(MAPPING, "shard") is not None
            one.holders._on_change()
            assert one.holders.live == ()  # and the first one knows by itself that it has been silent for too long
            assert one.holders.owner("anything") is None

    asyncio.run(run())


def test_a_holder_that_has_not_been_heard_of_yet_has_time_to_beat(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        async with nodes(tmp_path, "a/1", "b/1", clock=clock) as (one, other):
            assert await one.leases.acquire(MAPPING, "shard") is not None
            await other.units.reach(one.units.applied_revision)
            assert await other.leases.acquire(MAPPING, "shard") is None
            assert other.leases.is_polled(MAPPING)
            assert other.holders.live == ("a/1", "b/1")
            clock.advance(DEAD_SECONDS + 1)
            other.holders._beaten_at = clock.monotonic()
            other.holders._on_change()
            assert not other.leases.is_polled(MAPPING)
            assert await other.leases.acquire(MAPPING, "shard") is not None

    asyncio.run(run())


def test_a_node_that_starts_again_has_its_units_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with nodes(tmp_path, "a/1", "a/2", clock=ManualClock()) as (before, after):
            await before.beats.put((before.holders.own_name,), Heartbeat(1))
            assert await before.leases.acquire(MAPPING, "shard") is not None
            await after.catch_up(before)
            assert after.holders.live == ("a/2",)
            assert await after.leases.acquire(MAPPING, "shard") is not None

    asyncio.run(run())


def test_a_unit_at_its_end_is_not_polled_again_and_units_are_shared_out(tmp_path: Path) -> None:
    async def run() -> None:
        async with nodes(tmp_path, "a/1", "b/1", clock=ManualClock()) as (one, other):
            for node in (one, other):
                await node.beats.put((node.holders.own_name,), Heartbeat(1))
            await one.catch_up(other)
            await other.catch_up(one)
            names = [f"shard-{number}" for number in range(40)]
            own = {name for name in names if one.leases.is_own(MAPPING, name)}
            assert own ^ {name for name in names if other.leases.is_own(MAPPING, name)} == set(names)
            assert 5 < len(own) < 35
            held = await one.leases.acquire(MAPPING, "shard")
            assert held is not None
            held.finish()
            await held.release()
            assert one.leases.is_finished(MAPPING, "shard")
            assert await one.leases.acquire(MAPPING, "shard") is None
            await one.leases.forget_but(MAPPING, frozenset(("another",)))
            assert not one.leases.is_finished(MAPPING, "shard")

    asyncio.run(run())
