"""The warm environments: which one is taken, and when which one ends."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from alonzo.clock import ManualClock
from alonzo.environment.phases import Phase
from alonzo.invoke.keep_alive import FixedKeepAlive
from alonzo.invoke.pools import EnvironmentPools, pool_key
from alonzo.model.function import CodePackage, FunctionVersion, LoggingConfig
from alonzo.model.scope import Scope


@dataclass(eq=False)
class MemoryEnvironment:
    """An environment that runs nothing."""

    version: FunctionVersion
    phase: Phase = Phase.IDLE
    idle_since: float = 0.0
    use_count: int = 0
    standing: float = 0.0
    init_seconds: float = 0.01
    peak_memory_bytes: int | None = 10 << 20
    runs_several: bool = False
    has_room: bool = False
    is_retiring: bool = False
    ended: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_event_loop().create_future())
    settled: None = None

    def share_processors(self, running_count: int) -> None:
        """It has none."""

    def retire(self) -> None:
        self.is_retiring = True
        if self.phase is not Phase.INVOKE:
            self.close()

    def close(self) -> None:
        if self.phase is not Phase.ENDED:
            self.phase = Phase.ENDED
            self.ended.set_result(None)


def a_version(name: str = "function", modified: int = 1) -> FunctionVersion:
    return FunctionVersion(
        scope=Scope("000000000000", "us-east-1"),
        name=name,
        runtime="python3.12",
        handler="app.handler",
        role="arn:aws:iam::000000000000:role/x",
        code=CodePackage("00" * 32, 1),
        logging=LoggingConfig(log_group="/aws/lambda/x"),
        last_modified_unix_ms=modified,
        revision_id="1",
        runtime_version_arn=None,
    )


@dataclass
class Pools:
    """The pools under test with their clock; `memory` is the share that is available."""

    clock: ManualClock = field(default_factory=ManualClock)
    memory: float = 1.0
    spare_count: int = 0
    pools: Any = None

    def __post_init__(self) -> None:
        self.pools = EnvironmentPools(
            keep_alive=FixedKeepAlive(seconds=60.0, clock=self.clock), memory_available=lambda: self.memory, shed_spares=self.shed
        )

    def shed(self) -> int:
        count, self.spare_count = self.spare_count, 0
        return count

    def idle(self, version: FunctionVersion) -> Any:
        """An environment that has just become idle."""
        environment: Any = MemoryEnvironment(version, idle_since=self.clock.monotonic())
        self.pools.add(environment)
        self.pools.give_back(environment, version)
        return environment


def in_a_loop(check: Callable[[Pools], None]) -> None:
    async def run() -> None:
        check(Pools())

    asyncio.run(run())


def test_the_one_used_last_is_taken_first() -> None:
    def check(given: Pools) -> None:
        version = a_version()
        first, second = given.idle(version), given.idle(version)
        assert [given.pools.take_idle(version) for _ in range(3)] == [second, first, None]

    in_a_loop(check)


def test_functions_do_not_share_environments() -> None:
    def check(given: Pools) -> None:
        given.idle(a_version("one"))
        assert given.pools.take_idle(a_version("other")) is None
        assert given.pools.take_idle(msgspec.structs.replace(a_version("one"), scope=Scope("1" * 12, "us-east-1"))) is None

    in_a_loop(check)


def test_an_environment_of_another_revision_is_ended_and_not_taken() -> None:
    def check(given: Pools) -> None:
        old = given.idle(a_version(modified=1))
        assert given.pools.take_idle(a_version(modified=2)) is None
        assert old.phase is Phase.ENDED

    in_a_loop(check)


def test_an_environment_that_has_ended_is_not_taken() -> None:
    def check(given: Pools) -> None:
        alive, dead = given.idle(a_version()), given.idle(a_version())
        dead.close()
        assert given.pools.take_idle(a_version()) is alive

    in_a_loop(check)


@pytest.mark.parametrize("current", [None, a_version(modified=2)])
def test_a_change_ends_idle_environments_at_once_and_busy_ones_when_they_come_back(current: FunctionVersion | None) -> None:
    def check(given: Pools) -> None:
        version = a_version(modified=1)
        busy, idle = given.idle(version), given.idle(version)
        given.pools.take_idle(version)
        busy, idle = idle, busy
        given.pools.retire(pool_key(version), current)
        assert (idle.phase, busy.phase) == (Phase.ENDED, Phase.IDLE)
        given.pools.give_back(busy, current)
        assert busy.phase is Phase.ENDED

    in_a_loop(check)


def test_a_change_that_is_none_ends_nothing() -> None:
    def check(given: Pools) -> None:
        environment = given.idle(a_version())
        given.pools.retire(pool_key(a_version()), a_version())
        assert given.pools.take_idle(a_version()) is environment

    in_a_loop(check)


def test_the_keep_alive_time_ends_what_was_not_used_in_it() -> None:
    def check(given: Pools) -> None:
        old = given.idle(a_version())
        given.clock.advance(59.0)
        young = given.idle(a_version())
        given.pools.end_expired()
        assert old.phase is Phase.IDLE
        given.clock.advance(2.0)
        given.pools.end_expired()
        assert (old.phase, young.phase) == (Phase.ENDED, Phase.IDLE)
        assert given.pools.take_idle(a_version()) is young

    in_a_loop(check)


def test_short_memory_ends_those_that_have_been_idle_longest() -> None:
    def check(given: Pools) -> None:
        environments = []
        for name in ("a", "b", "c"):
            environments.append(given.idle(a_version(name)))
            given.clock.advance(1.0)
        given.pools.evict(2)
        assert [environment.phase for environment in environments] == [Phase.ENDED, Phase.ENDED, Phase.IDLE]

    in_a_loop(check)


def test_short_memory_spares_what_is_used_often_what_took_long_to_start_and_what_is_small() -> None:
    def check(given: Pools) -> None:
        plain, often, slow, large = (given.idle(a_version(name)) for name in ("plain", "often", "slow", "large"))
        often.use_count, slow.init_seconds, large.peak_memory_bytes = 100, 1.0, 1 << 30
        ended = []
        for _ in range(4):
            given.pools.evict(1)
            ended += [each for each in (plain, often, slow, large) if each.phase is Phase.ENDED and each not in ended]
        assert ended == [large, plain, often, slow]

    in_a_loop(check)


def test_what_was_used_often_long_ago_falls_behind() -> None:
    def check(given: Pools) -> None:
        veteran = given.idle(a_version("veteran"))
        veteran.use_count = 3
        for number in range(10):
            given.idle(a_version(str(number)))
            given.pools.evict(1)
        assert veteran.phase is Phase.ENDED

    in_a_loop(check)


def test_room_is_made_until_enough_memory_is_free() -> None:
    def check(given: Pools) -> None:
        environments = [given.idle(a_version(str(number))) for number in range(5)]
        assert given.pools.make_room(25 << 20) == 3
        assert [each.phase for each in environments].count(Phase.ENDED) == 3
        assert given.pools.make_room(1 << 30) == 2
        assert given.pools.make_room(1) == 0

    in_a_loop(check)


def test_what_waits_for_functions_makes_room_before_any_environment() -> None:
    def check(given: Pools) -> None:
        environment = given.idle(a_version("1"))
        given.spare_count = 2
        assert given.pools.make_room(1 << 30) == 2
        assert environment.phase is Phase.IDLE
        assert given.pools.make_room(1 << 30) == 1
        assert environment.phase is Phase.ENDED

    in_a_loop(check)


def test_the_end_ends_all_that_live_busy_or_idle() -> None:
    def check(given: Pools) -> None:
        environments = [given.idle(a_version(str(number))) for number in range(3)]
        given.pools.take_idle(a_version("1"))
        given.pools.close()
        assert {environment.phase for environment in environments} == {Phase.ENDED}

    in_a_loop(check)


def test_each_part_of_the_key_counts() -> None:
    versions = [
        msgspec.structs.replace(a_version(name), scope=Scope(account, region), version=version)
        for account, region, name, version in itertools.product(("0" * 12, "1" * 12), ("us-east-1", "eu-west-1"), "ab", ("1", "2"))
    ]
    assert len({pool_key(version) for version in versions}) == 16


def test_kept_environments_are_taken_first_and_outlive_the_keep_alive_time() -> None:
    def check(given: Pools) -> None:
        kept, others = _kept(given), [given.idle(a_version()) for _ in range(2)]
        assert given.pools.take_idle(a_version()) is kept
        given.pools.give_back(kept, a_version())
        given.clock.advance(61.0)
        given.pools.end_expired()
        given.pools.evict(5)
        assert [environment.phase for environment in (kept, *others)] == [Phase.IDLE, Phase.ENDED, Phase.ENDED]
        assert given.pools.take_idle(a_version()) is kept
        assert given.pools.take_idle(a_version()) is None

    in_a_loop(check)


def test_a_dismissed_environment_ends_at_once_or_when_it_comes_back() -> None:
    def check(given: Pools) -> None:
        idle, busy = _kept(given), _kept(given)
        assert given.pools.take_idle(a_version()) is busy
        busy.phase = Phase.INVOKE
        for environment in (idle, busy):
            given.pools.dismiss(environment)
        assert (idle.phase, busy.phase) == (Phase.ENDED, Phase.INVOKE)
        assert given.pools.take_idle(a_version()) is None
        busy.phase = Phase.IDLE
        given.pools.give_back(busy, a_version())
        assert busy.phase is Phase.ENDED

    in_a_loop(check)


def test_kept_environments_of_an_old_revision_end_with_the_change() -> None:
    def check(given: Pools) -> None:
        kept = _kept(given)
        given.pools.retire(pool_key(a_version()), None)
        assert kept.phase is Phase.ENDED

    in_a_loop(check)


def _kept(given: Pools) -> Any:
    environment: Any = MemoryEnvironment(a_version(), idle_since=given.clock.monotonic())
    given.pools.add(environment)
    given.pools.keep(environment)
    given.pools.give_back(environment, a_version())
    return environment


def test_an_environment_with_room_is_filled_before_another_one() -> None:
    def check(given: Pools) -> None:
        first, second = given.idle(a_version()), given.idle(a_version())
        for environment in (first, second):
            environment.runs_several = environment.has_room = True
        assert given.pools.take_idle(a_version()) is second
        second.phase = Phase.INVOKE
        assert given.pools.take_idle(a_version()) is second
        second.has_room = False
        assert given.pools.take_idle(a_version()) is first
        first.phase = Phase.INVOKE
        second.has_room = True
        given.pools.give_back(second, a_version())
        given.pools.give_back(second, a_version())
        assert given.pools.take_idle(a_version()) is second
        second.has_room = False
        assert given.pools.take_idle(a_version()) is first
        first.has_room = False
        assert given.pools.take_idle(a_version()) is None

    in_a_loop(check)


def test_busy_environments_are_neither_evicted_nor_expired_and_retire_when_they_are_done() -> None:
    def check(given: Pools) -> None:
        busy = given.idle(a_version())
        busy.runs_several, busy.has_room, busy.phase = True, True, Phase.INVOKE
        given.clock.advance(1_000)
        given.pools.end_expired()
        given.pools.evict(1)
        assert busy.phase is Phase.INVOKE
        given.pools.retire(pool_key(a_version()), None)
        assert (busy.phase, busy.is_retiring) == (Phase.INVOKE, True)
        assert given.pools.take_idle(a_version()) is None

    in_a_loop(check)
