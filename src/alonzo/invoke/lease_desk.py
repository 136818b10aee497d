"""Where one worker's leases of one account and region are taken and given back: all that this worker writes into the ledger."""

import asyncio
import math
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from alonzo.clock import Clock
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.invoke.lease_waiters import Recall, Waiter
from alonzo.invoke.leases import (
    SCALING_RATE,
    UNRESERVED,
    Ledger,
    RateLimit,
    pool_limits,
    provisioned_pool,
    provisioned_share,
    request_rate,
    spare_slots,
    tokens_at_once,
)
from alonzo.invoke.rates import TokenAllowance
from alonzo.model.concurrency import AccountLimits, FunctionLimits
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists, StoreError, StoreUnavailable
from alonzo.store.members import Members
from alonzo.store.records import RecordTable

_ROUND_PAUSE_SECONDS = 0.005
"""After a refusal: however many ask for what is not there, the others are asked no more often than that."""
_UNHEARD_PAUSE_SECONDS, _UNHEARD_SECONDS = 0.05, 2.0
"""With a worker that holds something and does not answer: it may have died, and what it held will soon be free."""


class _Wish(msgspec.Struct, kw_only=True):
    """What is to be changed. `rates`: tokens by rate; `idle`: how much of each pool has not been used for a while."""

    slots: Mapping[str, int] = {}
    rates: Mapping[str, int] = {}
    recall: Recall | None = None
    gives_all: bool = False
    idle_slots: Mapping[str, int] = {}
    idle_rates: Sequence[str] = ()


class Desk:
    """Of one account and region."""

    def __init__(
        self,
        *,
        scope: Scope,
        table: RecordTable[Ledger],
        key: tuple[str, str, str],
        admission: Admission,
        rates: Callable[[str], TokenAllowance | None],
        members: Members,
        ask: Callable[[set[str], Recall], Awaitable[bool]],
        account_limit: int,
        on_provisioned: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._scope = scope
        self._table = table
        self._key = key
        self._admission = admission
        self._allowance = rates
        self._members = members
        self._ask = ask
        self._account_limit = account_limit
        self._on_provisioned = on_provisioned
        self._clock = clock
        self._limits = AccountLimits(unreserved_count=account_limit, functions={})
        self._pools = pool_limits(self._limits)
        self._leased: dict[str, int] = {}
        self._is_settled = True
        self._is_over = False
        self._lock = asyncio.Lock()
        self._waiting: list[Waiter] = []
        self._serving: asyncio.Task[None] | None = None
        self._idle_before: Mapping[str, int] = {}
        self._tokens_before: dict[str, int] = {}
        admission.configure(scope, self._local_limits())

    # What is to be kept to.

    def configure(self, limits: AccountLimits) -> None:
        """Other limits, which all workers share."""
        self._limits = limits
        self._pools = pool_limits(limits)
        self._is_settled = False
        self._lease(self._ledger(), no_more=True)
        self._admission.configure(self._scope, self._local_limits())

    def note_ledger(self) -> None:
        """Others have changed the ledger: there may no longer be more held than there is."""
        if not self._lock.locked():  # else it is looked at in a moment
            self._lease(self._ledger(), no_more=False)

    def provisioned_count(self, name: str, version: str) -> int:
        """How many provisioned environments of a version shall be here."""
        return self._leased.get(provisioned_pool(name, version), 0)

    def other_holders(self, name: str, version: str) -> set[str]:
        """Who else has some."""
        pool = provisioned_pool(name, version)
        return self._ledger().holders(pool) - {self._members.own_name} if pool in self._pools else set()

    async def settle(self) -> None:
        """After `configure`: what is in use is written down, what is not is given back. Errors: the store's."""
        while not self._is_settled:
            limits = self._limits
            await self._transact(_Wish(gives_all=True))
            self._is_settled = limits is self._limits

    def is_unbalanced(self) -> bool:
        """Whether this worker has another part of some provisioned concurrency than it should, and can change that."""
        ledger = self._ledger()
        for pool, limit in self._pools.items():
            if ":" in pool:
                held, share = ledger.count(pool, self._members.own_name), self._share(pool, limit)
                if held > share or (held < share and ledger.total(pool) < limit):
                    return True
        return False

    async def balance(self) -> None:
        """Take, or give back, what is needed for one's part of provisioned concurrency. Errors: the store's."""
        if self.is_unbalanced():
            await self._transact(_Wish())

    # Who needs more.

    def is_hopeless(self, waiter: Waiter) -> bool:
        """Whether there is nothing that could be held at all: a function with a reserved concurrency of 0."""
        return waiter.pool is not None and self._pools.get(waiter.pool, 0) <= 0

    def enqueue(self, waiter: Waiter, group: asyncio.TaskGroup) -> None:
        """Have its outcome set, soon."""
        self._waiting.append(waiter)
        if self._serving is None:
            self._serving = group.create_task(self._serve())

    async def give_back(self, recall: Recall) -> None:
        """Somebody else needs it. Errors: the store's."""
        idle = self._idle()
        wanted = (recall.of_any and any(idle.values())) or any(idle.get(pool) for pool in recall.slots)
        if wanted or any((allowance := self._allowance(rate)) is not None and allowance.count for rate in recall.rates):
            await self._transact(_Wish(recall=recall))

    async def sweep(self) -> None:
        """Called every now and then: what was not used since the last time is given back. Errors: the store's."""
        idle = self._idle()
        unused = {pool: min(count, self._idle_before.get(pool, 0)) for pool, count in idle.items()}
        self._idle_before = idle
        surplus = {pool: count - self._spare(pool) for pool, count in unused.items() if count > self._spare(pool)}
        tokens = {rate: self._unused(rate) for rate, bucket in self._ledger().buckets.items() if self._members.own_name in bucket.taken}
        idle_rates = [rate for rate, count in tokens.items() if self._tokens_before.get(rate) == count and not self._is_kept(rate)]
        self._tokens_before = tokens
        if surplus or idle_rates:
            await self._transact(_Wish(idle_slots=surplus, idle_rates=idle_rates))

    async def give_up(self) -> None:
        """Hold nothing any more, for good. Errors: the store's."""
        self._is_over = True
        await self._transact(_Wish(gives_all=True))

    async def _serve(self) -> None:
        waiting: list[Waiter] = []
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                try:
                    refused = await self._satisfy(waiting)
                except StoreError as error:
                    for waiter in waiting:
                        waiter.end(error)
                    continue
                if refused:
                    await asyncio.sleep(_ROUND_PAUSE_SECONDS)
        finally:
            self._serving = None
            for waiter in (*waiting, *self._waiting):
                waiter.end(StoreUnavailable("the worker ends"))
            self._waiting.clear()

    async def _satisfy(self, waiting: list[Waiter]) -> bool:
        """Whether some had to be refused."""
        waiting = await self._try(waiting)
        if not waiting:
            return False
        await self._table.refresh(self._key)
        waiting = await self._try(waiting)
        until = self._clock.monotonic() + _UNHEARD_SECONDS
        while waiting:
            asked_for = {waiter.need for waiter in waiting}
            have_all_answered = await self._recall(waiting)
            await self._table.refresh(self._key)
            waiting = await self._try(waiting)
            if self._clock.monotonic() > until:
                break
            if asked_for.issuperset(waiter.need for waiter in waiting):  # else what is missing now is something else
                if have_all_answered:
                    break
                await asyncio.sleep(_UNHEARD_PAUSE_SECONDS)
        for waiter in waiting:
            waiter.end(self._final(waiter))
        return bool(waiting)

    async def _try(self, waiting: list[Waiter]) -> list[Waiter]:
        """Take what can be had; who still waits."""
        slots = Counter(pool for waiter in waiting if (pool := waiter.pool) is not None)
        rates = Counter(waiter.rate for waiter in waiting)
        await self._transact(_Wish(slots=slots, rates=rates))
        return [waiter for waiter in waiting if not waiter.retry()]

    async def _recall(self, waiting: list[Waiter]) -> bool:
        ledger = self._ledger()
        slots = Counter(pool for waiter in waiting if (pool := waiter.pool) is not None)
        is_account_full = ledger.grand_total >= self._account_limit
        tokens = Counter(waiter.rate for waiter in waiting)
        rates = {rate for rate, count in tokens.items() if self._unused(rate) < count}
        holders = {worker for pool in slots for worker in ledger.holders(None if is_account_full else pool)}
        holders |= {worker for rate in rates if rate in ledger.buckets for worker in ledger.buckets[rate].taken}
        recall = Recall(
            account_id=self._scope.account_id,
            region=self._scope.region,
            slots=dict(slots),
            of_any=slots.total() if is_account_full else 0,
            rates=sorted(rates),
        )
        return await self._ask(holders - {self._members.own_name}, recall)

    def _final(self, waiter: Waiter) -> Throttled:
        limit = self._rate_limit(waiter.rate)
        if waiter.pool is not None or limit is None:
            return waiter.refusal
        wait_seconds = self._ledger().wait_seconds(
            waiter.rate, capacity=limit.capacity, per_second=limit.per_second, now=self._clock.monotonic()
        )
        return Throttled(waiter.refusal.reason, retry_after_seconds=max(math.ceil(wait_seconds), 1))

    # The ledger.

    async def _transact(self, wish: _Wish) -> None:
        """Change the ledger as `_plan` says. What is given back cannot be used from before the write on, what is taken from after it on."""
        async with self._lock:
            while True:
                record = self._table.get_versioned(self._key)
                before = Ledger() if record is None else record.value
                self._lease(before, no_more=True)
                returned: dict[str, int] = {}
                after, drawn = self._plan(before, wish, returned)
                self._lease(after, no_more=True)
                if after != before:
                    for rate, count in returned.items():
                        self._add_tokens(rate, -count)
                    try:
                        if record is None:
                            await self._table.create(self._key, after)
                        else:
                            await self._table.update(self._key, after, revision=record.revision)
                    except (RecordExists, RecordConflict):
                        for rate, count in returned.items():
                            self._add_tokens(rate, count)
                        continue
                for rate, count in drawn.items():
                    self._add_tokens(rate, count)
                self._lease(after, no_more=False)
                return

    def _plan(self, ledger: Ledger, wish: _Wish, returned: dict[str, int]) -> tuple[Ledger, dict[str, int]]:
        own_name, used = self._members.own_name, self._admission.used_slots(self._scope)
        for pool, count in used.items():  # limits have changed: what runs counts to another pool now, whether there is room or not
            ledger = ledger.set_count(pool, own_name, max(count, ledger.count(pool, own_name)))
        of_any = 0 if wish.recall is None else wish.recall.of_any
        for pool in list(ledger.held):
            held = ledger.count(pool, own_name)
            idle = held - used.get(pool, 0)
            given = min(idle, max(self._surplus(ledger, pool, wish), of_any))
            of_any -= min(given, of_any)
            ledger = ledger.set_count(pool, own_name, held - given)
        if not self._is_over:
            ledger = self._take(ledger, wish, used)
        return self._plan_tokens(ledger, wish, returned)

    def _surplus(self, ledger: Ledger, pool: str, wish: _Wish) -> int:
        """How much of a pool this worker should give back, if it can."""
        held, limit = ledger.count(pool, self._members.own_name), self._pools.get(pool, 0)
        if ":" in pool:
            return max(held - self._share(pool, limit), 0)
        if wish.gives_all:
            return held
        recalled = 0 if wish.recall is None else wish.recall.slots.get(pool, 0)
        return max(recalled, ledger.total(pool) - limit, wish.idle_slots.get(pool, 0))

    def _take(self, ledger: Ledger, wish: _Wish, used: Mapping[str, int]) -> Ledger:
        own_name = self._members.own_name
        for pool, limit in self._pools.items():
            held = ledger.count(pool, own_name)
            if ":" in pool:
                wanted = self._share(pool, limit) - held
            else:
                wanted = wish.slots.get(pool, 0) - held + used.get(pool, 0)
                wanted += self._spare(pool) if wanted > 0 else 0
            if wanted > 0:
                ledger = ledger.take(pool, own_name, wanted, limit=limit, account_limit=self._account_limit)
        return ledger

    def _plan_tokens(self, ledger: Ledger, wish: _Wish, returned: dict[str, int]) -> tuple[Ledger, dict[str, int]]:
        own_name, now, drawn = self._members.own_name, self._clock.monotonic(), {}
        recalled = () if wish.recall is None else wish.recall.rates
        back = [*ledger.buckets] if self._is_over or wish.gives_all else [*recalled, *wish.idle_rates]
        for rate in back:
            limit, unused = self._rate_limit(rate), self._unused(rate)
            if rate in ledger.buckets and own_name in ledger.buckets[rate].taken:
                per_second = 1.0 if limit is None else limit.per_second  # None: it was the rate of a function that has none any more
                ledger = ledger.put_back(rate, own_name, unused=unused, count=unused, per_second=per_second)
                returned[rate] = unused
        for rate, count in wish.rates.items():
            limit, unused = self._rate_limit(rate), self._unused(rate)
            if limit is not None and unused < count:
                at_once = max(tokens_at_once(limit.capacity, max(len(self._members.names), 1)), count - unused)
                had = ledger
                ledger = ledger.draw(
                    rate, own_name, unused=unused, wanted=at_once, capacity=limit.capacity, per_second=limit.per_second, now=now
                )
                if ledger is not had:
                    drawn[rate] = ledger.buckets[rate].taken.get(own_name, 0) - unused
        return ledger.forget_full(now), drawn

    # What this worker has.

    def _ledger(self) -> Ledger:
        return self._table.find(self._key) or Ledger()

    def _idle(self) -> dict[str, int]:
        used = self._admission.used_slots(self._scope)
        ledger, own_name = self._ledger(), self._members.own_name
        return {pool: ledger.count(pool, own_name) - used.get(pool, 0) for pool in ledger.held if ":" not in pool}

    def _share(self, pool: str, limit: int) -> int:
        first = zlib.crc32(pool.encode())
        return 0 if self._is_over else provisioned_share(limit, workers=self._members.names, worker=self._members.own_name, first=first)

    def _spare(self, pool: str) -> int:
        return spare_slots(self._pools.get(pool, 0), max(len(self._members.names), 1))

    def _rate_limit(self, rate: str) -> RateLimit | None:
        kind, _, name = rate.partition(":")
        if kind == "environments":
            return SCALING_RATE
        function = self._limits.functions.get(name)
        concurrency = self._account_limit if name == UNRESERVED else None if function is None else function.reserved
        return request_rate(concurrency) if concurrency else None

    def _is_kept(self, rate: str) -> bool:
        """Whether tokens are kept until somebody asks for them: those of requests, of which there are few."""
        return rate.startswith("requests:") and self._rate_limit(rate) is not None

    def _unused(self, rate: str) -> int:
        allowance = self._allowance(rate)
        return 0 if allowance is None else allowance.count

    def _add_tokens(self, rate: str, count: int) -> None:
        allowance = self._allowance(rate)
        if allowance is not None:
            allowance.count += count

    def _lease(self, ledger: Ledger, *, no_more: bool) -> None:
        """Have `Admission` keep to what the ledger says; with `no_more` only where that is less than before."""
        leased = {pool: self._usable(ledger, pool) for pool in {*self._leased, *ledger.held}}
        if no_more:
            leased = {pool: min(count, self._leased.get(pool, 0)) for pool, count in leased.items()}
        leased = {pool: count for pool, count in leased.items() if count}
        if leased == self._leased:
            return
        before, self._leased = self._leased, leased
        if any(":" in pool and before.get(pool) != leased.get(pool) for pool in {*before, *leased}):
            self._admission.configure(self._scope, self._local_limits())
            self._on_provisioned()
            return
        for pool in {*before, *leased}:
            if before.get(pool) != leased.get(pool):
                self._admission.set_limit(self._scope, None if pool == UNRESERVED else pool, leased.get(pool, 0))

    def _usable(self, ledger: Ledger, pool: str) -> int:
        """What of its slots this worker may use.

        While more of a pool is held than there is, what ends here makes no room for another: it might be elsewhere. Of provisioned
        concurrency what is beyond the worker's share counts as on demand, as it does on a single node when there is less of it.
        """
        held, limit = ledger.count(pool, self._members.own_name), self._pools.get(pool, 0)
        if ":" in pool:
            return min(held, self._share(pool, limit))
        return max(held - max(ledger.total(pool) - limit, 0), 0)

    def _local_limits(self) -> AccountLimits:
        functions = {}
        for name, function in self._limits.functions.items():
            provisioned = {
                version: count for version in function.provisioned_counts if (count := self._leased.get(provisioned_pool(name, version), 0))
            }
            reserved = None if function.reserved is None else self._leased.get(name, 0) + sum(provisioned.values())
            functions[name] = FunctionLimits(reserved=reserved, provisioned_counts=provisioned)
        return AccountLimits(unreserved_count=self._leased.get(UNRESERVED, 0), functions=functions)
