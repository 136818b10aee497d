"""An environment's log: its pipe read in time, the platform's lines in their places, everything handed on in order.

A function that writes faster than `_WINDOW_…` allows is not read for a moment: it waits at its full pipe, nobody else does. The same holds
for every function that writes much while all together write more than can be kept.
"""

import asyncio
import os
import re
from collections.abc import Callable
from typing import Protocol

from alonzo.clock import Clock
from alonzo.model.invocation_lines import EndLines, InvocationReport, StartLine
from alonzo.model.log_event import LogEvent
from alonzo.model.quotas import LOG_TAIL_MAX_BYTES
from alonzo.observe.framing import LogPipeParser


class EventOutlet(Protocol):
    """Takes log events: see `LogOutlet`."""

    chain: str | None

    @property
    def is_pressed(self) -> bool: ...

    def write(self, event: LogEvent) -> None: ...

    def write_lines(self, lines: StartLine | EndLines) -> None: ...

    def complete(self, unix_ms: int, report: InvocationReport) -> bool: ...


Tap = Callable[[list[LogEvent]], None]
"""Told of the events that come out of a pipe, beside the outlet."""

_READ_BYTES = 65_536
_WINDOW_SECONDS = 0.05
_WINDOW_BYTES = 1_048_576
_WINDOW_LINES = 4_000
_MODEST_LINES = 200
"""Who writes no more in a window is read at once, whatever others write."""
_TAIL_KEPT_BYTES = 4 * LOG_TAIL_MAX_BYTES
_DRAIN_READS = 24
"""At the end of an invocation no more than 1.5 MB are read at once: a pipe holds 64 KiB, the rest is still being written."""

_REQUEST_ID = re.compile(r"""request_?id["']?[:=] ?["']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})""", re.IGNORECASE)
"""How a line says to which invocation it belongs, be it the platform's, a runtime's or a logging library's."""


class LogChannel:
    """Reads one sandbox's log pipe from `open` to `close`. `is_shared`: several invocations write to it at the same time."""

    def __init__(self, *, pipe: int, outlet: EventOutlet, clock: Clock, is_shared: bool = False) -> None:
        self._pipe = pipe
        self._is_shared = is_shared
        self._outlet = outlet
        self._clock = clock
        self._parser = LogPipeParser()
        self._tails: dict[str, _Tail] = {}
        self._tap: Tap | None = None
        self._window_bytes = 0
        self._window_lines = 0
        self._window_ends_at = 0.0
        self._pause: asyncio.TimerHandle | None = None
        self._is_open = False
        self._is_read_up = True
        """Whether a read has found the pipe's end, and the event loop watches for more."""

    def open(self) -> None:
        """Begin to read."""
        self._is_open = True
        asyncio.get_running_loop().add_reader(self._pipe, self._on_readable)

    def close(self) -> None:
        """Read what is there and stop; the pipe itself belongs to the sandbox. May be called again."""
        if not self._is_open:
            return
        self.drain()
        self._deliver(self._parser.flush(self._clock.unix_ms()))
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._pipe)
        if self._pause is not None:
            self._pause.cancel()

    def note_chain(self, trace_header: str) -> None:
        """What is written from here on comes of the request with this tracing header."""
        self._outlet.chain = trace_header

    def continue_in(self, outlet: EventOutlet) -> None:
        """What comes from here on belongs to another log stream."""
        self.drain()
        self._outlet = outlet

    def write(self, *messages: str | None) -> None:
        """Lines of the platform's own; None writes nothing."""
        now = self._clock.unix_ms()
        deliver = self.deliver_one if self._tails else self._outlet.write
        for message in messages:
            if message is not None:
                deliver(LogEvent(now, message))

    def write_lines(self, lines: StartLine | EndLines | None) -> None:
        """The same of an invocation, worded when they are read: beside the way of invocations."""
        if lines is None:
            return
        if self._tails:
            for event in lines.events():
                self.deliver_one(event)
        else:
            self._outlet.write_lines(lines)

    def complete(self, unix_ms: int, report: InvocationReport) -> bool:
        """An invocation has ended. Whether that is in the log, together with its START."""
        return not self._tails and self._outlet.complete(unix_ms, report)

    def tap(self, tap: Tap | None) -> None:
        """Tell of what is read from here on."""
        self._tap = tap

    def joined(self) -> EventOutlet:
        """An outlet into this log, for another channel whose events belong into it, too."""
        return _Joined(self)

    @property
    def is_pressed(self) -> bool:
        """Whether so much waits to be kept that floods shall pause."""
        return self._outlet.is_pressed

    def begin_tail(self, request_id: str) -> None:
        """Keep a copy of what comes from here on, for `LogType=Tail`: where other invocations write too, without lines that name them."""
        self._tails[request_id] = _Tail(request_id if self._is_shared else None)

    def end_tail(self, request_id: str) -> bytes:
        """The last 4 KB since `begin_tail`."""
        tail = self._tails.pop(request_id, None)
        return b"" if tail is None else bytes(tail.text[-LOG_TAIL_MAX_BYTES:])

    def drain(self) -> None:
        """Read what the function has written by now: everything it wrote before a response that has just come in.

        A line that has not ended ends here: what an invocation writes stands between its START and its END. Where several write it may be
        another's, which goes on. Once closed, nothing is read: the pipe's number may be another's by then.
        """
        if not self._is_open:
            return
        for _ in range(_DRAIN_READS):
            if not self._read():
                self._end_line()
                return

    def end_lines(self) -> None:
        """The same, for whoever has let the event loop take a turn meanwhile.

        What was in the pipe then has been read by now: one turn handles everything that poll(2) has found ready (uvloop and asyncio alike).
        """
        if not self._is_read_up:
            self.drain()
        elif self._parser.is_amid_event:
            self._end_line()

    def _end_line(self) -> None:
        if not self._is_shared:
            self._deliver(self._parser.flush_line(self._clock.unix_ms()))

    def _on_readable(self) -> None:
        if not self._read():
            return
        is_flood = self._window_bytes > _WINDOW_BYTES or self._window_lines > _WINDOW_LINES
        if is_flood or (self._window_lines > _MODEST_LINES and self._outlet.is_pressed):
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._pipe)
            self._is_read_up = False
            self._pause = loop.call_later(_WINDOW_SECONDS, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._window_bytes = self._window_lines = 0
        if self._is_open:
            asyncio.get_running_loop().add_reader(self._pipe, self._on_readable)

    def _read(self) -> bool:
        """Whether there was something."""
        try:
            data = os.read(self._pipe, _READ_BYTES)
        except BlockingIOError:
            self._is_read_up = self._pause is None
            return False
        if not data:
            # Every process that could write is gone.
            asyncio.get_running_loop().remove_reader(self._pipe)
            return False
        self._is_read_up = self._pause is None and len(data) < _READ_BYTES
        lines = self._parser.feed(data, self._clock.unix_ms())
        self._count(len(data), len(lines))
        self._deliver(lines)
        return True

    def _count(self, byte_count: int, line_count: int) -> None:
        now = self._clock.monotonic()
        if now > self._window_ends_at:
            self._window_ends_at = now + _WINDOW_SECONDS
            self._window_bytes = self._window_lines = 0
        self._window_bytes += byte_count
        self._window_lines += line_count

    def _deliver(self, events: list[LogEvent]) -> None:
        if self._tap is not None:
            self._tap(events)
        for event in events:
            self.deliver_one(event)

    def deliver_one(self, event: LogEvent) -> None:
        """An event of another channel, or of this one's pipe."""
        if self._tails:
            for tail in self._tails.values():
                tail.add(event.message)
        self._outlet.write(event)


class _Tail:
    """The end of the log for one caller. `request_id`: whose lines are left out are those that name another one."""

    __slots__ = ("_request_id", "text")

    def __init__(self, request_id: str | None) -> None:
        self._request_id = request_id
        self.text = bytearray()

    def add(self, message: str) -> None:
        if self._request_id is not None and (named := _REQUEST_ID.search(message)) is not None and named[1] != self._request_id:
            return
        self.text += message.encode("utf-8", "replace")
        if not message.endswith("\n"):
            self.text += b"\n"
        if len(self.text) > _TAIL_KEPT_BYTES:
            del self.text[:-LOG_TAIL_MAX_BYTES]


class _Joined:
    def __init__(self, log: LogChannel) -> None:
        self._log = log
        self.chain: str | None = None

    @property
    def is_pressed(self) -> bool:
        return self._log.is_pressed

    def write(self, event: LogEvent) -> None:
        self._log.deliver_one(event)

    def write_lines(self, lines: StartLine | EndLines) -> None:
        for event in lines.events():
            self._log.deliver_one(event)

    def complete(self, unix_ms: int, report: InvocationReport) -> bool:
        del unix_ms, report
        return False
