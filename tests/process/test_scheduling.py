"""What the node asks of the kernel's scheduler, and functions do not."""

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

TELLING_ITS_SLICE = """
import ctypes, struct, time, uuid

ENVIRONMENT = str(uuid.uuid4())

def handler(event, context):
    form = struct.Struct(event["form"])
    attributes = ctypes.create_string_buffer(form.size)
    if ctypes.CDLL(None, use_errno=True).syscall(event["number"], 0, attributes, form.size, 0) != 0:
        raise OSError(ctypes.get_errno(), "sched_getattr")
    time.sleep(event["seconds"])
    return {"environment": ENVIRONMENT, "slice": form.unpack(attributes.raw)[5]}
"""


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
    name = server.deploy("crowd", TELLING_ITS_SLICE, Timeout=30)
    ordinary = slice_of(os.getpid())
    longest = min(ordinary, 1) * 100_000_000
    processors = os.cpu_count() or 1
    event = {"number": _SCHED_GETATTR[platform.machine()], "form": _ATTRIBUTES.format, "seconds": 0.3}
    crowded: set[str] = set()

    def run(count: int) -> list[tuple[str, int]]:
        return [(answer.value["environment"], answer.value["slice"]) for answer in invoke_together(server, name, [event] * count)]

    def are_crowded() -> bool:
        crowded.update(environment for environment, asked in run(10 * processors) if asked == longest)
        return bool(crowded)

    def are_ordinary_again() -> bool:  # few begin in the environments that were used last, which need not have been among the crowd's last
        few = run(2 * processors)
        if crowded.isdisjoint(environment for environment, _ in few):
            are_crowded()
        return any(environment in crowded and asked == ordinary for environment, asked in few)

    eventually(are_crowded, what="long slices")
    if ordinary:
        eventually(are_ordinary_again, what="ordinary slices for those that are few again")
