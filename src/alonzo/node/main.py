"""Runs one node as a program: logging, the event loop, signals, the exit status."""

import asyncio
import logging
import signal
import sys
import time

import uvloop

from alonzo.log import LogFormat, configure_logging
from alonzo.node.configuration import Configuration
from alonzo.node.life import run_node
from alonzo.node.process import raise_descriptor_limit, raise_priority, settle_garbage_collection
from alonzo.node.tls import prepare_tls, trust_instructions
from alonzo.sandbox.host import check_isolation

_log = logging.getLogger(__name__)

_INTERRUPTED = 130


def run(configuration: Configuration) -> int:
    """Run a node, or several workers, until SIGINT or SIGTERM; the exit status. A second signal ends it at once. Raises SetupError."""
    configure_logging(log_format=LogFormat.CONSOLE)
    check_isolation(configuration.isolation)
    prepare_tls(configuration)
    raise_descriptor_limit()
    raise_priority()
    return uvloop.run(_run(configuration))


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
        settle_garbage_collection()
        print(f"alonzo: ready at {url} after {time.monotonic() - started_at:.2f} s", flush=True)
        instructions = trust_instructions(configuration)
        if instructions is not None:
            print(instructions, flush=True)

    try:
        if configuration.workers == 1:
            await run_node(configuration, stop=stop, on_ready=on_ready)
        else:
            from alonzo.node.workers import Workers  # noqa: PLC0415 - a node alone does without

            await Workers(configuration).run(stop=stop, on_ready=on_ready)
    except asyncio.CancelledError:
        return _INTERRUPTED
    return 0
