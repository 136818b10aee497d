"""Tables of records that are written often, are many and are seldom read: nothing of them stays in memory. Values are JSON.

They lie where those of `RecordTable` lie, in a section of the same bucket, and may be read as one.
"""

from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

import msgspec

from alonzo.store.bucket import Bucket, WrongRevision
from alonzo.store.connection import Connection
from alonzo.store.record_form import RecordForm
from alonzo.store.record_index import Key

T = TypeVar("T", bound=msgspec.Struct)


class RecordArchive(Generic[T]):
    """Made by `open`. A key is a tuple of one or more texts; any character may stand in them.

    Errors of all methods: `StoreUnavailable` (a write may have happened), `StoreFull` (it has not), `RecordUnreadable`.
    """

    def __init__(self, *, bucket: Bucket, name: str, record_type: type[T]) -> None:
        self._bucket = bucket
        self._form = RecordForm(name, record_type)

    @classmethod
    async def open(cls, connection: Connection, *, name: str, record_type: type[T]) -> "RecordArchive[T]":
        """Make the bucket if need be. `name`: letters, digits, `-`, `_`."""
        return cls(bucket=await Bucket.open(connection, section=name), name=name, record_type=record_type)

    async def find(self, key: Key) -> T | None:
        """The record as it is now; None when there is none."""
        latest = await self._bucket.read_latest(key)
        return None if latest is None else self._form.decode(latest)

    async def change(self, key: Key, changed: Callable[[T | None], T]) -> T:
        """Write what `changed` makes of the record, of None where there is none; what was written. Changes of others are not lost."""
        latest = await self._bucket.read_latest(key)
        while True:
            value = changed(None if latest is None else self._form.decode(latest))
            try:
                await self._bucket.write(key, self._form.encode(value), expected_revision=0 if latest is None else latest.revision)
            except WrongRevision as wrong:
                latest = wrong.latest
            else:
                return value

    async def delete(self, key: Key) -> None:
        """Delete the record. One that is not there stays so."""
        await self._bucket.write(key, None, expected_revision=None)

    async def iter_prefix(self, prefix: Key) -> AsyncIterator[tuple[Key, T]]:
        """The records whose keys begin with these parts, those that were written last at the end; `()` is all.

        One that is written meanwhile may come again, as it is then.
        """
        async for change in self._bucket.iter_latest(prefix):
            value = self._form.decode(change)
            if value is not None:
                yield change.key, value
