"""What the node asks of the kernel's scheduler, and functions do not."""

import contextlib
import ctypes
import os
import platform
import struct
import sys

import psutil
import pytest
from tests.support.invoking import invoke_together, succeed
from tests.support.processes import children_with
from tests.support.server import Server
from tests.support.waiting import eventually

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def slice_of(process_id: int) -> int:
    """In nanoseconds; 0 from kernels before 6.12 (sched_getattr(2), `sched_runtime`)."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if ctypes.CDLL(None).syscall(_SCHED_GETATTR[platform.machine()], process_id, attributes, _ATTRIBUTES.size, 0) != 0:
        raise psutil.NoSuchProcess(process_id)
    slice_nanoseconds: int = _ATTRIBUTES.unpack(attributes.raw)[5]
    return slice_nanoseconds


@pytest.mark.skipif(sys.platform != "linux", reason="sched_setattr(2) is Linux's")
def test_the_node_is_let_in_sooner_than_functions(server: Server) -> None:
    succeed(server, server.deploy("scheduled", "def handler(event, context):\n    return 1\n"), {})
    (zygote, *_) = children_with(server.process.pid, "zygote.py")
    ordinary = slice_of(os.getpid())
    assert slice_of(zygote.pid) == ordinary
    assert slice_of(server.process.pid) == min(ordinary, 400_000)


@pytest.mark.skipif(sys.platform != "linux", reason="sched_setattr(2) is Linux's")
def test_many_at_once_of_a_function_ask_for_long_slices_as_long_as_they_are_many(server: Server) -> None:
    name = server.deploy("crowd", "import time\n\ndef handler(event, context):\n    time.sleep(event)\n", Timeout=30)
    ordinary = slice_of(os.getpid())
    longest = min(ordinary, 1) * 100_000_000
    count = 10 * (os.cpu_count() or 1)

    def slices() -> list[int]:
        found = []
        for zygote in children_with(server.process.pid, "zygote.py"):
            for process in zygote.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found.append(slice_of(process.pid))
        return found

    def are_crowded() -> bool:
        invoke_together(server, name, [0.3] * count)
        return longest in slices()

    def are_few() -> bool:  # which begin in the environments that were used last: those of the crowd's end, when it was largest
        invoke_together(server, name, [0.1] * (2 * (os.cpu_count() or 1)))
        return slices().count(longest) < crowded

    eventually(are_crowded, what="long slices")
    crowded = slices().count(longest)
    if ordinary:
        eventually(are_few, what="ordinary slices for those that are few again")
