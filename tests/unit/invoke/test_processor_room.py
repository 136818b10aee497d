"""How many invocations of a function compute at once, and who begins when."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alonzo.clock import ManualClock
from alonzo.invoke.processor_room import ProcessorRoom, Run
from alonzo.model.function import CapacityProviderConfig

from .test_pools import a_version

FUNCTION, OTHER = a_version("function"), a_version("other")
LIMIT = 4
"""Of two processors."""


@dataclass
class Environment:
    """One that runs whenever it is looked at, unless it is still."""

    is_still: bool = False
    init_seconds: float = 0.1
    processor_time: int = 0
    wants_to_run: bool = False

    def read_processor_time(self) -> int:
        if not self.is_still:
            self.processor_time += 2_000_000
        return self.processor_time

    def wants_processor(self) -> bool:
        return self.wants_to_run


@dataclass
class Machine:
    """Two processors, which have no time to spare unless they have. Looks are taken by the test."""

    is_full: bool = True
    has_idle: bool = False
    clock: ManualClock = field(default_factory=ManualClock)
    paced_count: int = 0
    room: ProcessorRoom = field(init=False)

    def __post_init__(self) -> None:
        self.room = ProcessorRoom(
            processor_count=2,
            is_full=lambda: self.is_full,
            has_idle=lambda _: self.has_idle,
            pace=self._pace,
            clock=self.clock,
            look_seconds=1_000.0,
        )

    def _pace(self) -> None:
        self.paced_count += 1

    def enter(self, count: int = 1, *, is_still: bool = False) -> list[Run]:
        runs = [self.room.enter(FUNCTION) for _ in range(count)]
        for run in runs:
            run.environment = Environment(is_still)
        return runs

    def look(self, *, after_seconds: float = 0.005) -> None:
        self.clock.advance(after_seconds)
        self.room.look()


def has_begun(run: Run) -> bool:
    return run.turn is None or (run.turn.done() and not run.turn.cancelled())


def begun(runs: list[Run]) -> list[bool]:
    return [has_begun(run) for run in runs]


def play(scenario: Callable[[Machine], Awaitable[None]]) -> None:
    async def played() -> None:
        await scenario(Machine())

    asyncio.run(played())


def test_a_few_compute_at_once_and_the_others_begin_in_order_as_these_end() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(7)
        assert begun(runs) == [True] * 4 + [False] * 3
        assert runs[0].running_count == LIMIT + 3
        machine.look()
        assert begun(runs) == [True] * 4 + [False] * 3
        machine.room.leave(runs[2])
        assert begun(runs) == [True] * 5 + [False] * 2
        for run in runs[:2]:
            machine.room.leave(run)
        assert begun(runs) == [True] * 7

    play(scenario)


def test_another_function_is_not_held_up() -> None:
    async def scenario(machine: Machine) -> None:
        machine.enter(100)
        assert machine.room.enter(OTHER).turn is None

    play(scenario)


def test_who_does_not_run_lets_the_next_one_begin() -> None:
    async def scenario(machine: Machine) -> None:
        still, runs = machine.enter(3, is_still=True), machine.enter(3)
        assert begun(runs) == [True, False, False]
        machine.look(after_seconds=0.002)
        machine.look()
        machine.look(after_seconds=0.009)
        assert begun(runs) == [True, False, False]
        machine.look(after_seconds=0.006)
        assert begun(runs) == [True, True, True]
        assert still[0].running_count == 6

    play(scenario)


def test_who_comes_and_goes_between_two_looks_is_not_looked_at() -> None:
    async def scenario(machine: Machine) -> None:
        environments = [Environment() for _ in range(LIMIT)]
        stays = machine.enter()[0]
        for _ in range(10):
            runs = [machine.room.enter(FUNCTION) for _ in environments]
            for run, environment in zip(runs, environments, strict=True):
                run.environment = environment
            machine.look()
            for run in runs:
                machine.room.leave(run)
        assert [environment.processor_time for environment in environments] == [0] * LIMIT
        assert isinstance(stays.environment, Environment)
        assert stays.environment.processor_time > 0

    play(scenario)


def test_who_is_not_let_in_by_the_kernel_goes_on_computing() -> None:
    async def scenario(machine: Machine) -> None:
        runs = [machine.room.enter(FUNCTION) for _ in range(LIMIT + 1)]
        for run in runs:
            run.environment = Environment(is_still=True, wants_to_run=True)
        for _ in range(10):
            machine.look(after_seconds=0.02)
        assert not has_begun(runs[LIMIT])

    play(scenario)


@pytest.mark.parametrize("environment", [None, Environment(is_still=True, init_seconds=0.0)])
def test_an_environment_that_is_not_ready_has_more_time(environment: Environment | None) -> None:
    async def scenario(machine: Machine) -> None:
        runs = [machine.room.enter(FUNCTION) for _ in range(LIMIT + 1)]
        for run in runs:
            run.environment = environment
        machine.look(after_seconds=0.002)
        machine.look()
        machine.look(after_seconds=0.09)
        assert not has_begun(runs[LIMIT])
        machine.look(after_seconds=0.02)
        assert has_begun(runs[LIMIT])

    play(scenario)


def test_while_the_processors_have_time_to_spare_the_number_doubles() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(40)
        counts = []
        for machine.is_full in (False, True, False, False, False, True, True):
            machine.look()
            counts.append(sum(begun(runs)))
        assert counts == [4, 4, 4, 8, 16, 16, 16]
        for run in runs[:12]:  # back to the number of the beginning
            machine.room.leave(run)
        assert sum(begun(runs)) == 16
        machine.room.leave(runs[12])
        assert sum(begun(runs)) == 17

    play(scenario)


def test_those_of_a_function_of_which_many_run_on_idle_processors_begin_as_they_come() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(40)
        machine.is_full = False
        for _ in range(10):
            machine.look()
            await let_all_begin()
        for _ in range(100):
            machine.room.leave(runs.pop(0))
            runs += machine.enter()
            assert begun(runs) == [True] * 40
        machine.is_full = True
        for _ in range(10):
            machine.look()
        machine.room.leave(runs.pop(0))
        assert not has_begun(*machine.enter())

    play(scenario)


def test_more_begin_at_first_where_environments_are_idle() -> None:
    async def scenario(machine: Machine) -> None:
        machine.has_idle = True
        runs = machine.enter(80)
        assert sum(begun(runs)) == 16 * LIMIT
        for _ in range(4):
            machine.look()
        for run in runs[: 16 * LIMIT - 3]:
            machine.room.leave(run)
        assert sum(begun(runs)) == 16 * LIMIT + 1

    play(scenario)


def test_no_more_than_a_few_begin_in_one_turn_of_the_event_loop() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(60)
        machine.is_full = False
        for count in (4, 8, 16, 24):
            machine.look()
            assert sum(begun(runs)) == count
        await asyncio.sleep(0)
        assert sum(begun(runs)) == 32

    play(scenario)


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(7)
        assert runs[4].turn is not None
        runs[4].turn.cancel()
        for run in (runs[4], runs[5]):
            machine.room.leave(run)
        machine.room.leave(runs[0])
        assert has_begun(runs[6])
        assert runs[6].running_count == LIMIT

    play(scenario)


def test_of_those_that_share_environments_all_begin() -> None:
    async def scenario(machine: Machine) -> None:
        shared = msgspec.structs.replace(FUNCTION, capacity_provider=CapacityProviderConfig(capacity_provider_arn="arn"))
        assert all(machine.room.enter(shared).turn is None for _ in range(100))

    play(scenario)


def test_the_kernel_is_paced_while_somebody_computes_for_long() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(7)
        counts = []
        for machine.is_full in (True, True, True, True, True, False, True):
            machine.look()
            counts.append(machine.paced_count)
        assert counts == [0, 0, 0, 1, 2, 2, 3]
        for run in runs:
            machine.room.leave(run)
        machine.look()
        assert machine.paced_count == 3

    play(scenario)


def test_the_kernel_is_paced_for_a_few_that_begin_one_after_the_other() -> None:
    async def scenario(machine: Machine) -> None:
        runs = machine.enter(100)
        for _ in range(90):
            machine.look()
            machine.room.leave(runs.pop(0))
        assert machine.paced_count >= 80

    play(scenario)


def test_the_kernel_is_not_paced_for_those_that_come_and_go_or_sleep() -> None:
    async def scenario(machine: Machine) -> None:
        runs = [*machine.enter(2, is_still=True), *machine.enter(100)]
        for _ in range(90):
            machine.look()
            for run in [run for run in runs[2:] if has_begun(run)]:
                runs.remove(run)
                machine.room.leave(run)
        assert not machine.paced_count

    play(scenario)


STEPS = st.lists(st.tuples(st.sampled_from(["enter", "still", "leave", "give up", "spare", "full"]), st.integers(0, 99)), max_size=80)


@given(steps=STEPS)
def test_all_begin_in_the_end_and_are_counted_rightly(steps: list[tuple[str, int]]) -> None:
    async def scenario(machine: Machine) -> None:
        runs: list[Run] = []
        for step, number in steps:
            if step in {"enter", "still"}:
                runs += machine.enter(1 + number % 8, is_still=step == "still")
            elif step in {"spare", "full"}:
                machine.is_full = step == "full"
                machine.look()
            elif runs:
                end(machine, runs.pop(number % len(runs)), gives_up=step == "give up")
            await let_all_begin()
            running_count = sum(begun(runs))
            assert running_count >= min(LIMIT, len(runs))
            assert all(run.lane.begun_count == running_count for run in runs)
        for _ in range(len(runs)):
            run = next(run for run in runs if has_begun(run))
            runs.remove(run)
            end(machine, run, gives_up=False)

    play(scenario)


def end(machine: Machine, run: Run, *, gives_up: bool) -> None:
    if gives_up and run.turn is not None:
        run.turn.cancel()
    machine.room.leave(run)


async def let_all_begin() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
