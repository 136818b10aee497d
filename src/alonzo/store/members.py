"""The workers that live: one record each, which all of them watch.

A worker writes its record when it starts. It goes when the worker has ended: whoever started it sees to that, however it ended.
"""

import asyncio
from collections.abc import Callable

import msgspec

from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable


class Member(msgspec.Struct, frozen=True):
    """`number`: 1, 2, … within its cluster; the successor of a worker that died has the same."""

    number: int
    process_id: int


class Members:
    """Made by `open`. A name is one worker's alone: its successor has another."""

    def __init__(self, *, table: RecordTable[Member], cluster: str, own_name: str) -> None:
        self.table = table
        self._cluster = cluster
        self.own_name = own_name
        self._names: tuple[str, ...] = ()
        self._gone: dict[asyncio.Future[None], str] = {}
        self._listeners: list[Callable[[], None]] = []
        table.subscribe(lambda *_: self._on_change())
        self._on_change()

    @classmethod
    async def open(cls, connection: Connection, *, cluster: str, own_name: str) -> "Members":
        """Errors: the store's."""
        return cls(table=await RecordTable.open(connection, name="members", record_type=Member), cluster=cluster, own_name=own_name)

    @property
    def names(self) -> tuple[str, ...]:
        """All that live, as far as is known here, by their numbers."""
        return self._names

    @property
    def others(self) -> tuple[str, ...]:
        """All but this one."""
        return tuple(name for name in self._names if name != self.own_name)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call the listener whenever somebody came or went. It must not block."""
        self._listeners.append(listener)

    async def add(self, member: Member) -> int:
        """Become a member; the revision from which on everybody knows. Errors: the store's."""
        return await self.table.put((self._cluster, self.own_name), member)

    async def remove(self, name: str) -> None:
        """A worker has ended. Errors: the store's."""
        await self.table.delete((self._cluster, name))

    async def clear(self) -> None:
        """Nobody lives. Errors: the store's."""
        await self.table.delete_prefix((self._cluster,))

    async def wait_gone(self, name: str) -> None:
        """Return when there is no such member."""
        if name not in self._names:
            return
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone[gone] = name
        try:
            await gone
        finally:
            del self._gone[gone]

    def _on_change(self) -> None:
        records = [(member.number, key[1]) for key, member in self.table.iter_prefix((self._cluster,))]
        self._names = tuple(name for _, name in sorted(records))
        for gone, name in self._gone.items():
            if name not in self._names and not gone.done():
                gone.set_result(None)
        for listener in self._listeners:
            listener()
