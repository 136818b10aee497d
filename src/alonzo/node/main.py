"""Runs one node as a program: logging, the event loop, signals, the exit status."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from alonzo.errors import setup_errors_alone
from alonzo.log import configure_logging
from alonzo.node.companion import companion_notice
from alonzo.node.configuration import Configuration
from alonzo.node.life import run_node
from alonzo.node.process import raise_descriptor_limit, raise_priority, settle_garbage_collection, shorten_slice
from alonzo.node.tls import prepare_tls, trust_instructions
from alonzo.sandbox.host import check_isolation

_log = logging.getLogger(__name__)

_INTERRUPTED = 130


Beside = Callable[[str], Coroutine[Any, Any, None]]
"""Something that runs beside a node, given its URL, from when it is ready until it is told to stop. It raises nothing."""


def run(configuration: Configuration, *, beside: Beside | None = None) -> int:
    """Run a node, or several workers, until SIGINT or SIGTERM; the exit status. A second signal ends it at once. Raises SetupError."""
    configure_logging(log_format=configuration.log_format)
    check_isolation(configuration.isolation)
    prepare_tls(configuration)
    raise_descriptor_limit()
    raise_priority()
    shorten_slice()
    return uvloop.run(_run(configuration, beside))


async def _run(configuration: Configuration, beside: Beside | None) -> int:
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
        for notice in (companion_notice(configuration), trust_instructions(configuration)):
            if notice is not None:
                print(notice, flush=True)

    try:
        if beside is None:
            await _live(configuration, stop=stop, on_ready=on_ready)
        else:
            await _live_with(beside, configuration, stop=stop, on_ready=on_ready)
    except asyncio.CancelledError:
        return _INTERRUPTED
    return 0


async def _live(configuration: Configuration, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    if configuration.workers == 1:
        await run_node(configuration, stop=stop, on_ready=on_ready)
        return
    from alonzo.node.workers import Workers  # noqa: PLC0415 - a node alone does without

    await Workers(configuration).run(stop=stop, on_ready=on_ready)


async def _live_with(beside: Beside, configuration: Configuration, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_url(url: str) -> None:
        on_ready(url)
        ready.set_result(url)

    async def run_beside() -> None:
        url = await ready
        async with asyncio.TaskGroup() as group:
            running = group.create_task(beside(url))
            await stop.wait()
            running.cancel()

    with setup_errors_alone():
        async with asyncio.TaskGroup() as group:
            neighbour = group.create_task(run_beside())
            await _live(configuration, stop=stop, on_ready=on_url)
            neighbour.cancel()
