"""Brings batches of telemetry to where extensions listen, within their sandbox.

What listens is the function's own: it may be slow, silent or malicious. Nothing is read of it but the head of an answer, and the caller
sets the time that a delivery may take.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from alonzo.environment.telemetry_requests import HttpDestination, TcpDestination
from alonzo.errors import AlonzoError

Connect = Callable[[int], Awaitable[socket.socket]]
"""Makes a connection to a port of the sandbox's loopback; OSError if nobody listens there."""

_HEAD_MAX_BYTES = 16_384
_SUCCESS = range(200, 300)


class DeliveryFailed(AlonzoError):
    """The subscriber has not taken a batch."""


class TelemetrySink(Protocol):
    """Takes batches of encoded records."""

    async def deliver(self, records: Sequence[bytes]) -> None:
        """Bring them all, or raise DeliveryFailed or OSError; cancelling gives up."""
        ...

    def close(self) -> None:
        """Let go of connections. May be called again."""
        ...


class HttpSink:
    """A request for each batch: a JSON array."""

    def __init__(self, *, destination: HttpDestination, connect: Connect) -> None:
        self._destination = destination
        self._connect = connect

    async def deliver(self, records: Sequence[bytes]) -> None:
        """See `TelemetrySink`."""
        destination = self._destination
        body = b"[" + b",".join(records) + b"]"
        head = (
            f"{destination.method} {destination.path} HTTP/1.1\r\nHost: {destination.host}:{destination.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(sock=await self._connect(destination.port), limit=_HEAD_MAX_BYTES)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            status = _parse_status(await reader.readuntil(b"\r\n\r\n"))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise DeliveryFailed("the subscriber did not answer in HTTP") from error
        finally:
            writer.transport.abort()
        if status not in _SUCCESS:
            raise DeliveryFailed(f"the subscriber answered {status}")

    def close(self) -> None:
        """Nothing is held between two batches."""


class TcpSink:
    """One connection for all batches: a record a line."""

    def __init__(self, *, destination: TcpDestination, connect: Connect) -> None:
        self._destination = destination
        self._connect = connect
        self._writer: asyncio.StreamWriter | None = None

    async def deliver(self, records: Sequence[bytes]) -> None:
        """See `TelemetrySink`. What has been written counts as delivered: TCP does not say whether somebody has read it."""
        if self._writer is None:
            _, self._writer = await asyncio.open_connection(sock=await self._connect(self._destination.port), limit=_HEAD_MAX_BYTES)
        try:
            self._writer.write(b"\n".join(records) + b"\n")
            await self._writer.drain()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.transport.abort()


def make_sink(destination: HttpDestination | TcpDestination, connect: Connect) -> TelemetrySink:
    """The one that suits a destination."""
    if isinstance(destination, HttpDestination):
        return HttpSink(destination=destination, connect=connect)
    return TcpSink(destination=destination, connect=connect)


def _parse_status(head: bytes) -> int:
    """RFC 9112, 4: `HTTP/1.1 200 …`."""
    parts = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():  # noqa: PLR2004 – version and status
        raise DeliveryFailed("the subscriber did not answer in HTTP")
    return int(parts[1])
