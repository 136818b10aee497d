"""The figures of REPORT, and `LogType=Tail`. How long things take is not asserted, only that the figures agree with each other."""

import math
import re
from dataclasses import dataclass

import pytest
from tests.support.invoking import invoke, succeed, wait_for_log
from tests.support.server import Server

_REPORT = re.compile(
    r"REPORT RequestId: (?P<id>[0-9a-f-]{36})\tDuration: (?P<duration>\d+\.\d\d) ms\tBilled Duration: (?P<billed>\d+) ms\t"
    r"Memory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB\t(Init Duration: (?P<init>\d+\.\d\d) ms\t)?\n"
)

BUSY = """
import time
time.sleep(0.2)
kept = []

def handler(event, context):
    kept.append(b"x" * (event["mib"] << 20))
    time.sleep(event["seconds"])
"""

CHATTY = """
def handler(event, context):
    for number in range(event):
        print(f"line {number:06}")
"""


@dataclass(frozen=True)
class Report:
    """A REPORT line, taken apart."""

    duration_ms: float
    billed_ms: int
    size_mib: int
    used_mib: int
    init_ms: float | None


def parse(message: str) -> Report:
    match = _REPORT.fullmatch(message)
    assert match, message
    return Report(
        duration_ms=float(match["duration"]),
        billed_ms=int(match["billed"]),
        size_mib=int(match["size"]),
        used_mib=int(match["used"]),
        init_ms=float(match["init"]) if match["init"] else None,
    )


def reports(server: Server, name: str, count: int) -> list[Report]:
    messages = wait_for_log(server, name, "REPORT RequestId", count=count)
    return [parse(message) for message in messages if message.startswith("REPORT")]


def test_durations_are_measured_and_billed_with_init(server: Server) -> None:
    name = server.deploy("busy", BUSY, Timeout=10, MemorySize=512)
    succeed(server, name, {"mib": 1, "seconds": 0.3})
    succeed(server, name, {"mib": 1, "seconds": 0})
    cold, warm = reports(server, name, 2)
    assert cold.init_ms is not None
    assert cold.init_ms >= 200
    assert cold.duration_ms >= 300
    assert warm.duration_ms < cold.duration_ms
    # The two are rounded for show, their sum is not.
    assert abs(cold.billed_ms - math.ceil(cold.duration_ms + cold.init_ms)) <= 1
    assert warm.init_ms is None
    assert abs(warm.billed_ms - math.ceil(warm.duration_ms)) <= 1


def test_memory_is_measured(server: Server) -> None:
    name = server.deploy("memory", BUSY, Timeout=10, MemorySize=512)
    succeed(server, name, {"mib": 0, "seconds": 0})
    succeed(server, name, {"mib": 200, "seconds": 0})
    before, after = reports(server, name, 2)
    assert before.size_mib == after.size_mib == 512
    assert 1 <= before.used_mib < 100
    assert before.used_mib + 195 <= after.used_mib <= before.used_mib + 215


@pytest.mark.parametrize("failing", [False, True])
def test_the_tail_is_the_whole_log_of_a_short_invocation(server: Server, failing: bool) -> None:
    source = "def handler(event, context):\n    print('one')\n    print('two ☔')\n" + (
        "    raise ValueError('three')\n" if failing else ""
    )
    name = server.deploy(f"short-{failing}", source)
    succeed(server, server.deploy(f"other-{failing}", CHATTY), 3)
    invoke(server, name)
    answer = invoke(server, name, LogType="Tail")
    lines = answer.log_tail.splitlines()
    assert lines[:3] == [f"START RequestId: {answer.request_id} Version: $LATEST", "one", "two ☔"]
    assert ("[ERROR] ValueError: three" in lines) is failing
    assert lines[-2] == f"END RequestId: {answer.request_id}"
    assert lines[-1].startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")


def test_the_tail_of_a_long_log_is_its_last_4_kb(server: Server) -> None:
    name = server.deploy("chatty", CHATTY, Timeout=20)
    answer = invoke(server, name, 5_000, LogType="Tail")
    assert len(answer.log_tail.encode()) == 4_096
    assert "line 004999\nEND RequestId: " in answer.log_tail
    assert answer.log_tail.count("\n") > 300


def test_there_is_no_tail_unless_asked_for(server: Server) -> None:
    name = server.deploy("quiet", CHATTY)
    assert "x-amz-log-result" not in invoke(server, name, 1).headers
    assert "x-amz-log-result" not in invoke(server, name, 1, LogType="None").headers
    assert "line 000000" in invoke(server, name, 1, LogType="Tail").log_tail


def test_the_tail_of_a_cold_start_begins_with_the_invocation(server: Server) -> None:
    name = server.deploy("cold-tail", "print('loading')\ndef handler(event, context):\n    print('running')\n")
    answer = invoke(server, name, LogType="Tail")
    assert answer.log_tail.startswith("START RequestId: ")
    assert "Init Duration: " in answer.log_tail
