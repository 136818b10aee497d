"""What one of several workers is told by the process that started it, and the line between the two.

Standard input carries the seat, and ends when the parent has. Over a socket pair come the connections that the parent accepts for this
worker; the other way one byte says that it is ready for them.
"""

import asyncio
import logging
import os
import pickle
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from alonzo.node.companion import CompanionAccess
from alonzo.node.configuration import Configuration

READY = b"r"
CONNECTION = b"c"
_AT_ONCE = 64
_LENGTH = struct.Struct("!I")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """`cluster` names all workers of one `alonzo up`, `name` this one, once and for all; `number` counts from 1.

    `store_directory`: where the embedded server has its files; None if it is not the embedded one. `channel` is a descriptor.
    `companion`: how the parent's is reached; None if there is none.
    """

    configuration: Configuration
    cluster: str
    name: str
    number: int
    port: int
    store_directory: Path | None
    channel: int
    companion: CompanionAccess | None


def encode_seat(seat: Seat) -> bytes:
    """For the standard input of a worker, which trusts its parent."""
    content = pickle.dumps(seat)
    return _LENGTH.pack(len(content)) + content


def read_seat() -> Seat:
    """What the parent has written; blocks until it has."""
    (length,) = _LENGTH.unpack(_read(_LENGTH.size))
    seat = pickle.loads(_read(length))  # noqa: S301 - of the parent's own making
    assert isinstance(seat, Seat)
    return seat


def _read(length: int) -> bytes:
    content = b""
    while len(content) < length:
        chunk = os.read(sys.stdin.fileno(), length - len(content))
        if not chunk:
            raise EOFError("the parent has ended")
        content += chunk
    return content


class HandedConnections:
    """The connections that the parent hands over. `open` begins to take them, `close` takes the last ones."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._channel = socket.socket(fileno=descriptor)
        self._channel.setblocking(False)
        self._serve: Callable[[socket.socket], Awaitable[None]] | None = None
        self._handing: set[asyncio.Task[None]] = set()

    def open(self, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        """Say that this worker is ready, and have each connection served."""
        self._serve = serve
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._take)
        self._channel.send(READY)

    async def close(self) -> None:
        """After the parent hands over no more: what it has handed over is still served."""
        if self._serve is not None:
            self._take()
            if self._handing:
                await asyncio.wait(self._handing)
        self.abandon()

    def abandon(self) -> None:
        """Take nothing any more; idempotent."""
        if self._channel.fileno() >= 0:
            if self._serve is not None:
                asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()

    def _take(self) -> None:
        assert self._serve is not None
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._channel, _AT_ONCE, _AT_ONCE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                _log.error("connections can no longer be taken over: %s", error)
                message, descriptors = b"", []
            for descriptor in descriptors:
                task = asyncio.ensure_future(self._serve(socket.socket(fileno=descriptor)))
                self._handing.add(task)
                task.add_done_callback(self._on_handed)
            if not message:  # the parent has closed its end
                asyncio.get_running_loop().remove_reader(self._channel.fileno())
                return

    def _on_handed(self, task: "asyncio.Task[None]") -> None:
        self._handing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.info("a connection was gone before it could be served: %s", error)
