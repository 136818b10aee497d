"""Secrets that all nodes on one store share: made by the first that needs them."""

import os

import msgspec

from alonzo.store.connection import Connection
from alonzo.store.errors import RecordExists
from alonzo.store.records import RecordTable

_KEY_BYTES = 32


class Secret(msgspec.Struct, frozen=True):
    """Random bytes with a purpose, which is the record's key."""

    value: bytes


async def get_secret(connection: Connection, purpose: str) -> bytes:
    """The secret for a purpose; the same for every node, now and later."""
    table = await RecordTable.open(connection, name="secrets", record_type=Secret)
    key = (purpose,)
    found = table.find(key)
    if found is None:
        found = Secret(os.urandom(_KEY_BYTES))
        try:
            await table.create(key, found)
        except RecordExists:
            # Another node was faster.
            found = (await RecordTable.open(connection, name="secrets", record_type=Secret)).find(key)
            assert found is not None
    return found.value
