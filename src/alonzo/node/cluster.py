"""What makes one of several workers out of a node: who the others are, and what is agreed on with them."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.functions.settings.shared_allocations import SharedAllocations, WorkerAllocation
from alonzo.functions.shared_turns import SharedTurns, TurnHolder
from alonzo.invoke.admission import Admission
from alonzo.invoke.leases import Ledger
from alonzo.invoke.shared_limits import SharedLimits, SharedRates
from alonzo.model.names import FunctionReference
from alonzo.node.seat import Seat
from alonzo.store.agreement import Agreement
from alonzo.store.connection import Connection
from alonzo.store.delegation import Delegation
from alonzo.store.errors import StoreError
from alonzo.store.members import Member, Members
from alonzo.store.peer_calls import PeerCalls
from alonzo.store.records import RecordTable

_VIEW_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTables:
    """The records that workers have beside those of the Lambda API. Made by `open_cluster_tables`."""

    members: Members
    ledgers: RecordTable[Ledger]
    turns: RecordTable[TurnHolder]
    allocations: RecordTable[WorkerAllocation]

    def followers(self) -> list[Coroutine[Any, Any, None]]:
        """What keeps them up to date."""
        return [self.members.table.run(), self.ledgers.run(), self.turns.run(), self.allocations.run()]


async def open_cluster_tables(connection: Connection, *, cluster: str, own_name: str) -> ClusterTables:
    """Errors: the store's."""
    return ClusterTables(
        members=await Members.open(connection, cluster=cluster, own_name=own_name),
        ledgers=await RecordTable.open(connection, name="leases", record_type=Ledger),
        turns=await RecordTable.open(connection, name="turns", record_type=TurnHolder),
        allocations=await RecordTable.open(connection, name="allocations", record_type=WorkerAllocation),
    )


class Cluster:
    """One worker's view of all. Made by `open`, then given the tables to agree on and the limits to share."""

    def __init__(self, *, seat: Seat, tables: ClusterTables, peers: PeerCalls, delegation: Delegation, clock: Clock) -> None:
        self._seat = seat
        self._tables = tables
        self._clock = clock
        self.peers = peers
        self.delegation = delegation
        self.allocations = SharedAllocations(table=tables.allocations, cluster=seat.cluster, own_name=seat.name)
        self._agreement: Agreement | None = None
        self._turns: SharedTurns | None = None
        self._limits: SharedLimits | None = None

    @classmethod
    async def open(cls, connection: Connection, *, seat: Seat, clock: Clock) -> "Cluster":
        """Errors: the store's."""
        tables = await open_cluster_tables(connection, cluster=seat.cluster, own_name=seat.name)
        peers = await PeerCalls.open(connection, cluster=seat.cluster, members=tables.members)
        delegation = await Delegation.open(connection, cluster=seat.cluster, members=tables.members)
        return cls(seat=seat, tables=tables, peers=peers, delegation=delegation, clock=clock)

    @property
    def members(self) -> Members:
        """Who lives."""
        return self._tables.members

    def followers(self) -> list[Coroutine[Any, Any, None]]:
        """What keeps the records up to date and others answered: to be run as long as the stores are open."""
        return [*self._tables.followers(), self.peers.run()]

    def share_records(self, tables: Mapping[str, RecordTable[Any]]) -> SharedTurns:
        """Agree on these from here on. Returns the turns that come with it."""
        self._agreement = Agreement(
            tables={**tables, "allocations": self._tables.allocations},
            members=self.members,
            peers=self.peers,
            settle=self._settle,
        )
        self._turns = SharedTurns(
            table=self._tables.turns, cluster=self._seat.cluster, own_name=self._seat.name, agree=self._agreement.agree
        )
        return self._turns

    def share_limits(self, *, admission: Admission, rates: SharedRates, account_limit: int) -> SharedLimits:
        """Keep to the limits together."""
        self._limits = SharedLimits(
            admission=admission,
            rates=rates,
            table=self._tables.ledgers,
            cluster=self._seat.cluster,
            members=self.members,
            peers=self.peers,
            account_limit=account_limit,
            clock=self._clock,
        )
        return self._limits

    async def join(self) -> None:
        """Become a member that knows what the others have agreed on. Errors: the store's."""
        assert self._agreement is not None
        revision = await self.members.add(Member(number=self._seat.number, process_id=os.getpid()))
        await self._agreement.join(revision)

    async def leave(self) -> None:
        """Give back what is held. What cannot be given back now is given back by the parent."""
        try:
            if self._limits is not None:
                await self._limits.give_up()
            await self.members.remove(self._seat.name)
        except StoreError as error:
            _log.info("leases are left to the parent process: %s", error)

    async def agree(self) -> None:
        """Before an answer goes out: all workers know what is known here."""
        assert self._agreement is not None
        try:
            await self._agreement.agree()
        except StoreError as error:
            _log.warning("other workers may not know of a change yet: %s", error)

    async def run(self) -> None:
        """Component: until cancelled."""
        assert self._limits is not None
        assert self._turns is not None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._limits.run())
            group.create_task(self._turns.run())
            group.create_task(self.allocations.run())
            group.create_task(self.delegation.run())

    async def collect(self, topic: str, question: bytes = b"") -> list[bytes]:
        """What the others answer; those that do not, in time, are left out."""
        answers = await self.peers.ask_all(self.members.others, topic, question, timeout_seconds=_VIEW_SECONDS)
        return [answer for answer in answers.values() if answer is not None]

    async def _settle(self) -> None:
        if self._limits is not None:
            await self._limits.settle()


class QueueOwners:
    """Which worker serves a function's queue: one at a time, so that pausing, windows and limits are as on a single node."""

    def __init__(self, *, cluster: Cluster) -> None:
        self._members = cluster.members
        self._peers = cluster.peers
        self._told: dict[FunctionReference, None] = {}
        self._wake = asyncio.Event()

    def is_own(self, function: FunctionReference) -> bool:
        """Whether it is this worker."""
        return self._owner(function) == self._members.own_name

    def tell(self, function: FunctionReference) -> None:
        """Have its worker know that there is an event."""
        self._told[function] = None
        self._wake.set()

    async def run(self, wake: Callable[[FunctionReference], None]) -> None:
        """Component: tells others, and has `wake` called for what others tell; until cancelled."""
        self._peers.answer("events", _waking(wake))
        while True:
            await self._wake.wait()
            self._wake.clear()
            functions, self._told = list(self._told), {}
            for function in functions:
                owner = self._owner(function)
                if owner is None:
                    continue
                try:
                    await self._peers.tell(owner, "events", msgspec.msgpack.encode(function))
                except StoreError as error:  # it looks for itself every now and then
                    _log.info("a worker was not told of an event: %s", error)

    def _owner(self, function: FunctionReference) -> str | None:
        """The one for which a hash of both is highest: when somebody comes or goes, only what is theirs moves."""
        text = f"{function.scope.account_id}/{function.scope.region}/{function.name}/"
        if self._members.own_name not in self._members.names:
            return None  # it is about to join, or to leave
        return max(self._members.names, key=lambda name: hashlib.blake2b((text + name).encode(), digest_size=8).digest())


def _waking(wake: Callable[[FunctionReference], None]) -> Callable[[bytes], Awaitable[bytes]]:
    async def answer(message: bytes) -> bytes:
        wake(msgspec.msgpack.decode(message, type=FunctionReference))
        return b""

    return answer
