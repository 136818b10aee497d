"""The X-Ray daemon of an environment: takes the segments that tracers send, as UDP datagrams, and answers nothing.

A datagram is a header line, `{"format": "json", "version": 1}`, and a segment document. What sends it is a function, which may be hostile:
what is no segment goes nowhere, and what comes too quickly stays in the kernel, which drops what it has no room for.
Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Protocol

from alonzo.observe.traces.documents import SegmentRefused

Address = tuple[str, int]

KeepSegment = Callable[[bytes], object]
"""Takes a document; SegmentRefused."""

_DATAGRAM_MAX_BYTES = 65_536
_HEADER_MAX_BYTES = 256
_AT_ONCE = 32
"""So many are read in one turn of the event loop."""

_PER_SECOND, _BURST = 500, 2_000
_PAUSE_SECONDS = 0.25


class SenderCheck(Protocol):
    """Whether a datagram comes from the environment; on a loopback of its own everything does."""

    def admits(self, *, client: Address, server: Address) -> bool: ...


class TraceDaemon:
    """One environment's. It owns the socket, from `open` to `close`; nothing is done while nothing is sent."""

    def __init__(self, datagrams: socket.socket, *, check: SenderCheck, keep: KeepSegment) -> None:
        self._datagrams = datagrams
        self._server: Address = datagrams.getsockname()
        self._check = check
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._admitted: Address | None = None
        self._allowance = float(_BURST)
        self._counted_at = self._loop.time()
        self._pause: asyncio.TimerHandle | None = None
        self.refused_count = 0
        """Datagrams that were no segments."""

    def open(self) -> None:
        """Take what comes, and what has come."""
        self._datagrams.setblocking(False)
        self._loop.add_reader(self._datagrams, self._on_readable)

    def close(self) -> None:
        """Take what was sent before, if it is allowed still, and let go of the socket."""
        if self._datagrams.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._datagrams)
        self._read()
        self._datagrams.close()

    def _on_readable(self) -> None:
        now = self._loop.time()
        self._allowance = min(_BURST, self._allowance + (now - self._counted_at) * _PER_SECOND)
        self._counted_at = now
        if self._read():
            return
        self._loop.remove_reader(self._datagrams)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self.open)

    def _read(self) -> bool:
        """False when too much comes."""
        for _ in range(_AT_ONCE):
            if self._allowance < 1:
                return False
            try:
                datagram, sender = self._datagrams.recvfrom(_DATAGRAM_MAX_BYTES)
            except OSError:  # nothing more is there
                return True
            self._allowance -= 1
            self._take(datagram, sender)
        return True

    def _take(self, datagram: bytes, sender: Address) -> None:
        header, separator, document = datagram.partition(b"\n")
        if not separator or not _is_header(header) or not self._is_own(sender):
            self.refused_count += 1
            return
        try:
            self._keep(document)
        except SegmentRefused:
            self.refused_count += 1

    def _is_own(self, sender: Address) -> bool:
        """Tracers keep their sockets, so the latest one is remembered."""
        if sender != self._admitted:
            if not self._check.admits(client=sender, server=self._server):
                return False
            self._admitted = sender
        return True


def _is_header(line: bytes) -> bool:
    if len(line) > _HEADER_MAX_BYTES:
        return False
    try:
        return bool(json.loads(line) == {"format": "json", "version": 1})
    except (ValueError, RecursionError):
        return False
