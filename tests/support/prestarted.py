"""The programs that a node has started ahead of their functions, found from outside."""

from pathlib import Path

import psutil
from tests.support.server import Server
from tests.support.waiting import eventually

from alonzo.guest.confine import RELEASE_DESCRIPTOR

_MARK = "_ALONZO_ASSIGNMENT_FD"


def find_prestarted(server: Server) -> list[psutil.Process]:
    """Those that have no function yet."""
    return [process for process in psutil.Process(server.process.pid).children(recursive=True) if _is_prestarted(process)]


def wait_for_prestarted(server: Server, count: int = 1) -> list[psutil.Process]:
    """So many of them, once they are there."""
    return eventually(
        lambda: found if len(found := find_prestarted(server)) >= count else None,
        what=f"{count} programs started ahead",
        within_seconds=60,
    )


def _is_prestarted(process: psutil.Process) -> bool:
    try:
        waits = Path(f"/proc/{process.pid}/fd/{RELEASE_DESCRIPTOR}").is_symlink()
        return waits and _MARK in process.environ() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
