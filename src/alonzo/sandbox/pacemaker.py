"""Has the kernel choose anew who runs, every millisecond, while functions compute for long on all processors.

Whoever wakes up is not always let in at once: a sandbox that answers in several short turns has had its due for a moment after each, and
then waits behind one that computes until the kernel looks at the clock again, which most do every 4 ms. They also look when anything else
wakes up on that processor. So something does, and sleeps again: a thread on each processor, in a process of its own, for whose short slices
(which it has from the node, as its niceness) everybody makes room at once.
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
_AGAIN_SECONDS = 60.0
_CLOCK_MONOTONIC_COARSE = 6
"""clock_getres(2): it is as coarse as the kernel's looks at the clock are far apart. Python has no name for it."""

_log = logging.getLogger(__name__)


def is_pacemaker_of_use() -> bool:
    """Whether the kernel looks at the clock so seldom that it makes a difference here, and the processors are few enough."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) > _PROCESSORS_MAX:
        return False
    return time.clock_getres(_CLOCK_MONOTONIC_COARSE) >= 2 * _INTERVAL_SECONDS


class Pacemaker:
    """The process is started when it is asked for, sleeps while it is not, and ends when it was not for `idle_seconds`.

    There is none where it `is_of_use` to nobody. One that fails is started again after `again_seconds`, if it is asked for then.
    """

    def __init__(self, *, is_of_use: bool, idle_seconds: float = _IDLE_SECONDS, again_seconds: float = _AGAIN_SECONDS) -> None:
        self._is_of_use = is_of_use
        self._idle_seconds = idle_seconds
        self._again_seconds = again_seconds
        self._wanted = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._asked_at = -math.inf

    def ask(self) -> None:
        """Have it go on for a tenth of a second from now. May be called as often as one likes."""
        now = time.monotonic()
        if not self._is_of_use or now - self._asked_at < _ASK_SECONDS:
            return
        self._asked_at = now
        if self._process is None:
            self._wanted.set()
        elif self._process.stdin is not None:
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
            *(sys.executable, "-I", "-S", str(_PROGRAM), str(_INTERVAL_SECONDS), str(self._idle_seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={},
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
