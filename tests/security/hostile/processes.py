"""Functions that attack other processes, or end in ways that nobody asked for."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from attempts import attempt


def signal_others(event: list[int], _context: Any) -> dict[str, str]:
    """The sandbox's process 1, which is the parent too, and processes of the host by their numbers there."""
    outcomes = {f"host {process}": attempt(os.kill, process, signal.SIGKILL) for process in event if process != os.getpid()}
    for number in range(1, signal.SIGRTMAX + 1):
        attempt(os.kill, 1, number)
    attempt(os.kill, os.getppid(), signal.SIGKILL)
    attempt(os.kill, -1, signal.SIGCONT)
    return outcomes


def leave_child(event: str, _context: Any) -> int:
    """A process that outlives the invocation, in a session of its own; `event` is what it sleeps, to know it by."""
    return subprocess.Popen(["/bin/sleep", event], start_new_session=True).pid


def find_child(event: int, _context: Any) -> str:
    return Path(f"/proc/{event}/cmdline").read_text().replace("\0", " ").strip()


def never_return(_event: Any, _context: Any) -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def stop_itself(_event: Any, _context: Any) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def exit_with(event: int | None, _context: Any) -> None:
    sys.exit(event)


def exit_at_once(event: int, _context: Any) -> None:
    os._exit(event)


def kill_itself(event: int, _context: Any) -> None:
    os.kill(os.getpid(), event)


def crash(_event: Any, _context: Any) -> None:
    ctypes.string_at(0)


def recurse_without_end(_event: Any, _context: Any) -> None:
    recurse_without_end(_event, _context)


def close_descriptors(_event: Any, _context: Any) -> str:
    os.closerange(0, 1_024)
    return "still here"


def replace_itself(_event: Any, _context: Any) -> None:
    os.execv("/bin/true", ["/bin/true"])
