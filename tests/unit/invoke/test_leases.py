"""The ledger of leases: never more than the limits, never less than nothing, whatever the workers do and in whatever order."""

import math
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alonzo.clock import ManualClock
from alonzo.invoke.leases import UNRESERVED, Ledger, pool_limits, provisioned_share, request_rate, spare_slots, tokens_at_once
from alonzo.model.concurrency import AccountLimits, FunctionLimits

WORKERS = ("1-1", "2-1", "3-1")
POOLS = (UNRESERVED, "reserved", "reserved:1")
workers, pools, counts = st.sampled_from(WORKERS), st.sampled_from(POOLS), st.integers(1, 12)


class Slots(RuleBasedStateMachine):
    """Workers that take, use and give back; limits that change; workers that die."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.limits = {UNRESERVED: 10, "reserved": 7, "reserved:1": 3}
        self.account_limit = 20
        self.used: Counter[tuple[str, str]] = Counter()
        self.was_over: dict[str, int] = {}

    @rule(worker=workers, pool=pools, wanted=counts)
    def take(self, worker: str, pool: str, wanted: int) -> None:
        before = self.ledger
        self.ledger = before.take(pool, worker, wanted, limit=self.limits[pool], account_limit=self.account_limit)
        granted = self.ledger.count(pool, worker) - before.count(pool, worker)
        room = min(self.limits[pool] - before.total(pool), self.account_limit - before.grand_total)
        assert granted == max(min(wanted, room), 0)  # all that there is, and no more

    @rule(worker=workers, pool=pools, wanted=counts)
    def give_back(self, worker: str, pool: str, wanted: int) -> None:
        held = self.ledger.count(pool, worker)
        given = min(wanted, held - self.used[pool, worker])
        self.ledger = self.ledger.set_count(pool, worker, held - given)

    @rule(worker=workers, pool=pools)
    def begin(self, worker: str, pool: str) -> None:
        if self.used[pool, worker] < self.ledger.count(pool, worker):
            self.used[pool, worker] += 1

    @rule(worker=workers, pool=pools)
    def end(self, worker: str, pool: str) -> None:
        self.used[pool, worker] = max(self.used[pool, worker] - 1, 0)

    @rule(worker=workers)
    def die(self, worker: str) -> None:
        self.ledger = self.ledger.drop(worker)
        for pool in POOLS:
            del self.used[pool, worker]
        assert all(worker not in holders for holders in self.ledger.held.values())

    @rule(pool=pools, limit=st.integers(0, 10))
    def change_limit(self, pool: str, limit: int) -> None:
        self.limits[pool] = limit
        self.was_over[pool] = self.ledger.total(pool)

    @invariant()
    def no_pool_grows_beyond_its_limit(self) -> None:
        for pool, limit in self.limits.items():
            assert self.ledger.total(pool) <= max(limit, self.was_over.get(pool, 0))
            self.was_over[pool] = self.ledger.total(pool)
        assert self.ledger.grand_total <= self.account_limit

    @invariant()
    def what_is_used_is_held(self) -> None:
        assert all(count <= self.ledger.count(pool, worker) for (pool, worker), count in self.used.items())

    @invariant()
    def nothing_is_kept_of_nothing(self) -> None:
        assert all(holders and all(count > 0 for count in holders.values()) for holders in self.ledger.held.values())


class Tokens(RuleBasedStateMachine):
    """Workers that draw tokens and spend them when they like, against one bucket that would have let each of them through."""

    CAPACITY, PER_SECOND = 12, 4.0

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.clock.advance(100.0)
        self.ledger = Ledger()
        self.unused: Counter[str] = Counter()
        self.level, self.level_at = float(self.CAPACITY), self.clock.monotonic()  # of the one bucket

    def refill(self) -> None:
        now = self.clock.monotonic()
        self.level = min(self.CAPACITY, self.level + (now - self.level_at) * self.PER_SECOND)
        self.level_at = now

    @rule(worker=workers, wanted=st.integers(1, 15))
    def draw(self, worker: str, wanted: int) -> None:
        unused = self.unused[worker]
        self.ledger = self.ledger.draw(
            "rate",
            worker,
            unused=unused,
            wanted=wanted,
            capacity=self.CAPACITY,
            per_second=self.PER_SECOND,
            now=self.clock.monotonic(),
        )
        bucket = self.ledger.buckets.get("rate")
        self.unused[worker] = 0 if bucket is None else bucket.taken.get(worker, 0)
        assert self.unused[worker] >= unused

    @rule(worker=workers)
    def spend(self, worker: str) -> None:
        if self.unused[worker]:
            self.refill()
            self.unused[worker] -= 1
            self.level -= 1
            assert self.level > -1e-3, "more than one bucket would have let through"

    @rule(worker=workers)
    def put_back(self, worker: str) -> None:
        bucket = self.ledger.buckets.get("rate")
        if bucket is not None and worker in bucket.taken:
            count = self.unused[worker]
            self.ledger = self.ledger.put_back("rate", worker, unused=count, count=count, per_second=self.PER_SECOND)
            self.unused[worker] = 0

    @rule(worker=workers)
    def die(self, worker: str) -> None:
        self.ledger = self.ledger.drop(worker)
        self.unused[worker] = 0

    @rule(seconds=st.floats(0.0, 4.0))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @precondition(lambda self: True)
    @rule(worker=workers)
    def when_all_have_put_back_nothing_is_missing(self, worker: str) -> None:
        for each in WORKERS:
            self.put_back(each)
        self.clock.advance(self.CAPACITY / self.PER_SECOND)
        self.ledger = self.ledger.forget_full(self.clock.monotonic())
        assert not self.ledger.buckets
        self.draw(worker, self.CAPACITY)
        assert self.unused[worker] == self.CAPACITY


TestSlots, TestTokens = Slots.TestCase, Tokens.TestCase
TestSlots.settings = TestTokens.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.integers(0, 50), st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True), st.integers(0, 1 << 32))
def test_shares_of_provisioned_concurrency_add_up_and_are_even(count: int, names: list[str], first: int) -> None:
    shares = [provisioned_share(count, workers=tuple(names), worker=name, first=first) for name in names]
    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1
    assert provisioned_share(count, workers=tuple(names), worker="not one", first=first) == 0


def test_pools_are_what_the_limits_say() -> None:
    limits = AccountLimits(
        unreserved_count=880,
        functions={
            "reserved": FunctionLimits(reserved=100, provisioned_counts={"1": 30, "2": 10}),
            "stopped": FunctionLimits(reserved=0, provisioned_counts={}),
            "warm": FunctionLimits(reserved=None, provisioned_counts={"7": 20}),
        },
    )
    assert pool_limits(limits) == {
        UNRESERVED: 880,
        "reserved": 60,
        "reserved:1": 30,
        "reserved:2": 10,
        "stopped": 0,
        "warm:7": 20,
    }


def test_of_little_nobody_takes_more_than_is_needed() -> None:
    assert spare_slots(7, 3) == 0
    assert spare_slots(1000, 3) == 41
    assert [tokens_at_once(capacity, 3) for capacity in (10, 70, 10_000)] == [1, 5, 833]


def test_how_long_until_there_is_a_token() -> None:
    rate, now = request_rate(1), 50.0
    ledger = Ledger().draw("rate", "1-1", unused=0, wanted=10, capacity=rate.capacity, per_second=rate.per_second, now=now)
    spent = ledger.draw("rate", "1-1", unused=0, wanted=0, capacity=rate.capacity, per_second=rate.per_second, now=now)
    wait_seconds = spent.wait_seconds("rate", capacity=rate.capacity, per_second=rate.per_second, now=now)
    assert math.isclose(wait_seconds, 0.1)
    assert spent.wait_seconds("rate", capacity=rate.capacity, per_second=rate.per_second, now=now + 1) == 0.0
