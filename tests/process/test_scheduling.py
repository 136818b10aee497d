"""What the node asks of the kernel's scheduler, and functions do not."""

import ctypes
import os
import platform
import struct
import sys

import pytest
from tests.support.invoking import succeed
from tests.support.processes import children_with
from tests.support.server import Server

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def slice_of(process_id: int) -> int:
    """In nanoseconds; 0 from kernels before 6.12 (sched_getattr(2), `sched_runtime`)."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.size)
    assert ctypes.CDLL(None).syscall(_SCHED_GETATTR[platform.machine()], process_id, attributes, _ATTRIBUTES.size, 0) == 0
    slice_nanoseconds: int = _ATTRIBUTES.unpack(attributes.raw)[5]
    return slice_nanoseconds


@pytest.mark.skipif(sys.platform != "linux", reason="sched_setattr(2) is Linux's")
def test_the_node_is_let_in_sooner_than_functions(server: Server) -> None:
    succeed(server, server.deploy("scheduled", "def handler(event, context):\n    return 1\n"), {})
    (zygote, *_) = children_with(server.process.pid, "zygote.py")
    ordinary = slice_of(os.getpid())
    assert slice_of(zygote.pid) == ordinary
    assert slice_of(server.process.pid) == min(ordinary, 400_000)
