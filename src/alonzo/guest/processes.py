"""Processes of plain sandboxes (`--isolation process`), which have no namespace whose end would be theirs.

Plain sandboxes work the same everywhere; what only one system has is asked for here, and nowhere else.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from alonzo.guest import linux

RUNTIME_IS_EXECUTED = sys.platform != "linux"
"""Whether a runtime must be a program started anew. macOS's frameworks break in a process that was forked and goes on: its fork(2) says so,
and Python's own proxy look-up crashes there (https://github.com/python/cpython/issues/105912)."""

_SEARCHES = 10

_ENDINGS = (int(signal.SIGINT), int(signal.SIGTERM), int(signal.SIGHUP))
_handling = importlib.import_module("_signal")
"""What `signal.signal` is made of: that one turns handlers into enumerations and back, which touches, and so copies, fifty pages."""


def ignore_endings() -> None:
    """Of a process, and those that it forks, whose end is decided by whoever holds the other end of its socket."""
    for number in _ENDINGS:
        _handling.signal(number, _handling.SIG_IGN)


def reset_signals() -> None:
    """What a process below one of ours has changed, set to what a program finds when it starts, and an interpreter sets."""
    for number in (*_ENDINGS, int(signal.SIGCHLD)):
        _handling.signal(number, _handling.SIG_DFL)
    _handling.signal(int(signal.SIGINT), _handling.default_int_handler)


def give_way() -> None:
    """Whoever wakes a batch process is not preempted by it (sched(7)): neither the node that hands over an invocation, nor the zygote."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def adopt_orphans() -> None:
    """Processes below this one whose parents end become its children, and can be found (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)


def kill_tree(leader: int) -> None:
    """Kill a process group's leader, its group, and all that descends from it as far as it can be found. May be the caller's own: it ends.

    Who has left the group is found by descent, before its parents go. Elsewhere than on Linux, that leaves out whoever has left the group
    and lost a parent as well: daemons.
    """
    killed: set[int] = set()
    for _ in range(_SEARCHES):  # a process that is killed may just have started another
        found = _find_descendants(leader) - killed
        if not found:
            break
        for process_id in found:
            kill(process_id)
        killed |= found
    if leader != os.getpid():
        kill(leader)  # it may have been forked just now and lead nothing yet
    kill_group(leader)


def kill_group(leader: int) -> None:
    """SIGKILL for a process group, unless all of it has ended."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:
        return  # macOS's word for a group of zombies


def kill(process_id: int) -> None:
    """SIGKILL, unless it has ended."""
    try:
        os.kill(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return


def _find_descendants(process_id: int) -> set[int]:
    children = _children_by_proc if sys.platform == "linux" else _children_by_ps()
    found: set[int] = set()
    waiting = [process_id]
    while waiting:
        for child in children(waiting.pop()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _children_by_proc(process_id: int) -> list[int]:
    """proc(5), `children`: those of each thread."""
    try:
        threads = os.listdir(f"/proc/{process_id}/task")
    except OSError:
        return []  # it has ended meanwhile
    return [child for thread in threads for child in _children_of_thread(f"/proc/{process_id}/task/{thread}/children")]


def _children_of_thread(path: str) -> list[int]:
    try:
        with open(path, encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def _children_by_ps() -> Callable[[int], list[int]]:
    """One look at all processes of the machine (ps(1), POSIX's options)."""
    children: dict[int, list[int]] = {}
    table = subprocess.run(["/bin/ps", "-A", "-o", "pid=", "-o", "ppid="], stdout=subprocess.PIPE, check=True).stdout
    for line in table.splitlines():
        process_id, parent = line.split()
        children.setdefault(int(parent), []).append(int(process_id))
    return lambda process_id: children.get(process_id, [])
