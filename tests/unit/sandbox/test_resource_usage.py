"""What sandboxes have used, read from files made to look like the kernel's, and of real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.waiting import eventually

from alonzo.sandbox.resource_usage import CpuTimes, ResourceReader, process_tree, processes_in

TICK_MS = 1_000 / os.sysconf("SC_CLK_TCK")
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  4321      17    0    0    0     0          0         0     4321      17    0    0    0     0       0          0
"""


def a_process(proc: Path, number: int, *times: int) -> None:
    """With what it has used itself and what its children have, in ticks."""
    (proc / str(number) / "net").mkdir(parents=True)
    fields = ["S", *["1"] * 10, *map(str, times), *["0"] * 20]
    (proc / str(number) / "stat").write_text(f"{number} (odd) name) {' '.join(fields)}\n")
    (proc / str(number) / "net/dev").write_text(DEV)


def reader(proc: Path, *processes: int, cpu_file: Path | None = None, own: bool = False) -> ResourceReader:
    return ResourceReader(processes=lambda: processes, cpu_file=cpu_file, has_own_network=own, has_own_tmp=own, proc=proc)


def test_times_of_processes_and_of_what_they_have_waited_for_add_up(tmp_path: Path) -> None:
    a_process(tmp_path, 7, 1, 2, 30, 40)
    a_process(tmp_path, 8, 100, 200, 0, 0)
    assert reader(tmp_path, 7, 8, 9).read().cpu == CpuTimes(131 * TICK_MS, 242 * TICK_MS)


def test_a_group_of_version_2_adds_up_itself(tmp_path: Path) -> None:
    file = tmp_path / "cpu.stat"
    file.write_text("usage_usec 3500\nuser_usec 2000\nsystem_usec 1500\nnr_periods 0\n")
    assert reader(tmp_path, cpu_file=file).read().cpu == CpuTimes(2.0, 1.5)


def test_only_what_is_the_sandboxs_own_is_told(tmp_path: Path) -> None:
    a_process(tmp_path, 7, 0, 0, 0, 0)
    (tmp_path / "7/root/tmp").mkdir(parents=True)
    shared, own = reader(tmp_path, 7).read(), reader(tmp_path, 7, own=True).read()
    assert (shared.network_bytes, shared.tmp) == (None, None)
    assert own.network_bytes == 4_321
    assert own.tmp is not None
    assert 0 < own.tmp.free_bytes <= own.tmp.max_bytes


@pytest.mark.parametrize("processes", [(), (7,), range(1_000, 2_000)])
def test_nothing_is_told_of_what_is_gone_or_too_many(tmp_path: Path, processes: tuple[int, ...]) -> None:
    used = reader(tmp_path, *processes, own=True).read()
    assert (used.cpu, used.network_bytes, used.tmp) == (None, None, None)
    assert reader(tmp_path, cpu_file=tmp_path / "cpu.stat").read().cpu is None


def test_processes_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("12\n9\n100\n")
    assert processes_in(tmp_path) == [9, 12, 100]
    assert processes_in(tmp_path / "gone") == processes_in(None) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_real_tree_of_processes() -> None:
    nested = """import subprocess, time
while time.process_time() < 0.05:  # the kernel counts in ticks of up to 10 ms
    pass
subprocess.run(['sh', '-c', 'echo $$; read line'])"""
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        shell = int(child.stdout.readline())
        tree = process_tree(child.pid)
        assert {child.pid, shell} <= set(tree)
        cpu = reader(Path("/proc"), *tree).read().cpu
        assert cpu is not None
        assert cpu.user_ms + cpu.system_ms > 0
        child.communicate("\n")
    assert process_tree(0) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_whether_any_process_has_run_or_wants_to_can_be_told() -> None:
    computing = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    waiting = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        both, one = reader(Path("/proc"), waiting.pid, computing.pid), reader(Path("/proc"), waiting.pid)
        before = both.read_processor_time()
        eventually(lambda: both.read_processor_time() > before and both.wants_processor(), what="it computes")
        eventually(lambda: one.read_processor_time() > 0 and not one.wants_processor(), what="it waits")
    finally:
        for process in (computing, waiting):
            process.kill()
            process.communicate()
    assert (both.read_processor_time(), both.wants_processor()) == (0, False)
