"""Environments are let in as long as they fit into memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
import pytest

from alonzo.clock import ManualClock
from alonzo.invoke.errors import Throttled
from alonzo.invoke.memory_room import MemoryRoom
from alonzo.sandbox.memory import MachineMemory

from .test_pools import a_version

MIB = 1 << 20
KEPT_FREE = 128 * MIB
VERSION = msgspec.structs.replace(a_version(), memory_mib=1_024)


@dataclass
class Machine:
    """A machine of 2 GiB, of which so much is available; `idle` environments of 50 MiB each can be ended."""

    available: int = 1_024 * MIB
    idle: int = 0
    clock: ManualClock = field(default_factory=ManualClock)
    was_read_twice: asyncio.Event = field(default_factory=asyncio.Event)
    reads: int = 0

    def room(self, *, wait_seconds: float = 0.0) -> MemoryRoom:
        return MemoryRoom(read=self.read, evict=self.evict, wait_seconds=wait_seconds, clock=self.clock)

    def read(self) -> MachineMemory:
        self.reads += 1
        if self.reads > 1:
            self.was_read_twice.set()
        self.clock.advance(0.1)
        return MachineMemory(total=2_048 * MIB, available=self.available)

    def evict(self, wanted: int) -> int:
        del wanted
        if self.idle == 0:
            return 0
        self.idle -= 1
        self.available += 50 * MIB
        return 1


def run(check: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(check())  # type: ignore[arg-type]


def test_environments_are_let_in_until_the_machine_is_full() -> None:
    async def check() -> None:
        machine = Machine(available=KEPT_FREE + 100 * MIB)
        room = machine.room()
        room.learn(VERSION, 40 * MIB)
        for _ in range(2):
            share = await room.take(VERSION)
            machine.available -= 40 * MIB
            room.give_back(share)
        with pytest.raises(Throttled) as refusal:
            await room.take(VERSION)
        assert refusal.value.reason == "ConcurrentInvocationLimitExceeded"

    run(check)


def test_those_that_begin_at_once_are_counted_before_the_machine_shows_them() -> None:
    async def check() -> None:
        room = Machine(available=KEPT_FREE + 100 * MIB).room()
        room.learn(VERSION, 40 * MIB)
        await room.take(VERSION)
        await room.take(VERSION)
        with pytest.raises(Throttled):
            await room.take(VERSION)

    run(check)


def test_what_an_environment_has_taken_is_not_counted_twice() -> None:
    async def check() -> None:
        machine = Machine(available=KEPT_FREE + 100 * MIB)
        room = machine.room()
        room.learn(VERSION, 40 * MIB)
        for _ in range(2):
            share = await room.take(VERSION)
            share.used_bytes = lambda: 35 * MIB
            machine.available -= 35 * MIB
        with pytest.raises(Throttled):
            await room.take(VERSION)
        machine.available += 20 * MIB
        last = await room.take(VERSION)
        for _ in range(2):
            room.give_back(last)
        await room.take(VERSION)

    run(check)


def test_idle_environments_make_room() -> None:
    async def check() -> None:
        machine = Machine(available=KEPT_FREE, idle=3)
        room = machine.room()
        room.learn(VERSION, 80 * MIB)
        await room.take(VERSION)
        assert machine.idle == 1

    run(check)


def test_an_invocation_waits_for_others_to_end() -> None:
    async def check() -> None:
        machine = Machine(available=KEPT_FREE)
        room = machine.room(wait_seconds=10.0)
        waiting = asyncio.create_task(room.take(VERSION))
        await machine.was_read_twice.wait()
        machine.available += 100 * MIB
        await waiting

    run(check)


def test_what_is_expected_follows_what_was_seen_and_never_exceeds_the_limit() -> None:
    room = Machine().room()
    assert room.expected_bytes(VERSION) == 10 * MIB
    room.learn(VERSION, 400 * MIB)
    assert room.expected_bytes(VERSION) == 400 * MIB
    room.learn(VERSION, 80 * MIB)
    assert 80 * MIB < room.expected_bytes(VERSION) < 400 * MIB
    room.learn(VERSION, 5_000 * MIB)
    assert room.expected_bytes(VERSION) == 1_024 * MIB
    room.forget(VERSION.scope.account_id, VERSION.scope.region, VERSION.name)
    assert 80 * MIB < room.expected_bytes(VERSION) < 1_024 * MIB  # as others in the same runtime
    assert room.expected_bytes(msgspec.structs.replace(VERSION, runtime="java21")) == 10 * MIB
