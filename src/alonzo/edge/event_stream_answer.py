"""Answers that are streams of events, sent until they end or the client goes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from alonzo.aws.requests import Headers
from alonzo.edge.asgi import Receive, Send

EVENT_STREAM_HEADER = (b"content-type", b"application/vnd.amazon.eventstream")


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """What is sent, with the status 200. `parts` is to be closed by whoever takes it."""

    headers: Headers
    parts: AsyncIterator[bytes]


async def send_stream(receive: Receive, send: Send, headers: Headers, parts: AsyncIterator[bytes]) -> None:
    """Send all parts; ends when there are no more, or when the client has gone."""
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_send_parts(send, headers, parts))
        watching = group.create_task(_wait_for_end(receive))
        await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        watching.cancel()


async def _send_parts(send: Send, headers: Headers, parts: AsyncIterator[bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
    try:
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    finally:
        close = getattr(parts, "aclose", None)
        if close is not None:
            await close()
    await send({"type": "http.response.body", "body": b""})


async def _wait_for_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
