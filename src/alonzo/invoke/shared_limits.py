"""One worker's part of the limits that several workers share: what it holds of them, and how it comes to more.

`Admission` counts as it does on a single node, only against what this worker holds (see `leases.py`), so an invocation for which there
is a slot asks nobody. For one that is refused here, the ledger is looked at: what nobody holds is taken, and what others hold and do not
use is asked back. It is refused for good only when all others have said, after it came, that they have nothing to spare.
"""

import asyncio
import logging
import weakref
from collections.abc import Callable

import msgspec

from alonzo.clock import Clock
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import Throttled
from alonzo.invoke.lease_desk import Desk
from alonzo.invoke.lease_waiters import Recall, Waiter
from alonzo.invoke.leases import Ledger
from alonzo.invoke.rates import TokenAllowance
from alonzo.model.concurrency import AccountLimits
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope, partition_of
from alonzo.store.errors import StoreError
from alonzo.store.members import Members
from alonzo.store.peer_calls import PeerCalls
from alonzo.store.records import RecordTable

_TOPIC = "leases"
_SWEEP_SECONDS = 10.0
"""What is not used is given back at the second sweep; whoever needs it sooner asks for it."""
_RETRY_SECONDS = 0.5

_log = logging.getLogger(__name__)


class SharedRates:
    """What `Admission` counts beginnings with: tokens, of each account and function."""

    def __init__(self) -> None:
        self._allowances: weakref.WeakValueDictionary[tuple[Scope, str], TokenAllowance] = weakref.WeakValueDictionary()

    def requests(self, scope: Scope, name: str) -> TokenAllowance:
        """As `Rates.requests`."""
        return self.of(scope, f"requests:{name}")

    def environments(self, scope: Scope, name: str) -> TokenAllowance:
        """As `Rates.environments`."""
        return self.of(scope, f"environments:{name}")

    def of(self, scope: Scope, rate: str) -> TokenAllowance:
        """The tokens of a rate; forgotten with the function that they are for."""
        allowance = self._allowances.get((scope, rate))
        if allowance is None:
            allowance = self._allowances[scope, rate] = TokenAllowance()
        return allowance

    def find(self, scope: Scope, rate: str) -> TokenAllowance | None:
        """The tokens of a rate, if anybody needs them."""
        return self._allowances.get((scope, rate))


class SharedLimits:
    """One a worker. `run` belongs in the parent's TaskGroup."""

    def __init__(
        self,
        *,
        admission: Admission,
        rates: SharedRates,
        table: RecordTable[Ledger],
        cluster: str,
        members: Members,
        peers: PeerCalls,
        account_limit: int,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._rates = rates
        self._table = table
        self._cluster = cluster
        self._members = members
        self._peers = peers
        self._account_limit = account_limit
        self._clock = clock
        self._desks: dict[Scope, Desk] = {}
        self._group: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[Scope], None]] = []
        peers.answer(_TOPIC, self._on_recall)
        members.subscribe(self._on_members)
        table.subscribe(self._on_ledger)

    def configure(self, scope: Scope, limits: AccountLimits) -> None:
        """Keep to these limits, which all workers share, from here on. What runs goes on running, also beyond them."""
        self._desk(scope).configure(limits)
        self._wake.set()

    def subscribe(self, listener: Callable[[Scope], None]) -> Callable[[], None]:
        """Call the listener when `provisioned_counts` of a scope have changed. It must not block. Returns how to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def provisioned_count(self, scope: Scope, name: str, version: str) -> int:
        """How many of a version's provisioned environments shall be here."""
        desk = self._desks.get(scope)
        return 0 if desk is None else desk.provisioned_count(name, version)

    def provisioned_holders(self, scope: Scope, name: str, version: str) -> set[str]:
        """The other workers that have environments of a version's provisioned concurrency, or shall have."""
        desk = self._desks.get(scope)
        return set() if desk is None else desk.other_holders(name, version)

    async def acquire(self, version: FunctionVersion, refusal: Throttled) -> None:
        """Take a place as `Admission.acquire` does, which has refused one for want of leases. `Throttled`, `StoreError`."""
        await self._wait(version, refusal, attempt=lambda: self._admission.acquire(version), undo=lambda: self._admission.release(version))

    async def begin_environment(self, version: FunctionVersion, refusal: Throttled) -> None:
        """Likewise for `Admission.begin_environment`."""
        await self._wait(
            version, refusal, attempt=lambda: self._admission.begin_environment(version), undo=lambda: None, is_environment=True
        )

    async def settle(self) -> None:
        """Return when limits that have changed are those that the ledger shows this worker to keep to. Errors: the store's."""
        for desk in list(self._desks.values()):
            await desk.settle()

    async def run(self) -> None:
        """Component: until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._sweep())
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    for desk in list(self._desks.values()):
                        await desk.settle()
                        await desk.balance()
                except StoreError as error:
                    _log.warning("limits wait for the store: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._wake.set()

    async def give_up(self) -> None:
        """The worker ends, and all that ran has ended. Errors: the store's."""
        for desk in self._desks.values():
            await desk.give_up()

    async def _wait(
        self,
        version: FunctionVersion,
        refusal: Throttled,
        *,
        attempt: Callable[[], None],
        undo: Callable[[], None],
        is_environment: bool = False,
    ) -> None:
        desk = self._desk(version.scope)
        refusal.__traceback__ = None  # it holds frames that hold the refusal: only the garbage collector would end that
        waiter = Waiter(name=version.name, refusal=refusal, attempt=attempt, is_environment=is_environment)
        if desk.is_hopeless(waiter) or self._group is None:
            raise refusal
        desk.enqueue(waiter, self._group)
        try:
            await waiter.outcome
        except asyncio.CancelledError:
            if waiter.has_succeeded:
                undo()
            raise

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                for desk in list(self._desks.values()):
                    await desk.sweep()
            except StoreError as error:
                _log.warning("leases that are not used are kept for now: %s", error)

    async def _on_recall(self, question: bytes) -> bytes:
        recall = msgspec.msgpack.decode(question, type=Recall)
        desk = self._desks.get(Scope(recall.account_id, recall.region, partition_of(recall.region)))
        if desk is not None:
            await desk.give_back(recall)
        return b""

    async def _ask(self, workers: set[str], recall: Recall) -> bool:
        """Whether all of them have answered."""
        living = [worker for worker in workers if worker in self._members.others]
        answers = await self._peers.ask_all(living, _TOPIC, msgspec.msgpack.encode(recall), timeout_seconds=1.0)
        return len(living) == len(workers - {self._members.own_name}) and None not in answers.values()

    def _desk(self, scope: Scope) -> Desk:
        """Remembered for good, as the accounts of `Admission` are."""
        desk = self._desks.get(scope)
        if desk is None:
            desk = self._desks[scope] = Desk(
                scope=scope,
                table=self._table,
                key=(self._cluster, scope.account_id, scope.region),
                admission=self._admission,
                rates=lambda rate: self._rates.find(scope, rate),
                members=self._members,
                ask=self._ask,
                account_limit=self._account_limit,
                on_provisioned=lambda: self._tell(scope),
                clock=self._clock,
            )
        return desk

    def _tell(self, scope: Scope) -> None:
        for listener in self._listeners:
            listener(scope)

    def _on_members(self) -> None:
        self._wake.set()

    def _on_ledger(self, key: tuple[str, ...], _: Ledger | None) -> None:
        desk = self._desks.get(Scope(key[1], key[2], partition_of(key[2]))) if key[0] == self._cluster else None
        if desk is not None:
            desk.note_ledger()
            if desk.is_unbalanced():
                self._wake.set()
