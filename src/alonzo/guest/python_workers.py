"""Several processes for a Python runtime that runs several invocations at once, as AWS's client has it: each forked before the function is
loaded, so that each initializes it anew, and each with a connection of its own.

The first process stays what it is and looks after the others. When one dies over an invocation, it says so in its place and starts another
one. AWS's client does neither: there the invocation waits until its time is up, and the environment goes on with those that are left.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

_SLOT_BYTES = 128
_HAS_RUN = b"+"
_LINE_MAX_BYTES = 65_536

ReportExit = Callable[[str, str, bytes], None]
"""Takes a request id, an error's type and its description; may raise OSError."""


def fork(count: int, report_exit: ReportExit) -> Worker:
    """Returns in each of so many new processes. In this one it never does: it ends when none of them is left, as they did."""
    board = mmap.mmap(-1, count * _SLOT_BYTES)
    lock = _Lock()
    living = {}
    for number in range(count):
        if (process := os.fork()) == 0:
            return Worker(board, number, lock)
        living[process] = number
    code = 1
    while living:
        process, status = os.wait()
        if process not in living:
            continue  # a child from before a wrapper executed this program
        number = living.pop(process)
        start = number * _SLOT_BYTES
        slot, board[start : start + _SLOT_BYTES] = board[start : start + _SLOT_BYTES], bytes(_SLOT_BYTES)
        code = os.waitstatus_to_exitcode(status)
        request_id = slot[1:].rstrip(b"\0").decode("ascii", "replace")
        if request_id:
            with contextlib.suppress(OSError):  # then its time will be up some time
                report_exit(request_id, *_exit_error(request_id, code))
        if slot.startswith(_HAS_RUN):
            if (process := os.fork()) == 0:
                return Worker(board, number, lock)
            living[process] = number
    raise SystemExit(code if code >= 0 else 128 - code)


def _exit_error(request_id: str, code: int) -> tuple[str, bytes]:
    """As the platform words the exit of a runtime."""
    if code == 0:
        problem = "Runtime exited without providing a reason"
    elif code > 0:
        problem = f"Runtime exited with error: exit status {code}"
    else:
        problem = f"Runtime exited with error: signal: {(signal.strsignal(-code) or f'signal {-code}').lower()}"
    body = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request_id} Error: {problem}"}
    return "Runtime.ExitError", json.dumps(body, separators=(",", ":")).encode()


class Worker:
    """One of the processes: notes where the first one can see it which invocation it has, and writes whole lines into the log.

    All share one pipe, and what is longer than 4,096 bytes would else be written in parts (pipe(7)).
    """

    def __init__(self, board: mmap.mmap, number: int, lock: _Lock) -> None:
        self._board = board
        self._start = number * _SLOT_BYTES
        self._lock = lock
        self._streams = [self._replace_stream(name) for name in ("stdout", "stderr")]

    def on_end(self) -> None:
        """The handler has returned: what it wrote last need not be a whole line."""
        for stream in self._streams:
            stream.write_rest()

    def on_report(self) -> None:
        """The invocation has been answered."""
        self._board[self._start + 1 : self._start + _SLOT_BYTES] = bytes(_SLOT_BYTES - 1)

    def on_begin(self, request_id: str) -> None:
        """It has an invocation."""
        note = _HAS_RUN + request_id.encode()[: _SLOT_BYTES - 1]
        self._board[self._start : self._start + len(note)] = note

    def one_at_a_time(self, write: Callable[..., None]) -> Callable[..., None]:
        """A function that writes into the log, made to wait for its turn among the processes."""

        def write_in_turn(*arguments: Any, **named: Any) -> None:
            with self._lock.held():
                write(*arguments, **named)

        return write_in_turn

    def _replace_stream(self, name: str) -> _WholeLines:
        stream = getattr(sys, name)
        raw = _WholeLines(stream.fileno(), self._lock)
        replacement = io.TextIOWrapper(raw, encoding="utf-8", errors=stream.errors, write_through=True)  # type: ignore[type-var]
        setattr(sys, name, replacement)
        setattr(sys, f"__{name}__", replacement)
        return raw


class _Lock:
    """Between processes and threads; given back by the kernel when its holder dies."""

    def __init__(self) -> None:
        self._threads = threading.RLock()
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("log-lock")
        else:
            path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f".log-lock-{os.getpid()}")
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.unlink(path)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        with self._threads:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)


class _WholeLines(io.RawIOBase):
    """A descriptor that gets whole lines only: `flush` leaves a line alone that has not ended."""

    def __init__(self, descriptor: int, lock: _Lock) -> None:
        self._descriptor = descriptor
        self._lock = lock
        self._rest = b""

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Keeps what is not a whole line, as long as it is short."""
        written = bytes(data)
        with self._lock.held():
            text = self._rest + written
            end = text.rfind(b"\n") + 1
            if len(text) - end > _LINE_MAX_BYTES:
                end = len(text)
            self._rest = text[end:]
            self._write(text[:end])
        return len(written)

    def write_rest(self) -> None:
        """What has been kept."""
        with self._lock.held():
            text, self._rest = self._rest, b""
            self._write(text)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
