"""What a process that serves needs of its operating system and its interpreter."""

import contextlib
import gc
import os
import resource
import sys

from alonzo.sandbox.slices import set_slice

_NICENESS = -10
_SLICE_NANOSECONDS = 400_000
"""A turn of a busy event loop, about. With the least that the kernel takes, a quarter of it, 2 to 12 % fewer invocations with 8 clients."""

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

    What it starts inherits it, but functions, which are let go of it (`guest/launcher.py`).
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        set_slice(0, _SLICE_NANOSECONDS)


def settle_garbage_collection() -> None:
    """What the start has made stays; look for cycles less often, since the invoke path makes none (2 % of its time otherwise)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)
