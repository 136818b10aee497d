"""The store alone: durable writes of records and code, beside the same bytes written through to a file on the same disk."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from alonzo.store.blobs import BlobStore
from alonzo.store.connection import Connection, connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer
from bench.figures import Figure, Limit
from bench.running_platform import temporary_directory
from bench.settings import BenchSettings

_RECORD_BYTES = 1000
_RECORD_KEYS = 100
_BLOB_BYTES = 16 * 1024 * 1024
_MB = 1e6


class Sample(msgspec.Struct, frozen=True):
    """A record about as large as a function's."""

    text: str


def measure_store(settings: BenchSettings) -> Iterator[Figure]:
    """One writer, one write after the other."""
    yield from uvloop.run(_measure(settings.load_seconds))


async def _measure(seconds: float) -> list[Figure]:
    with temporary_directory() as directory:
        async with await EmbeddedServer.start(data_directory=directory) as server, await connect(server.url) as connection:
            record_limit = await asyncio.to_thread(file_writes_per_second, directory, b"x" * _RECORD_BYTES, seconds)
            records = await _record_puts_per_second(connection, seconds)
            blob_limit = await asyncio.to_thread(file_writes_per_second, directory, os.urandom(_BLOB_BYTES), seconds)
            blobs = await _blob_puts_per_second(connection, seconds)
    return [
        Figure(
            row="store: record puts, one after the other",
            value=records,
            unit="/s",
            limit=Limit(record_limit, f"write + fdatasync of {_RECORD_BYTES} bytes"),
        ),
        Figure(
            row="store: blob puts",
            value=blobs * _BLOB_BYTES / _MB,
            unit="MB/s",
            limit=Limit(blob_limit * _BLOB_BYTES / _MB, "write + fdatasync of the same bytes"),
            note=f"{_BLOB_BYTES / _MB:.1f} MB each",
        ),
    ]


async def _record_puts_per_second(connection: Connection, seconds: float) -> float:
    table = await RecordTable.open(connection, name="bench", record_type=Sample)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(table.run())
        sample, count = Sample("x" * _RECORD_BYTES), 0
        started_at = time.perf_counter()
        while time.perf_counter() - started_at < seconds:
            await table.put(("bench", str(count % _RECORD_KEYS)), sample)
            count += 1
        duration = time.perf_counter() - started_at
        following.cancel()
    return count / duration


async def _blob_puts_per_second(connection: Connection, seconds: float) -> float:
    """Random content, another each time, made outside of what is measured: a blob that is there is not written again."""
    store = await BlobStore.open(connection, name="bench")
    count, duration = 0, 0.0
    while duration < seconds:
        content = os.urandom(_BLOB_BYTES)
        started_at = time.perf_counter()
        await store.put(content)
        duration += time.perf_counter() - started_at
        count += 1
    return count / duration


def file_writes_per_second(directory: Path, content: bytes, seconds: float) -> float:
    """The raw limit of whatever is durable: the same bytes again and again, each time written through."""
    descriptor = os.open(directory / "limit", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        count, started_at = 0, time.perf_counter()
        while (duration := time.perf_counter() - started_at) < seconds:
            os.write(descriptor, content)
            os.fdatasync(descriptor)
            count += 1
        return count / duration
    finally:
        os.close(descriptor)
        (directory / "limit").unlink()
