"""The directory of `alonzo up DIRECTORY`: deployed and watched by a process beside the node, whose event loop no build disturbs."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from alonzo.store.server import die_with_parent

_END_SECONDS = 5.0
"""More than `commands.py` gives a build that is interrupted."""

_log = logging.getLogger(__name__)


def keep_deployed(directory: Path) -> Callable[[str], Coroutine[Any, Any, None]]:
    """What runs `alonzo deploy --watch` of a directory against the server at a URL until it is cancelled, which ends it."""

    async def run(endpoint_url: str) -> None:
        command = (sys.executable, "-m", "alonzo.cli", "deploy", "--watch", "--endpoint-url", endpoint_url, str(directory))
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal is for the node, which then ends this
                preexec_fn=partial(_set_up, die_with_parent(signal.SIGTERM)),
            )
        except OSError:
            _log.exception("%s cannot be watched", directory)
            return
        try:
            status = await process.wait()
            _log.error("%s is not watched any more: its process ended with %d", directory, status)
        finally:
            await _end(process)

    return run


def _set_up(end_with_parent: Callable[[], None] | None) -> None:
    """Between fork and exec; safe there: system calls only. Builds have no precedence over functions, as the node has."""
    if end_with_parent is not None:
        end_with_parent()
    if os.getpriority(os.PRIO_PROCESS, 0) < 0:
        os.setpriority(os.PRIO_PROCESS, 0, 0)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
