"""Processes that may end while they are looked at."""

import contextlib

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it has not ended; whoever has adopted it may not have reaped it yet."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def children_with(process_id: int, word: str, *, recursive: bool = False) -> list[psutil.Process]:
    """The children of a process whose command line has this in one of its words."""
    found = []
    for child in psutil.Process(process_id).children(recursive=recursive):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(word in each for each in child.cmdline()):
                found.append(child)
    return found
