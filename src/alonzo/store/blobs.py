"""Blobs: immutable bytes, named by their SHA-256, kept in JetStream in chunks.

A blob is a run of messages, one subject each: `….<sha256>.<chunk number>`, then `….<sha256>.complete`, which makes the blob exist.
While it is being written there is also `….<sha256>.started`, by which the leftovers of a writer that died are found.
Because the names come from the content, writing one twice (at once, or again after a crash half-way) writes the same messages:
nothing needs a lock. (NATS's own object format names chunks at random and leaves them behind when a writer dies.)

Putting a blob that exists writes its last message anew. So whoever removes what nobody needs sees when it was put last, and removes no
message that is younger than what it has seen: a blob that is put and removed at the same time exists afterwards, whole.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from alonzo.store.connection import EXPECTED_SEQUENCE_HEADER, NO_MESSAGE_FOUND_CODE, Connection
from alonzo.store.errors import BlobCorrupt, BlobNotFound, StoreFull, StoreRefused

CHUNK_BYTES = 512 * 1024  # fits the default message limit of any NATS server: 1 MiB
_REQUESTS_IN_FLIGHT = 8
_COMPLETE = "complete"
_STARTED = "started"
LEFTOVER_AGE_SECONDS = 3600  # no writer takes so long
_NOT_FOUND_STATUS = "404"

R = TypeVar("R")


class BlobStore:
    """Made by `open`. Errors of all methods: `StoreUnavailable`, `StoreFull`."""

    def __init__(self, *, connection: Connection, name: str) -> None:
        self._connection = connection
        self._stream = f"BLOBS_{name}"
        self._subject_prefix = f"alonzo.blobs.{name}"

    @classmethod
    async def open(cls, connection: Connection, *, name: str, leftover_age_seconds: float = LEFTOVER_AGE_SECONDS) -> "BlobStore":
        """Make the stream if need be, and remove half-written blobs of that age. `name`: letters, digits, `-`, `_`."""
        store = cls(connection=connection, name=name)
        await connection.ensure_stream(
            {
                "name": store._stream,
                "subjects": [f"{store._subject_prefix}.>"],
                "max_msgs_per_subject": 1,
                "discard": "new",
                "allow_direct": True,
            }
        )
        await store._remove_leftovers(leftover_age_seconds)
        return store

    async def put(self, content: bytes) -> str:
        """Store the bytes, unless they are stored already, and return their SHA-256 in lower-case hexadecimal.

        Cancelled half-way, the blob does not exist; putting it again completes it. After `StoreFull` nothing of it is left.
        """
        sha256 = await asyncio.to_thread(_sha256_of, content)
        while (complete := await self._find_part(sha256, _COMPLETE)) is not None:
            if await self._put_again(sha256, complete):
                return sha256
        await self._connection.publish(self._subject(sha256, _STARTED), b"")
        try:
            await self._put_parts(sha256, content)
        except StoreFull:
            await self._remove_unfinished(sha256)
            raise
        await self._purge(sha256, _STARTED)
        return sha256

    async def get(self, sha256: str) -> bytes:
        """The bytes. `BlobNotFound`; `BlobCorrupt` when they are not the ones that were put."""
        complete = await self._find_part(sha256, _COMPLETE)
        if complete is None:
            raise BlobNotFound(f"blob {sha256}")
        chunk_count = msgspec.json.decode(complete.payload, type=_Complete).chunk_count
        chunks = await _for_each(range(chunk_count), lambda number: self._find_part(sha256, str(number)))
        content = b"".join(chunk.payload for chunk in chunks if chunk is not None)
        if await asyncio.to_thread(_sha256_of, content) != sha256:
            raise BlobCorrupt(f"blob {sha256}")
        return content

    async def contains(self, sha256: str) -> bool:
        """Whether `get` would find it."""
        return await self._find_part(sha256, _COMPLETE) is not None

    async def list_names(self) -> set[str]:
        """The SHA-256 of every blob there is."""
        subjects = await self._connection.list_subjects(self._stream, f"{self._subject_prefix}.*.{_COMPLETE}")
        return {subject.split(".")[-2] for subject in subjects}

    async def delete(self, sha256: str, *, unused_seconds: float) -> bool:
        """Forget a blob that was last put that long ago, if it is not put again meanwhile; whether it is gone.

        The caller knows that nobody needs it. What a kill leaves of it is removed at an opening, as the leftovers of writers are.
        """
        complete = await self._find_part(sha256, _COMPLETE)
        if complete is None:
            return True
        if _age_seconds(complete.stored_at) < unused_seconds:
            return False
        started = await self._connection.publish(self._subject(sha256, _STARTED), b"")
        await self._purge(sha256, _COMPLETE, up_to=complete.sequence)
        is_gone = not await self._is_put_again(sha256)
        if is_gone:
            await self._purge(sha256, "*", up_to=complete.sequence)
        await self._purge(sha256, _STARTED, up_to=started)
        return is_gone

    async def _put_again(self, sha256: str, complete: "_Part") -> bool:
        """Whether the blob was still there, as it was seen."""
        headers = {EXPECTED_SEQUENCE_HEADER: str(complete.sequence)}
        try:
            await self._connection.publish(self._subject(sha256, _COMPLETE), complete.payload, headers=headers)
        except StoreRefused as refused:
            if not refused.is_for_sequence:
                raise
            return False
        return True

    async def _is_put_again(self, sha256: str) -> bool:
        """Asks the stream's leader: a follower may not have heard of it yet."""
        try:
            await self._connection.call(f"STREAM.MSG.GET.{self._stream}", {"last_by_subj": self._subject(sha256, _COMPLETE)})
        except StoreRefused as refused:
            if refused.error_code == NO_MESSAGE_FOUND_CODE:
                return False
            raise
        return True

    async def _put_parts(self, sha256: str, content: bytes) -> None:
        chunk_count = -(-len(content) // CHUNK_BYTES)

        async def put_chunk(number: int) -> None:
            chunk = content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            await self._connection.publish(self._subject(sha256, str(number)), chunk)

        await _for_each(range(chunk_count), put_chunk)
        complete = msgspec.json.encode(_Complete(len(content), chunk_count))
        await self._connection.publish(self._subject(sha256, _COMPLETE), complete)

    async def _remove_leftovers(self, age_seconds: float) -> None:
        """Of writers that died half-way, long enough ago that none of them can still be at work."""
        answer = await self._connection.call(f"STREAM.INFO.{self._stream}", {"subjects_filter": f"{self._subject_prefix}.*.{_STARTED}"})
        for subject in answer["state"].get("subjects") or {}:
            sha256 = subject.split(".")[-2]
            started = await self._find_part(sha256, _STARTED)
            if started is not None and _age_seconds(started.stored_at) > age_seconds:
                await self._remove_unfinished(sha256)

    async def _remove_unfinished(self, sha256: str) -> None:
        """Unless another writer finished it."""
        await self._purge(sha256, _STARTED if await self.contains(sha256) else "*")

    async def _purge(self, sha256: str, part: str, *, up_to: int | None = None) -> None:
        """`up_to`: the sequence of the last message that may go."""
        limit = {} if up_to is None else {"seq": up_to + 1}
        await self._connection.call(f"STREAM.PURGE.{self._stream}", {"filter": self._subject(sha256, part), **limit})

    async def _find_part(self, sha256: str, part: str) -> "_Part | None":
        """Source of the headers: NATS ADR-31."""
        answer = await self._connection.request(f"$JS.API.DIRECT.GET.{self._stream}.{self._subject(sha256, part)}")
        headers = answer.headers or {}
        if headers.get("Status") == _NOT_FOUND_STATUS:
            return None
        return _Part(answer.data, int(headers["Nats-Sequence"]), headers["Nats-Time-Stamp"])

    def _subject(self, sha256: str, part: str) -> str:
        return f"{self._subject_prefix}.{sha256}.{part}"


class _Part(msgspec.Struct, frozen=True):
    """A message of a blob. `stored_at`: as the server writes it."""

    payload: bytes
    sequence: int
    stored_at: str


class _Complete(msgspec.Struct, frozen=True):
    size_bytes: int
    chunk_count: int


async def _for_each(numbers: range, request: Callable[[int], Awaitable[R]]) -> list[R]:
    """A few requests at a time; the answers in order. The first error ends the others and is raised."""
    waiting = iter(numbers)
    answers: dict[int, R] = {}

    async def work() -> None:
        for number in waiting:
            answers[number] = await request(number)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_REQUESTS_IN_FLIGHT):
                group.create_task(work())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [answers[number] for number in numbers]


def _age_seconds(timestamp: str) -> float:
    """Of an instant as the server writes it: RFC 3339 in UTC with up to nine decimals."""
    instant = datetime.fromisoformat(timestamp.removesuffix("Z").partition(".")[0]).replace(tzinfo=UTC)
    return (datetime.now(UTC) - instant).total_seconds()


def _sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
