"""What a sandbox or a clone has used of the processor, the network and its /tmp, read from files of the kernel's when somebody asks.

Sources: proc(5) (`/proc/pid/stat`, `/proc/pid/net/dev`), https://docs.kernel.org/admin-guide/cgroup-v2.html (`cpu.stat`), getrusage(2):
what a process has used is part of what its parent's children have, once it has been waited for; and clock_getcpuclockid(3).
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PROCESSES_MAX = 200
"""Of so many the times are added up, where no control group does: 4 ms, in which nothing else goes on."""

_TIMED_MAX = 16
"""Of so many processes the clocks are read: a microsecond each."""

_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14
"""Behind the process's name, which may hold blanks."""
_RUNNABLE = "R"

_LOOPBACK = "lo:"
_FILE_MAX_BYTES = 65_536
"""More than any of these files has, but for a list of more processes than are added up."""


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
        """What it is by now: 50 to 100 µs, and where no control group adds up, 20 µs for each further process. Never raises."""
        processes = self._processes()
        return ResourceUsage(cpu=self._read_cpu(processes), network_bytes=self._read_network(processes), tmp=self._read_tmp(processes))

    def read_processor_time(self) -> int:
        """In nanoseconds, for 15 µs: of its first processes, so that it tells no more than whether any of them has run meanwhile."""
        total = 0
        for process in self._processes()[:_TIMED_MAX]:
            with contextlib.suppress(OSError):  # it has ended
                total += time.clock_gettime_ns(_clock_of(process))
        return total

    def wants_processor(self) -> bool:
        """Whether one of the same runs, or would if it were let in: by their first threads, for 10 µs each."""
        return any(_state_of_process(f"{self._proc}/{process}/stat") == _RUNNABLE for process in self._processes()[:_TIMED_MAX])

    def _read_cpu(self, processes: Sequence[int]) -> CpuTimes | None:
        if self._cpu_file is not None:
            return _cpu_of_group(self._cpu_file)
        if not 0 < len(processes) <= _PROCESSES_MAX:
            return None
        ticks = [each for process in processes if (each := _cpu_of_process(f"{self._proc}/{process}/stat")) is not None]
        if not ticks:
            return None
        ms_per_tick = 1_000 / os.sysconf("SC_CLK_TCK")
        return CpuTimes(sum(user for user, _ in ticks) * ms_per_tick, sum(system for _, system in ticks) * ms_per_tick)

    def _read_network(self, processes: Sequence[int]) -> int | None:
        """All there is in a network of its own is the loopback: whatever is sent there is received there, and counted once as each."""
        if not self._has_own_network or not processes:
            return None
        for line in _lines(f"{self._proc}/{processes[0]}/net/dev"):
            name, *counts = line.split()
            if name == _LOOPBACK:
                return int(counts[0])
        return None

    def _read_tmp(self, processes: Sequence[int]) -> TmpUsage | None:
        if not self._has_own_tmp or not processes:
            return None
        try:
            found = os.statvfs(f"{self._proc}/{processes[0]}/root/tmp")
        except OSError:
            return None  # it is gone, or somebody else's by the kernel's rules (ptrace(2), access mode checking)
        return TmpUsage(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)


def processes_in(group: Path | None) -> list[int]:
    """Those of a control group, in order; none where there is no group, or it is gone."""
    return [] if group is None else sorted(map(int, _lines(f"{group}/cgroup.procs")))


def process_tree(root: int, proc: Path = _PROC) -> list[int]:
    """A process and all that have come of it, where the kernel tells (CONFIG_PROC_CHILDREN); never more than are added up, and one."""
    found = [root] if root > 0 else []
    for process in found:
        for task in _entries(f"{proc}/{process}/task"):
            for line in _lines(f"{proc}/{process}/task/{task}/children"):
                found.extend(int(each) for each in line.split())
        if len(found) > _PROCESSES_MAX:
            break
    return found


def _clock_of(process: int) -> int:
    """As `clock_getcpuclockid` makes it of a number of a process: Linux, `include/linux/posix-timers.h`, `make_process_cpuclock`."""
    return (~process << 3) | 2


def _cpu_of_group(file: Path) -> CpuTimes | None:
    values = dict(line.split() for line in _lines(file))
    if "user_usec" not in values:
        return None
    return CpuTimes(int(values["user_usec"]) / 1_000, int(values["system_usec"]) / 1_000)


def _state_of_process(file: str) -> str:
    """A letter; none of one that is gone."""
    return next(iter(_fields(file)), "")


def _cpu_of_process(file: str) -> tuple[int, int] | None:
    """In ticks, with those of its children that have been waited for; None of one that is gone."""
    fields = _fields(file)
    if len(fields) <= _CHILDREN_SYSTEM:
        return None
    return int(fields[_USER]) + int(fields[_CHILDREN_USER]), int(fields[_SYSTEM]) + int(fields[_CHILDREN_SYSTEM])


def _fields(file: str) -> list[str]:
    """Those of a process's `stat` behind its name."""
    return "\n".join(_lines(file)).rpartition(")")[2].split()


def _lines(file: Path | str) -> list[str]:
    """Without Python's own files, which cost four times as much as the kernel's; nothing of what is not there (any more)."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(descriptor, _FILE_MAX_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _entries(directory: str) -> list[str]:
    try:
        return [entry.name for entry in Path(directory).iterdir()]
    except OSError:
        return []
