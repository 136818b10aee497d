"""How the limits of an account are shared among workers: a ledger of who holds how much of each, and what may be written into it.

One ledger an account and region. A worker may have so many invocations at once as it holds slots; what all workers hold of a pool together
never exceeds the pool's limit, and all pools together never the account's. A limit that is lowered below what is in use is the one
exception: what runs goes on running, stays written down, and nothing is granted until it has ended.

What begins in a second is counted in tokens: a bucket that refills continuously, of which workers take some at a time. What they have taken
and not used counts as if it were still in the bucket, which therefore never lets through more than one bucket for all would.

Pure rules of counts and instants: whoever writes compares and sets, and looks again when somebody else was faster.
"""

import math

import msgspec

from alonzo.model import quotas
from alonzo.model.concurrency import AccountLimits

UNRESERVED = "*"
"""The pool of all functions that have none of their own. The others: `NAME` of a reserved function, `NAME:VERSION` of a provisioned one."""

_SHARE_AT_ONCE = 8
_TOKEN_SHARE_AT_ONCE = 4
_ROUNDING = 1e-6


class Bucket(msgspec.Struct, frozen=True):
    """Of one rate. `full_at`: when it would be full again if nothing more were taken; `taken`: unused tokens, by worker."""

    full_at: float = 0.0
    taken: dict[str, int] = {}


class Ledger(msgspec.Struct, frozen=True):
    """`held`: slots by pool and worker, none of them 0. `buckets`: by rate."""

    held: dict[str, dict[str, int]] = {}
    buckets: dict[str, Bucket] = {}

    def count(self, pool: str, worker: str) -> int:
        """What a worker holds of a pool."""
        return self.held.get(pool, {}).get(worker, 0)

    def total(self, pool: str) -> int:
        """What all hold of a pool."""
        return sum(self.held.get(pool, {}).values())

    @property
    def grand_total(self) -> int:
        """What all hold of all pools."""
        return sum(sum(holders.values()) for holders in self.held.values())

    def holders(self, pool: str | None) -> set[str]:
        """Who holds anything of a pool, or with None of any."""
        pools = self.held if pool is None else {pool}
        return {worker for each in pools for worker in self.held.get(each, {})}

    def set_count(self, pool: str, worker: str, count: int) -> "Ledger":
        """The ledger in which the worker holds so much."""
        if count == self.count(pool, worker):
            return self
        holders = {other: held for other, held in self.held.get(pool, {}).items() if other != worker}
        if count:
            holders[worker] = count
        held = {other: others for other, others in self.held.items() if other != pool}
        if holders:
            held[pool] = holders
        return msgspec.structs.replace(self, held=held)

    def take(self, pool: str, worker: str, wanted: int, *, limit: int, account_limit: int) -> "Ledger":
        """So many slots more, or as many as there are."""
        room = min(wanted, limit - self.total(pool), account_limit - self.grand_total)
        return self.set_count(pool, worker, self.count(pool, worker) + room) if room > 0 else self

    def draw(self, rate: str, worker: str, *, unused: int, wanted: int, capacity: int, per_second: float, now: float) -> "Ledger":
        """So many tokens more for a worker that has `unused` ones left, or as many as there are. It is written down what is left, too."""
        bucket = self.buckets.get(rate, Bucket())
        full_at = max(bucket.full_at, now)
        others = sum(count for other, count in bucket.taken.items() if other != worker)
        room = math.floor(capacity - others - unused - (full_at - now) * per_second + _ROUNDING)
        drawn = max(0, min(wanted, room))
        taken = {other: count for other, count in bucket.taken.items() if other != worker}
        if unused + drawn:
            taken[worker] = unused + drawn
        if drawn == 0 and taken == bucket.taken:
            return self
        return self._with_bucket(rate, Bucket(full_at + drawn / per_second, taken))

    def put_back(self, rate: str, worker: str, *, unused: int, count: int, per_second: float) -> "Ledger":
        """So many of the unused tokens go back into the bucket."""
        bucket = self.buckets.get(rate, Bucket())
        taken = {other: held for other, held in bucket.taken.items() if other != worker}
        if unused - count:
            taken[worker] = unused - count
        return self._with_bucket(rate, Bucket(bucket.full_at - count / per_second, taken))

    def wait_seconds(self, rate: str, *, capacity: int, per_second: float, now: float) -> float:
        """How long until there is a token, as long as nobody puts any back."""
        bucket = self.buckets.get(rate, Bucket())
        return max(bucket.full_at - now - (capacity - sum(bucket.taken.values()) - 1) / per_second, 0.0)

    def drop(self, worker: str) -> "Ledger":
        """A worker is no more: what it held is free, tokens that it did not use are used."""
        ledger = self
        for pool in list(self.held):
            ledger = ledger.set_count(pool, worker, 0)
        for rate, bucket in self.buckets.items():
            if worker in bucket.taken:
                rest = {other: count for other, count in bucket.taken.items() if other != worker}
                ledger = ledger._with_bucket(rate, Bucket(bucket.full_at, rest))
        return ledger

    def forget_full(self, now: float) -> "Ledger":
        """Without the buckets of which nothing is known any more: those of functions that are gone would be kept for ever."""
        buckets = {rate: bucket for rate, bucket in self.buckets.items() if bucket.taken or bucket.full_at > now}
        return self if len(buckets) == len(self.buckets) else msgspec.structs.replace(self, buckets=buckets)

    def _with_bucket(self, rate: str, bucket: Bucket) -> "Ledger":
        return msgspec.structs.replace(self, buckets=self.buckets | {rate: bucket})


def pool_limits(limits: AccountLimits) -> dict[str, int]:
    """How many slots there are in each pool; the pools that are not named have none."""
    pools = {UNRESERVED: limits.unreserved_count}
    for name, function in limits.functions.items():
        if function.reserved is not None:
            pools[name] = function.reserved - sum(function.provisioned_counts.values())
        for version, count in function.provisioned_counts.items():
            pools[provisioned_pool(name, version)] = count
    return pools


def provisioned_pool(name: str, version: str) -> str:
    """The pool of a version's provisioned concurrency."""
    return f"{name}:{version}"


def spare_slots(limit: int, worker_count: int) -> int:
    """How many slots more than it needs a worker takes at once and keeps, so that it need not ask for every one: none of a small pool."""
    return limit // (_SHARE_AT_ONCE * worker_count)


def tokens_at_once(capacity: int, worker_count: int) -> int:
    """How many tokens a worker takes at once."""
    return max(1, capacity // (_TOKEN_SHARE_AT_ONCE * worker_count))


def provisioned_share(count: int, *, workers: tuple[str, ...], worker: str, first: int) -> int:
    """A worker's part of a version's provisioned concurrency. `first` says who gets what is left over: not always the same.

    Nothing for a worker that is not one of them.
    """
    if worker not in workers:
        return 0
    rank = (workers.index(worker) - first) % len(workers)
    return count // len(workers) + (rank < count % len(workers))


class RateLimit(msgspec.Struct, frozen=True):
    """A bucket's size and how fast it refills."""

    capacity: int
    per_second: float


SCALING_RATE = RateLimit(quotas.SCALING_ENVIRONMENTS_MAX, quotas.SCALING_ENVIRONMENTS_MAX / quotas.SCALING_SECONDS)


def request_rate(concurrency: int) -> RateLimit:
    """How many invocations may begin, where so many may run at once (1 or more)."""
    count = concurrency * quotas.REQUESTS_PER_SECOND_OF_CONCURRENCY
    return RateLimit(count, count)
