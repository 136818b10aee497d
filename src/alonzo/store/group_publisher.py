"""Many messages written through to the disk at once.

JetStream writes every message through by itself (`sync_interval: always`), so a stream takes no more messages a second than the disk takes
such writes, whoever sends them. A batch (NATS ADR-50, "atomic batch publish") is written through as a whole before it is acknowledged
(nats-server 2.15, its pull request 8539), but at a price: it is staged in a directory of its own, and that costs seven writes to the disk
besides the one that counts. So a few messages go singly, and when many wait, they go together. Who comes while a batch is under way waits
for the next one. That a batch is all or nothing is of no use here.
"""

import asyncio

import msgspec

from alonzo.ids import new_hex_id
from alonzo.store.connection import MESSAGE_ID_HEADER, Connection
from alonzo.store.errors import StoreError, StoreFull, StoreUnavailable

SINGLE_MAX = 4
"""So many at a time go singly."""
BATCH_MIN = 12
_BATCH_MAX = 256
_BATCH_MAX_BYTES = 4 * 1024 * 1024
_GATHER_SECONDS = 0.001
"""After a batch those who were answered send again: waiting for them a little makes the next batch whole again."""


class _Message(msgspec.Struct, eq=False):
    subject: str
    payload: bytes
    message_id: str
    stored: asyncio.Future[None]


class GroupPublisher:
    """Makes batches while `run` runs, and writes singly otherwise; the stream allows batches (`allow_atomic`)."""

    def __init__(self, *, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[_Message] = []
        self._in_hand: list[_Message] = []
        self._has_waiting = asyncio.Event()
        self._single_count = 0
        self._is_running = False
        self._is_grouping = False
        self.batch_count = 0
        """How many batches were written."""

    async def publish(self, subject: str, payload: bytes, *, message_id: str) -> None:
        """As `Connection.publish`, whose errors it raises."""
        if not self._is_running or (self._single_count < SINGLE_MAX and not self._is_grouping):
            self._single_count += 1
            try:
                await self._publish_singly(subject, payload, message_id)
            finally:
                self._single_count -= 1
            return
        message = _Message(subject, payload, message_id, asyncio.get_running_loop().create_future())
        self._waiting.append(message)
        self._has_waiting.set()
        await message.stored

    async def run(self) -> None:
        """Component: writes what waits, until cancelled; what then still waits ends with `StoreUnavailable`, and may be stored."""
        self._is_running = True
        try:
            await self._write_groups()
        finally:
            self._is_running = self._is_grouping = False
            for message in (*self._in_hand, *self._waiting):
                _fail(message, StoreUnavailable("the node stops"))
            self._waiting.clear()

    async def _write_groups(self) -> None:
        size_before = 0
        while True:
            await self._has_waiting.wait()
            self._is_grouping = True
            if len(self._waiting) < size_before:
                await asyncio.sleep(_GATHER_SECONDS)
            self._in_hand = self._take_group()
            await self._write(self._in_hand)
            size_before = len(self._in_hand) if len(self._in_hand) >= BATCH_MIN else 0
            self._in_hand = []
            self._is_grouping = bool(self._waiting or size_before)
            if not self._waiting:
                self._has_waiting.clear()

    def _take_group(self) -> list[_Message]:
        size_bytes = 0
        for count, message in enumerate(self._waiting[:_BATCH_MAX]):
            size_bytes += len(message.payload)
            if count and size_bytes > _BATCH_MAX_BYTES:
                break
        else:
            count = min(len(self._waiting), _BATCH_MAX)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _write(self, group: list[_Message]) -> None:
        if len(group) >= BATCH_MIN and await self._write_batch(group):
            return
        async with asyncio.TaskGroup() as writes:
            for message in group:
                writes.create_task(self._write_one(message))

    async def _write_batch(self, group: list[_Message]) -> bool:
        """False when it has failed, or may have: every message is then written singly, which changes nothing for one that is there."""
        batch_id = new_hex_id(12)
        try:
            self._connection.check_room()
            *others, last = group
            for number, message in enumerate(others, start=1):
                headers = {MESSAGE_ID_HEADER: message.message_id, "Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
                await self._connection.send(message.subject, message.payload, headers=headers)
            headers = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(len(group)), "Nats-Batch-Commit": "1"}
            await self._connection.publish(last.subject, last.payload, headers={MESSAGE_ID_HEADER: last.message_id, **headers})
        except StoreFull as full:
            for message in group:
                _fail(message, full)
            return True
        except StoreError:
            return False
        self.batch_count += 1
        for message in group:
            _succeed(message)
        return True

    async def _write_one(self, message: _Message) -> None:
        try:
            await self._publish_singly(message.subject, message.payload, message.message_id)
        except StoreError as error:
            _fail(message, error)
        else:
            _succeed(message)

    async def _publish_singly(self, subject: str, payload: bytes, message_id: str) -> None:
        await self._connection.publish(subject, payload, headers={MESSAGE_ID_HEADER: message_id})


def _succeed(message: _Message) -> None:
    if not message.stored.done():  # who waited may have gone
        message.stored.set_result(None)


def _fail(message: _Message, error: StoreError) -> None:
    if not message.stored.done():
        message.stored.set_exception(error)
