"""What a process that serves needs of its operating system and its interpreter."""

import contextlib
import ctypes
import gc
import os
import platform
import resource
import struct
import sys

_NICENESS = -10
_SLICE_NANOSECONDS = 400_000
"""A turn of a busy event loop, about. With the least that the kernel takes, a quarter of it, 2 to 12 % fewer invocations with 8 clients."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_GARBAGE_THRESHOLD = 20_000
_MACOS_DESCRIPTORS_MAX = 10_240
"""OPEN_MAX: macOS says that there is no hard limit, and refuses more than this (its setrlimit(2), "Compatibility")."""


def raise_descriptor_limit() -> None:
    """An environment costs the node about five descriptors; the usual soft limit of 1,024 is there for programs that use select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _MACOS_DESCRIPTORS_MAX) if sys.platform == "darwin" else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def raise_priority() -> None:
    """Before functions, where that is allowed (as root): whatever they do, the node that serves all of them gets its turn.

    With 8 clients on two cores it also handles half as many invocations again, since functions that wake up do not interrupt it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) != 0:
        return  # whoever started it has decided
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


def shorten_slice() -> None:
    """Be let in at once by whatever runs, for a short time: else the node waits until the kernel looks at the clock again, for 4 ms.

    It gets no more of the processors by that (EEVDF; `sched_runtime` of sched_setattr(2), since Linux 6.12). What it starts inherits it,
    but functions, which are let go of it (`guest/launcher.py`).
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _SCHED_ATTRIBUTES.pack(_SCHED_ATTRIBUTES.size, os.SCHED_OTHER, 0, niceness, 0, _SLICE_NANOSECONDS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, attributes, 0)  # where it is refused, nothing has changed


def settle_garbage_collection() -> None:
    """What the start has made stays; look for cycles less often, since the invoke path makes none (2 % of its time otherwise)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)
