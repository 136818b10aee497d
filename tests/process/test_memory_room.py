"""A machine whose memory is full: invocations wait and are refused, nothing is killed. The machine is a memory control group."""

import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.invoking import succeed
from tests.support.server import ALONZO, Server
from tests.support.toolchains import give_up

HOLDS_MEMORY = """
import time, boto3

def handler(event, context):
    held = bytearray(event["mib"] << 20)
    held[::4096] = b"x" * len(held[::4096])
    client = boto3.client("lambda")
    while event["until"]:
        try:
            client.get_function_configuration(FunctionName=event["until"])
            break
        except client.exceptions.ResourceNotFoundException:
            time.sleep(0.2)
    return len(held) >> 20
"""
ECHO = "def handler(event, context): return event"
MACHINE_MIB = 1_000
HELD_MIB = 100
AT_ONCE = 12
JOIN = 'echo $$ > "$0"; exec "$@"'


@pytest.fixture
def small_machine(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server that sees a machine with little memory, and the control group that stands for it."""
    group = _own_group() / f"test-{uuid.uuid4().hex}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(MACHINE_MIB << 20))
        command = ("sh", "-c", JOIN, str(group / "cgroup.procs"), ALONZO)
        with Server.start(data_directory=tmp_path / "alonzo", command=command) as server:
            yield server, group
    finally:
        for directory in sorted(group.rglob("*/"), reverse=True):
            directory.rmdir()
        group.rmdir()


def test_what_does_not_fit_waits_and_is_refused_and_nothing_is_killed(small_machine: tuple[Server, Path]) -> None:
    server, group = small_machine
    name = server.deploy("holds", HOLDS_MEMORY, Timeout=120, MemorySize=512)
    assert succeed(server, name, {"mib": HELD_MIB, "until": None}) == HELD_MIB  # what one takes is known from here on
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(_outcome, server, name, {"mib": HELD_MIB, "until": "free"}) for _ in range(AT_ONCE)]
        refused = _wait_for_refusals(running)
        server.deploy("free", ECHO)
        answers = [future.result(120) for future in running]
    assert set(answers) == {HELD_MIB, "ConcurrentInvocationLimitExceeded"}
    assert 2 <= answers.count(HELD_MIB) <= MACHINE_MIB // HELD_MIB
    assert refused >= AT_ONCE - MACHINE_MIB // HELD_MIB
    assert "oom_kill 0" in (group / "memory.oom_control").read_text().splitlines()
    # Idle environments of one function make room for another's.
    others = [server.deploy(f"other-{number}", HOLDS_MEMORY, Timeout=120, MemorySize=512) for number in range(AT_ONCE)]
    assert [succeed(server, other, {"mib": HELD_MIB, "until": None}) for other in others] == [HELD_MIB] * AT_ONCE
    assert "oom_kill 0" in (group / "memory.oom_control").read_text().splitlines()


def _wait_for_refusals(running: list[Any]) -> int:
    """The first refusal comes when the time to wait is over, and the others with it."""
    over, _ = wait(running, timeout=60, return_when=FIRST_COMPLETED)
    assert over
    while True:
        more, _ = wait(running, timeout=6)
        if len(more) == len(over):
            return len(over)
        over = more


def _outcome(server: Server, name: str, event: Any) -> Any:
    try:
        return succeed(server, name, event)
    except ClientError as error:
        return error.response.get("Reason")


def _own_group() -> Path:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/")
    return give_up("memory control groups of version 1 stand for a small machine here")
