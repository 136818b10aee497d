"""Tables of records: durable in JetStream, readable from memory. Values are JSON.

Every node holds a copy of the whole table, kept up to date by a feed; reads never leave the process.

How own writes and the feed meet: a bucket gives every change one sequence number, the record's revision. A change is applied when its
revision is higher than the record's, by whoever learns of it first: the writer, from the acknowledgement, or the feed. The other one
finds nothing left to do. So a write is visible when its `await` returns, and every change is announced once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from alonzo.store.bucket import Bucket, Change, WrongRevision
from alonzo.store.connection import Connection
from alonzo.store.errors import RecordConflict, RecordExists, RecordUnreadable, StoreError
from alonzo.store.feed import Feed, FeedInterrupted
from alonzo.store.record_form import RecordForm
from alonzo.store.record_index import Key, RecordIndex, Versioned

T = TypeVar("T", bound=msgspec.Struct)
Listener = Callable[[Key, T | None], None]

_RETRY_SECONDS = 0.2

_log = logging.getLogger(__name__)


class RecordTable(Generic[T]):
    """Made by `open`; follows the changes of others while `run` runs.

    A key is a tuple of one or more texts; any character may stand in them.
    Writes raise `StoreUnavailable` (the write may have happened), `StoreFull` (it has not) and what is said with each.
    A cancelled write may have happened; the feed then brings it.
    """

    def __init__(self, *, bucket: Bucket, name: str, record_type: type[T]) -> None:
        self._bucket = bucket
        self._name = name
        self._form = RecordForm(name, record_type)
        self._index: RecordIndex[T] = RecordIndex()
        self._deleted: dict[Key, int] = {}  # revisions of deletions that the feed has not brought yet
        self._listeners: dict[object, Listener[T]] = {}
        self._feed: Feed | None = None
        self.applied_revision = 0
        """The highest that this copy shows, own write or not."""
        self._followed_revision = 0  # the feed has brought everything up to here
        self._reaching: dict[asyncio.Future[None], int] = {}

    @classmethod
    async def open(cls, connection: Connection, *, name: str, record_type: type[T]) -> "RecordTable[T]":
        """Make the bucket if need be and load all records. `name`: letters, digits, `-`, `_`.

        `StoreUnavailable`, `StoreFull`; `RecordUnreadable` when a stored record is not of the type.
        """
        table = cls(bucket=await Bucket.open(connection, section=name), name=name, record_type=record_type)
        try:
            table._feed = await table._load()
        except FeedInterrupted:
            table._feed = await table._load()
        return table

    async def run(self) -> None:
        """Component: follows the changes of others until cancelled. `RecordUnreadable` when one of them cannot be understood."""
        while True:
            try:
                self._feed = self._feed or await self._load()
                await self._follow(self._feed)
            except FeedInterrupted as reason:
                _log.info("table %s reads itself anew: %s", self._name, reason)
            except RecordUnreadable:
                raise
            except StoreError as error:
                _log.warning("table %s cannot follow changes, trying again: %s", self._name, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                feed, self._feed = self._feed, None
                if feed is not None:
                    await feed.aclose()

    async def reach(self, revision: int) -> None:
        """Return when every change up to that revision of the bucket is visible here, whoever made it. `run` must be running."""
        if self._followed_revision >= revision:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reaching[reached] = revision
        try:
            await reached
        finally:
            del self._reaching[reached]

    async def refresh(self, key: Key) -> None:
        """Look what the bucket holds of a key now, without waiting for the feed. `StoreUnavailable`, `RecordUnreadable`."""
        latest = await self._bucket.read_latest(key)
        if latest is not None:
            self._apply(latest)

    def find(self, key: Key) -> T | None:
        """The record as known here; None when there is none."""
        record = self._index.find(key)
        return None if record is None else record.value

    def get_versioned(self, key: Key) -> Versioned[T] | None:
        """The record with its revision, for `update` and `delete`."""
        return self._index.find(key)

    def __len__(self) -> int:
        return len(self._index)

    def iter_prefix(self, prefix: Key, *, start: Key = ()) -> Iterator[tuple[Key, T]]:
        """The records whose keys begin with these parts, sorted by key; `()` is all. Changes during the iteration do it no harm.

        Keys before `start` are left out, at no cost.
        """
        return self._index.iter_prefix(prefix, start=start)

    async def create(self, key: Key, value: T) -> int:
        """Write a new record and return its revision. `RecordExists`."""
        expected_revision = self._deleted.get(key, 0)
        while True:
            try:
                return await self._write(key, value, expected_revision=expected_revision)
            except WrongRevision as wrong:
                if wrong.latest is not None and wrong.latest.payload is not None:
                    raise RecordExists(self._name, key) from wrong
                expected_revision = 0 if wrong.latest is None else wrong.latest.revision

    async def update(self, key: Key, value: T, *, revision: int) -> int:
        """Replace the record if it is still at that revision; returns the new one. `RecordConflict`."""
        try:
            return await self._write(key, value, expected_revision=revision)
        except WrongRevision as wrong:
            raise RecordConflict(self._name, key) from wrong

    async def put(self, key: Key, value: T) -> int:
        """Write the record whatever there is, and return its revision."""
        return await self._write(key, value, expected_revision=None)

    async def delete(self, key: Key, *, revision: int | None = None) -> None:
        """Delete the record, if it is still at that revision when one is given (`RecordConflict`); a record that is not there stays so."""
        if revision is None and self._index.find(key) is None:
            latest = await self._bucket.read_latest(key)
            if latest is None or latest.payload is None:
                return
        try:
            await self._write(key, None, expected_revision=revision)
        except WrongRevision as wrong:
            raise RecordConflict(self._name, key) from wrong

    async def delete_prefix(self, prefix: Key) -> None:
        """Delete the records whose keys begin with these parts, one after the other; those that come meanwhile stay."""
        for key, _ in list(self.iter_prefix(prefix)):
            await self.delete(key)

    def subscribe(self, listener: Listener[T]) -> Callable[[], None]:
        """Call the listener once for each change, own or foreign, after it became visible here: key and record, None when deleted.

        Changes that were overtaken before they arrived here are not announced. The listener is called from within the write or the feed
        and must not block; an error of it is logged and concerns nobody else. Returns how to unsubscribe.
        """
        mark = object()
        self._listeners[mark] = listener

        def unsubscribe() -> None:
            self._listeners.pop(mark, None)

        return unsubscribe

    async def _write(self, key: Key, value: T | None, *, expected_revision: int | None) -> int:
        """After `WrongRevision` the table shows what the key is at, so that whoever met it sees with what."""
        payload = None if value is None else self._form.encode(value)
        try:
            revision = await self._bucket.write(key, payload, expected_revision=expected_revision)
        except WrongRevision as wrong:
            if wrong.latest is not None:
                self._apply(wrong.latest)
            elif self._index.remove(key):
                self._announce(key, None)
            raise
        if revision > self._known_revision(key):
            self._accept(key, value, revision)
        return revision

    async def _follow(self, feed: Feed) -> None:
        while True:
            message = await feed.next()
            if message is not None:
                change = self._bucket.change_of(message)
                self._apply(change)
                self._forget_deletion(change)
                self._note_followed(change.revision)

    def _note_followed(self, revision: int) -> None:
        self._followed_revision = revision
        for reached, wanted in self._reaching.items():
            if wanted <= revision and not reached.done():
                reached.set_result(None)

    def _apply(self, change: Change) -> None:
        if change.revision > self._known_revision(change.key):
            self._accept(change.key, self._form.decode(change), change.revision)

    def _accept(self, key: Key, value: T | None, revision: int) -> None:
        self.applied_revision = max(self.applied_revision, revision)
        if value is None:
            self._deleted[key] = revision
            if self._index.remove(key):
                self._announce(key, None)
        else:
            self._deleted.pop(key, None)
            self._index.set(key, Versioned(value, revision))
            self._announce(key, value)

    async def _load(self) -> Feed:
        """Read the whole bucket and make the copy equal to it. The feed that is returned goes on from there."""
        revisions_before = self._index.revisions()
        feed = await self._bucket.open_feed()
        try:
            latest: dict[Key, Change] = {}
            at_end = feed.starts_empty
            while not at_end:
                message = await feed.next()
                if message is not None:
                    change = self._bucket.change_of(message)
                    latest[change.key] = change
                at_end = message is None or message.pending_count == 0
            self._reconcile(latest, revisions_before)
        except BaseException:
            await feed.aclose()
            raise
        return feed

    def _reconcile(self, latest: dict[Key, Change], revisions_before: dict[Key, int]) -> None:
        """Own writes that were acknowledged while the bucket was read are newer than what was read, and stay."""
        changed: dict[Key, Versioned[T]] = {}
        newest_revision = max((change.revision for change in latest.values()), default=0)
        self.applied_revision = max(self.applied_revision, newest_revision)
        for key, change in latest.items():
            value = self._form.decode(change) if self._is_news(change, revisions_before) else None
            if value is not None:
                changed[key] = Versioned(value, change.revision)
            self._forget_deletion(change)
        self._index.set_all(changed)
        for key, record in changed.items():
            self._announce(key, record.value)
        for key, revision in revisions_before.items():
            is_gone = key not in latest or latest[key].payload is None
            if is_gone and self._known_revision(key) == revision and self._index.remove(key):
                self._announce(key, None)
        self._note_followed(newest_revision)

    def _forget_deletion(self, change: Change) -> None:
        """The feed is past it: nothing older of that key can come any more."""
        if self._deleted.get(change.key, change.revision + 1) <= change.revision:
            del self._deleted[change.key]

    def _is_news(self, change: Change, revisions_before: dict[Key, int]) -> bool:
        """A lower revision than known, without a write of ours meanwhile, is news too: the bucket was restored from a backup."""
        known = self._known_revision(change.key)
        return change.revision > known or (change.revision < known and known == revisions_before.get(change.key))

    def _known_revision(self, key: Key) -> int:
        record = self._index.find(key)
        return self._deleted.get(key, 0) if record is None else record.revision

    def _announce(self, key: Key, value: T | None) -> None:
        for listener in list(self._listeners.values()):
            try:
                listener(key, value)
            except Exception:
                _log.exception("a listener of table %s failed", self._name)
