"""What a stream holds of some subjects, a portion at a time. Source: ADR-31 (direct get), "Batched requests"; nats-server 2.11."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from nats.aio.msg import Msg

from alonzo.store.connection import Connection

NOT_FOUND_STATUS = "404"
_MESSAGES_MAX = 500
_BYTES_MAX = 4 * 1024 * 1024


async def get_portion(connection: Connection, stream: str, subjects: str, start: dict[str, Any]) -> tuple[list[Msg], int | None]:
    """Messages in the order of arrival, from `start` on (`seq` or `start_time`), and the number to go on at; None: there are no more.

    `Nats-Subject` and `Nats-Sequence` are among their headers, beside those that they were stored with. `StoreUnavailable`.
    """
    request: dict[str, Any] = {"next_by_subj": subjects, "batch": _MESSAGES_MAX, "max_bytes": _BYTES_MAX, **start}
    *messages, end = await connection.request_many(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request))
    headers = end.headers or {}
    if headers.get("Status") == NOT_FOUND_STATUS or headers.get("Nats-Num-Pending", "0") == "0":
        return messages, None
    return messages, int(headers["Nats-Last-Sequence"]) + 1


async def iter_portions(connection: Connection, stream: str, subjects: str, start: dict[str, Any]) -> AsyncIterator[list[Msg]]:
    """All of them."""
    next_sequence: int | None = 0
    while next_sequence is not None:
        messages, next_sequence = await get_portion(connection, stream, subjects, {"seq": next_sequence} if next_sequence else start)
        yield messages
