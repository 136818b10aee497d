"""Whether the processors of the machine are short of time: none of them is idle."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_LOAD = Path("/proc/loadavg")
_RUNNABLE = 3
"""The field that begins with how many tasks run or could: proc(5), `/proc/loadavg`."""
_BUSY_SHARE = 0.9
_READER_AND_ANOTHER = 2
_STALE_SECONDS = 0.05
"""What this thread did longer ago says nothing of now."""


class ProcessorLoad:
    """Read anew each time, in 10 µs, by the thread of the event loop. `times`: the clock, and how long this thread has run, in seconds."""

    def __init__(self, *, processor_count: int, load: Path = _LOAD, times: Callable[[], tuple[float, float]] | None = None) -> None:
        self._full_count = max(processor_count, _READER_AND_ANOTHER)
        self._load = str(load)
        self._times = times or _times_of_this_thread
        self._read_at = self._thread_seconds = 0.0

    def is_full(self) -> bool:
        """Whether as many tasks run, or could, as there are processors, or this thread has hardly paused since it was asked last."""
        now, thread_seconds = self._times()
        elapsed, worked = now - self._read_at, thread_seconds - self._thread_seconds
        self._read_at, self._thread_seconds = now, thread_seconds
        return (elapsed < _STALE_SECONDS and worked > _BUSY_SHARE * elapsed) or self._runnable_count() >= self._full_count

    def _runnable_count(self) -> int:
        """With this thread, which runs to ask; 0 where the host does not tell."""
        try:
            file = os.open(self._load, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            fields = os.read(file, 128).split()
        finally:
            os.close(file)
        count = fields[_RUNNABLE].partition(b"/")[0] if len(fields) > _RUNNABLE else b""
        return int(count) if count.isdigit() else 0


def _times_of_this_thread() -> tuple[float, float]:
    return time.monotonic(), time.thread_time()
