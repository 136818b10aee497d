"""Something wakes up on each processor again and again: while it is asked for, and no longer than its owner lives."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import uvloop
from tests.conftest import StartServer
from tests.support.invoking import invoke_together
from tests.support.processes import children_with, is_alive
from tests.support.waiting import eventually

from alonzo.sandbox.pacemaker import Pacemaker, pacing_interval

PROGRAM = "pacemaker_program.py"
COMPUTES = """
import time

def handler(event, context):
    ended_at = time.thread_time() + event["seconds"]
    while time.thread_time() < ended_at:
        pass
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="elsewhere there is no pacemaker")


def wake_ups(process: psutil.Process) -> int:
    """How often its threads have gone to sleep so far."""
    total = 0
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines = (thread / "status").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return total


def is_asleep(process: psutil.Process) -> bool:
    before = wake_ups(process)
    with contextlib.suppress(AssertionError):
        eventually(lambda: wake_ups(process) > before, what="wake-ups", within_seconds=0.3)
    return is_alive(process) and wake_ups(process) == before


Ask = Callable[[], None]


def play(pacemaker: Pacemaker, story: Callable[[Ask], None]) -> None:
    """What happens beside the event loop in which the pacemaker runs, the node's; `story` is given what asks for it there."""

    async def played() -> None:
        loop = asyncio.get_running_loop()

        def ask() -> None:
            loop.call_soon_threadsafe(pacemaker.ask)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(pacemaker.run())
            await asyncio.to_thread(story, ask)
            task.cancel()

    uvloop.run(played())


def the_process(ask: Ask, *, other_than: int | None = None) -> psutil.Process:
    def found() -> psutil.Process | None:
        ask()
        return next((process for process in children_with(os.getpid(), PROGRAM) if process.pid != other_than), None)

    return eventually(found, what="the process")


def test_it_wakes_up_on_every_processor_as_long_as_it_is_asked_for() -> None:
    processes = []

    def story(ask: Ask) -> None:
        assert not children_with(os.getpid(), PROGRAM)
        process = the_process(ask)
        processes.append(process)

        def are_pinned() -> bool:
            ask()
            processors = [os.sched_getaffinity(thread.id) for thread in process.threads() if thread.id != process.pid]
            return sorted(map(sorted, processors)) == [[processor] for processor in sorted(os.sched_getaffinity(0))]

        def goes_on() -> bool:
            ask()
            return wake_ups(process) > before + 200

        eventually(are_pinned, what="a thread on each processor")
        before = wake_ups(process)
        eventually(goes_on, what="wake-ups")
        eventually(lambda: is_asleep(process), what="its sleep")

    play(Pacemaker(interval_seconds=0.001), story)
    assert not is_alive(processes[0])


def test_one_that_was_killed_is_replaced_when_it_is_asked_for_again() -> None:
    def story(ask: Ask) -> None:
        process = the_process(ask)
        process.kill()
        the_process(ask, other_than=process.pid)

    play(Pacemaker(interval_seconds=0.001, again_seconds=0.0), story)


def test_it_ends_when_it_is_not_asked_for_and_is_there_again_when_it_is() -> None:
    def story(ask: Ask) -> None:
        process = the_process(ask)
        eventually(lambda: not is_alive(process), what="its end")
        the_process(ask, other_than=process.pid)

    play(Pacemaker(interval_seconds=0.001, idle_seconds=0.5), story)


def test_several_on_one_machine_share_the_work() -> None:
    alone = pacing_interval(1)
    assert pacing_interval(2) in {None, 2 * (alone or 0.0)}
    assert pacing_interval(64) is None


def test_where_it_is_of_no_use_there_is_none() -> None:
    def story(ask: Ask) -> None:
        with pytest.raises(AssertionError):
            eventually(lambda: ask() or children_with(os.getpid(), PROGRAM), what="a process", within_seconds=0.5)

    play(Pacemaker(interval_seconds=None), story)


@pytest.mark.skipif(pacing_interval(1) is None, reason="this kernel looks at the clock often enough, or has many processors")
def test_a_flood_that_computes_has_one_which_ends_with_the_server(start_server: StartServer) -> None:
    server = start_server()
    server.deploy("computes", COMPUTES, Timeout=60)
    assert not children_with(server.process.pid, PROGRAM)
    with ThreadPoolExecutor(1) as thread:
        flood = thread.submit(invoke_together, server, "computes", [{"seconds": 0.2}] * (16 * (os.cpu_count() or 1)))
        process, *_ = eventually(lambda: children_with(server.process.pid, PROGRAM), what="a pacemaker")
        assert all(answer.error is None for answer in flood.result())
    eventually(lambda: is_asleep(process), what="its sleep")
    server.kill()
    eventually(lambda: not is_alive(process), what="its end")
