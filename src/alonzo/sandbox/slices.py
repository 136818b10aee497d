"""For how long a task runs when the kernel lets it in: `sched_runtime` of sched_setattr(2), which is there since Linux 6.12.

Who asks for less at once is let in sooner by those who ask for more, and gets no more of the processors by it (EEVDF).
"""

import ctypes
import os
import platform
import struct
import sys

ORDINARY = 0
"""What the kernel chooses."""
LONGEST = 100_000_000
"""The kernel takes no more, in nanoseconds."""

_NUMBER = {"x86_64": 314, "aarch64": 274}.get(platform.machine()) if sys.platform == "linux" else None
"""Of the system call; None where there is none."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_KEEP_POLICY = 0x08
_libc = ctypes.CDLL(None)


def set_slice(task: int, nanoseconds: int) -> None:
    """Of a task by its number (0: this one), whose policy and niceness stay as they are. What is refused changes nothing."""
    if _NUMBER is None:
        return
    try:
        niceness = os.getpriority(os.PRIO_PROCESS, task)
    except ProcessLookupError:
        return
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, 0, _KEEP_POLICY, niceness, 0, nanoseconds, 0, 0)
    _libc.syscall(_NUMBER, task, attributes, 0)
