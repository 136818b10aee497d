"""Functions that take whatever there is: processes, memory, disk, descriptors, threads, log, kernel objects."""

import ctypes
import os
import signal
import threading
import time
from typing import Any

from attempts import name_of

_MIB = 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)


def bomb_forks(_event: Any, _context: Any) -> None:
    """Every process makes others for as long as it lives."""
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)  # a bomb, not a busy loop: what is measured here is processes


def bomb_memory(_event: Any, _context: Any) -> None:
    blocks = []
    while True:
        blocks.append(b"x" * (8 * _MIB))


def bomb_memory_in_child(_event: Any, _context: Any) -> str:
    """Only a child asks for too much; the runtime itself goes on."""
    child = os.fork()
    if child == 0:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")
        bomb_memory(None, None)
    _, status = os.waitpid(child, 0)
    return signal.Signals(os.WTERMSIG(status)).name


def fill_tmp(_event: Any, _context: Any) -> dict[str, Any]:
    block, written = b"x" * _MIB, 0
    with open("/tmp/fill", "wb", buffering=0) as file:
        try:
            while written < 4_096 * _MIB:
                written += file.write(block)
        except OSError as error:
            return {"written_mib": written // _MIB, "error": name_of(error.errno)}
    return {"written_mib": written // _MIB, "error": None}


def make_many_files(_event: Any, _context: Any) -> dict[str, Any]:
    """Uses up the inodes of /tmp rather than its bytes."""
    for number in range(500_000):
        try:
            os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            return {"count": number, "error": name_of(error.errno)}
    return {"count": 500_000, "error": None}


def leak_descriptors(_event: Any, _context: Any) -> dict[str, Any]:
    count = 0
    try:
        while count < 100_000:
            os.open(os.devnull, os.O_RDONLY)
            count += 1
    except OSError as error:
        return {"count": count, "error": name_of(error.errno)}
    return {"count": count, "error": None}


def start_threads(_event: Any, _context: Any) -> int:
    threading.stack_size(65_536)
    release, count = threading.Event(), 0
    try:
        while count < 20_000:
            threading.Thread(target=release.wait, daemon=True).start()
            count += 1
    except RuntimeError:
        pass
    release.set()
    return count


def flood_log(_event: Any, _context: Any) -> str:
    """1 GB of log lines."""
    lines = (b"x" * 99 + b"\n") * 10_000
    for _ in range(1_000):
        os.write(1, lines)
    return "written"


def send_broken_frames(_event: Any, _context: Any) -> str:
    """The framed log descriptor, with lengths and times that cannot be, and bytes that are no text."""
    os.write(62, b"\xa5\x5a\x00\x03" + b"\xff" * 4 + b"\xff" * 8 + b"endless")
    for _ in range(20):
        os.write(62, b"\xa5\x5a\x00\x03" + b"\x00\x00\x00\x04" + b"\xff" * 8 + b"\xff\xfe\x00\n")
    os.write(1, os.urandom(200_000))
    return "written"


def take_inotify_instances(_event: Any, _context: Any) -> int:
    """How many there were to have: the kernel counts them by user."""
    count = 0
    while count < 1_000 and _libc.inotify_init1(0) >= 0:
        count += 1
    return count


def queue_signals(_event: Any, _context: Any) -> int:
    """Fill the queue of pending real-time signals, which the kernel counts by user."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
    count = 0
    while count < 1_000_000 and _libc.sigqueue(os.getpid(), int(signal.SIGRTMIN), None) == 0:
        count += 1
    return count
