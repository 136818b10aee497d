"""What a sandbox or a clone has used of the processor, the network and its /tmp, read from files of the kernel's when somebody asks.

Sources: proc(5) (`/proc/pid/stat`, `/proc/pid/net/dev`), https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.stat`), and getrusage(2):
what a process has used is part of what its parent's children have, once it has been waited for.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PROCESSES_MAX = 200
"""Of so many the times are added up, where no control group does: 4 ms, in which nothing else goes on."""

_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14
"""Behind the process's name, which may hold blanks."""

_LOOPBACK = "lo:"


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """In milliseconds."""

    user_ms: float
    system_ms: float


@dataclass(frozen=True, slots=True)
class TmpUsage:
    """In bytes."""

    max_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """Since it began; None where the host does not tell."""

    cpu: CpuTimes | None
    network_bytes: int | None
    """Both ways together."""
    tmp: TmpUsage | None


class ResourceReader:
    """Of one sandbox or clone. `cpu_file`: where a control group adds processor times up; `processes` those that it does not know."""

    def __init__(
        self, *, processes: Callable[[], Sequence[int]], cpu_file: Path | None, has_own_network: bool, has_own_tmp: bool, proc: Path = _PROC
    ) -> None:
        self._processes = processes
        self._cpu_file = cpu_file
        self._has_own_network = has_own_network
        self._has_own_tmp = has_own_tmp
        self._proc = proc

    def read(self) -> ResourceUsage:
        """What it is by now: 20 µs, and without control groups of version 2 as much for each process. Never raises."""
        processes = self._processes()
        return ResourceUsage(cpu=self._read_cpu(processes), network_bytes=self._read_network(processes), tmp=self._read_tmp(processes))

    def _read_cpu(self, processes: Sequence[int]) -> CpuTimes | None:
        if self._cpu_file is not None:
            return _cpu_of_group(self._cpu_file)
        if not 0 < len(processes) <= _PROCESSES_MAX:
            return None
        user = system = 0
        for process in processes:
            times = _cpu_of_process(self._proc / str(process) / "stat")
            user, system = user + times[0], system + times[1]
        ms_per_tick = 1_000 / os.sysconf("SC_CLK_TCK")
        return CpuTimes(user * ms_per_tick, system * ms_per_tick)

    def _read_network(self, processes: Sequence[int]) -> int | None:
        """All there is in a network of its own is the loopback: whatever is sent there is received there, and counted once as each."""
        if not self._has_own_network or not processes:
            return None
        for line in _lines(self._proc / str(processes[0]) / "net" / "dev"):
            name, *counts = line.split()
            if name == _LOOPBACK:
                return int(counts[0])
        return None

    def _read_tmp(self, processes: Sequence[int]) -> TmpUsage | None:
        if not self._has_own_tmp or not processes:
            return None
        try:
            found = os.statvfs(self._proc / str(processes[0]) / "root" / "tmp")
        except OSError:
            return None  # it is gone, or somebody else's by the kernel's rules (ptrace(2), access mode checking)
        return TmpUsage(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def processes_in(group: Path | None) -> list[int]:
    """Those of a control group, in order; none where there is no group, or it is gone."""
    return [] if group is None else sorted(int(line) for line in _lines(group / "cgroup.procs"))


def process_tree(root: int, proc: Path = _PROC) -> list[int]:
    """A process and all that have come of it, where the kernel tells (CONFIG_PROC_CHILDREN); never more than are added up, and one."""
    found = [root] if root > 0 else []
    for process in found:
        for task in _entries(proc / str(process) / "task"):
            for line in _lines(task / "children"):
                found.extend(int(each) for each in line.split())
        if len(found) > _PROCESSES_MAX:
            break
    return found


def _cpu_of_group(file: Path) -> CpuTimes | None:
    values = dict(line.split() for line in _lines(file))
    if "user_usec" not in values:
        return None
    return CpuTimes(int(values["user_usec"]) / 1_000, int(values["system_usec"]) / 1_000)


def _cpu_of_process(file: Path) -> tuple[int, int]:
    """In ticks, with those of its children that have been waited for; nothing of one that is gone."""
    fields = "\n".join(_lines(file)).rpartition(")")[2].split()
    if len(fields) <= _CHILDREN_SYSTEM:
        return 0, 0
    return int(fields[_USER]) + int(fields[_CHILDREN_USER]), int(fields[_SYSTEM]) + int(fields[_CHILDREN_SYSTEM])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
