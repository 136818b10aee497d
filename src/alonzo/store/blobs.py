"""Blobs: immutable bytes, named by their SHA-256, kept in JetStream in chunks.

A blob is a run of messages, one subject each: `….<sha256>.<chunk number>`, then `….<sha256>.complete`, which makes the blob exist.
While it is being written there is also `….<sha256>.started`, by which the leftovers of a writer that died are found.
Because the names come from the content, writing one twice (at once, or again after a crash half-way) writes the same messages:
nothing needs a lock. (NATS's own object format names chunks at random and leaves them behind when a writer dies.)
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from alonzo.store.connection import Connection
from alonzo.store.errors import BlobCorrupt, BlobNotFound, StoreFull

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
        if await self.contains(sha256):
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
        chunk_count = msgspec.json.decode(complete, type=_Complete).chunk_count
        chunks = await _for_each(range(chunk_count), lambda number: self._find_part(sha256, str(number)))
        content = b"".join(chunk for chunk in chunks if chunk is not None)
        if await asyncio.to_thread(_sha256_of, content) != sha256:
            raise BlobCorrupt(f"blob {sha256}")
        return content

    async def contains(self, sha256: str) -> bool:
        """Whether `get` would find it."""
        return await self._find_part(sha256, _COMPLETE) is not None

    async def delete(self, sha256: str) -> None:
        """Forget the blob; nothing happens when it is not there. The caller knows that nobody needs it and nobody is putting it."""
        await self._purge(sha256, _COMPLETE)
        await self._purge(sha256, "*")

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
            message = await self._connection.request(f"$JS.API.DIRECT.GET.{self._stream}.{subject}")
            started_at = (message.headers or {}).get("Nats-Time-Stamp")
            if started_at and _age_seconds(started_at) > age_seconds:
                await self._remove_unfinished(sha256)

    async def _remove_unfinished(self, sha256: str) -> None:
        """Unless another writer finished it."""
        await self._purge(sha256, _STARTED if await self.contains(sha256) else "*")

    async def _purge(self, sha256: str, part: str) -> None:
        await self._connection.call(f"STREAM.PURGE.{self._stream}", {"filter": self._subject(sha256, part)})

    async def _find_part(self, sha256: str, part: str) -> bytes | None:
        answer = await self._connection.request(f"$JS.API.DIRECT.GET.{self._stream}.{self._subject(sha256, part)}")
        return None if (answer.headers or {}).get("Status") == _NOT_FOUND_STATUS else answer.data

    def _subject(self, sha256: str, part: str) -> str:
        return f"{self._subject_prefix}.{sha256}.{part}"


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
