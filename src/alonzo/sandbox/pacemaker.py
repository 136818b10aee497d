"""Has the kernel choose anew who runs, every millisecond, while functions compute for long on all processors.

Whoever wakes up is not always let in at once: a sandbox that answers in several short turns has had its due for a moment after each, and
then waits behind one that computes until the kernel looks at the clock again, which most do every 4 ms. They also look when anything else
wakes up on that processor. So something does, and sleeps again: a thread on each processor, in a process of its own, for whose short slices
(which it has from the node, as its niceness) everybody makes room at once. Seen on Linux 6.18.
"""

import asyncio
import contextlib
import logging
import math
import os
import sys
import time
from pathlib import Path

_PROGRAM = Path(__file__).with_name("pacemaker_program.py")
_INTERVAL_SECONDS = 0.001
"""A wake-up costs a processor 20 µs."""
_PROCESSORS_MAX = 32
"""More threads would wait for the interpreter, in which one runs at a time."""
_ASK_SECONDS = 0.05
_IDLE_SECONDS = 10.0
_VARIABLES = ("LD_LIBRARY_PATH",)
"""Without which some interpreters cannot be started."""
_AGAIN_SECONDS = 60.0
_CLOCK_MONOTONIC_COARSE = 6
"""clock_getres(2): it is as coarse as the kernel's looks at the clock are far apart. Python has no name for it."""

_log = logging.getLogger(__name__)


def pacing_interval(sharing_count: int) -> float | None:
    """How often each of so many pacemakers of a machine is to have something wake up, in seconds, so that all do so every millisecond.

    None where it would make little difference to how often the kernel looks at the clock, or there are too many processors.
    """
    interval_seconds = sharing_count * _INTERVAL_SECONDS
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) > _PROCESSORS_MAX:
        return None
    return interval_seconds if time.clock_getres(_CLOCK_MONOTONIC_COARSE) >= 2 * interval_seconds else None


class Pacemaker:
    """The process is started when it is asked for, sleeps while it is not, and ends when it was not for `idle_seconds`.

    `interval_seconds`: None where there shall be none. One that fails is started again after `again_seconds`, if it is asked for then.
    """

    def __init__(
        self, *, interval_seconds: float | None, idle_seconds: float = _IDLE_SECONDS, again_seconds: float = _AGAIN_SECONDS
    ) -> None:
        self._interval_seconds = interval_seconds
        self._idle_seconds = idle_seconds
        self._again_seconds = again_seconds
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._asked_at = -math.inf

    def ask(self) -> None:
        """Have it go on, or start, for this moment. May be called as often as one likes."""
        now = time.monotonic()
        if self._interval_seconds is None or now - self._asked_at < _ASK_SECONDS:
            return
        self._asked_at = now
        if self._process is None:
            self._wanted.set()
        elif self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(b"\n")

    async def run(self) -> None:
        """Component: starts the process, and ends it when cancelled."""
        while True:
            await self._wanted.wait()
            problem: int | OSError
            try:
                problem = await self._run_process()
            except OSError as error:
                problem = error
            if problem:
                _log.warning("no pacemaker (%s): while functions compute, short invocations wait longer", problem)
                await asyncio.sleep(self._again_seconds)
            self._wanted.clear()

    async def _run_process(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_PROGRAM), str(self._interval_seconds), str(self._idle_seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _VARIABLES if name in os.environ},
            start_new_session=True,  # a Ctrl-C at the terminal is for the node
        )
        self._process = process
        try:
            return await process.wait()
        finally:
            self._process = None
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
