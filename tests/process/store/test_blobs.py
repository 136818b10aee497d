"""Blobs: whole or absent, named by content, whatever their size."""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from alonzo.store.blobs import CHUNK_BYTES, BlobStore
from alonzo.store.connection import connect
from alonzo.store.errors import BlobCorrupt, BlobNotFound, StoreFull
from alonzo.store.server import EmbeddedServer

from .conftest import OpenStore

UNKNOWN = "0" * 64


def some_bytes(count: int) -> bytes:
    return random.Random(count).randbytes(count)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 60_000_000])
async def test_gives_back_what_was_put(open_store: OpenStore, size: int) -> None:
    content = some_bytes(size)
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        sha256 = await blobs.put(content)
        assert sha256 == hashlib.sha256(content).hexdigest()
        assert await blobs.contains(sha256)
        assert await blobs.get(sha256) == content


async def test_what_is_not_there_is_not_found(open_store: OpenStore) -> None:
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        assert not await blobs.contains(UNKNOWN)
        with pytest.raises(BlobNotFound):
            await blobs.get(UNKNOWN)


async def test_putting_twice_stores_once(open_store: OpenStore) -> None:
    content = some_bytes(3 * CHUNK_BYTES)
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        assert len(set(await asyncio.gather(*(blobs.put(content) for _ in range(4))))) == 1
        assert await blobs.put(content) == hashlib.sha256(content).hexdigest()
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 4


async def test_a_deleted_blob_is_gone_and_leaves_no_bytes(open_store: OpenStore) -> None:
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        kept = await blobs.put(b"kept")
        sha256 = await blobs.put(some_bytes(2 * CHUNK_BYTES))
        assert not await blobs.delete(sha256, unused_seconds=60)
        assert await blobs.delete(sha256, unused_seconds=0)
        assert await blobs.delete(UNKNOWN, unused_seconds=0)
        assert await blobs.list_names() == {kept}
        with pytest.raises(BlobNotFound):
            await blobs.get(sha256)
        assert await blobs.get(kept) == b"kept"
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 2


async def test_what_is_put_while_it_is_deleted_is_there_whole(open_store: OpenStore) -> None:
    content = some_bytes(2 * CHUNK_BYTES)
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        sha256 = await blobs.put(content)
        for _ in range(20):
            await asyncio.gather(blobs.delete(sha256, unused_seconds=0), *(blobs.put(content) for _ in range(3)))
            assert await blobs.get(sha256) == content
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 3


async def test_half_a_blob_does_not_exist_and_can_be_completed(open_store: OpenStore) -> None:
    content = some_bytes(2 * CHUNK_BYTES)
    sha256 = hashlib.sha256(content).hexdigest()
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        await connection.publish(f"alonzo.blobs.code.{sha256}.0", content[:CHUNK_BYTES])  # as a writer that died leaves it
        assert not await blobs.contains(sha256)
        await blobs.put(content)
        assert await blobs.get(sha256) == content


async def test_changed_bytes_are_noticed(open_store: OpenStore) -> None:
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        sha256 = await blobs.put(b"what was meant")
        await connection.publish(f"alonzo.blobs.code.{sha256}.0", b"what was not!!")
        with pytest.raises(BlobCorrupt):
            await blobs.get(sha256)


async def test_a_missing_chunk_is_noticed(open_store: OpenStore) -> None:
    async with open_store() as connection:
        blobs = await BlobStore.open(connection, name="code")
        sha256 = await blobs.put(some_bytes(3 * CHUNK_BYTES))
        await connection.call("STREAM.PURGE.BLOBS_code", {"filter": f"alonzo.blobs.code.{sha256}.1"})
        with pytest.raises(BlobCorrupt):
            await blobs.get(sha256)


async def test_nothing_is_left_of_a_blob_for_which_there_is_no_room(tmp_path: Path) -> None:
    answers = iter([True] * 5)
    async with (
        await EmbeddedServer.start(data_directory=tmp_path) as server,
        await connect(server.url, has_room=lambda: next(answers, False)) as connection,
    ):
        blobs = await BlobStore.open(connection, name="code")
        with pytest.raises(StoreFull):
            await blobs.put(some_bytes(20 * CHUNK_BYTES))
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 0


async def test_only_old_leftovers_are_removed_at_opening(open_store: OpenStore) -> None:
    async with open_store() as connection:
        await BlobStore.open(connection, name="code")
        await connection.publish(f"alonzo.blobs.code.{UNKNOWN}.started", b"")
        await connection.publish(f"alonzo.blobs.code.{UNKNOWN}.0", b"half")
        await BlobStore.open(connection, name="code", leftover_age_seconds=3600)
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 2
        await BlobStore.open(connection, name="code", leftover_age_seconds=-1)
        assert (await connection.call("STREAM.INFO.BLOBS_code"))["state"]["messages"] == 0
