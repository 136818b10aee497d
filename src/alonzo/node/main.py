"""Runs one node as a program: logging, the event loop, signals, the exit status."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import time

import uvloop

from alonzo.log import LogFormat, configure_logging
from alonzo.node.configuration import Configuration
from alonzo.node.node import Node
from alonzo.sandbox.host import check_isolation

_log = logging.getLogger(__name__)

_INTERRUPTED = 130
_NICENESS = -10
_GARBAGE_THRESHOLD = 20_000
_MACOS_DESCRIPTORS_MAX = 10_240
"""OPEN_MAX: macOS says that there is no hard limit, and refuses more than this (its setrlimit(2), "Compatibility")."""


def run(configuration: Configuration) -> int:
    """Run a node until SIGINT or SIGTERM; the exit status. A second signal ends it at once. Raises SetupError."""
    configure_logging(log_format=LogFormat.CONSOLE)
    check_isolation(configuration.isolation)
    _raise_descriptor_limit()
    _raise_priority()
    return uvloop.run(_run(configuration))


def _raise_descriptor_limit() -> None:
    """An environment costs the node about five descriptors; the usual soft limit of 1,024 is there for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MACOS_DESCRIPTORS_MAX) if sys.platform == "darwin" else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _raise_priority() -> None:
    """Before functions, where that is allowed (as root): whatever they do, the node that serves all of them gets its turn.

    With 8 clients on two cores it also handles half as many invocations again, since functions that wake up do not interrupt it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return  # whoever started it has decided
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def _settle_garbage_collection() -> None:
    """What the start has made stays; look for cycles less often, since the invoke path makes none (2 % of its time otherwise)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)


async def _run(configuration: Configuration) -> int:
    started_at = time.monotonic()
    stop = asyncio.Event()
    main_task = asyncio.current_task()
    assert main_task is not None
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            main_task.cancel()
        else:
            print("alonzo: finishing what is running; press Ctrl-C again to end at once", file=sys.stderr, flush=True)
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)

    def on_ready(url: str) -> None:
        _settle_garbage_collection()
        print(f"alonzo: ready at {url} after {time.monotonic() - started_at:.2f} s", flush=True)

    try:
        await Node(configuration).run(stop=stop, on_ready=on_ready)
    except asyncio.CancelledError:
        return _INTERRUPTED
    return 0
