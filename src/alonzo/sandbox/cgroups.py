"""Control groups, versions 1 and 2: where this node's sandboxes are counted and limited.

A sandbox's init makes and joins the sandbox's own groups, its zygote removes them; this file says where they are and what to write.
Sources: https://docs.kernel.org/admin-guide/cgroup-v1/ and https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alonzo.model.quotas import MIB_PER_VCPU

WANTED_CONTROLLERS = ("memory", "cpu", "pids")
_UNIFIED = "unified"
_CPU_PERIOD_US = 100_000
_V1_SHARES_PER_MIB = 10
_V1_SHARES_MIN = 2
_V2_WEIGHT_MAX = 10_000
_MIB = 1_048_576


class CpuPolicy(StrEnum):
    """How a function's CPU share, which follows from its memory, is enforced."""

    WEIGHT = "weight"
    """In proportion among those that want the CPU at the moment; idle cores are nobody's loss."""
    QUOTA = "quota"
    """Never more than AWS would give, whatever is idle: for measurements that shall hold on AWS."""


@dataclass(frozen=True, slots=True)
class CgroupDirectory:
    """The node's own directory in one hierarchy: `name` is a controller of version 1, or `unified`."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one sandbox may use."""

    memory_mib: int
    processes: int
    crowd: int = 1
    """Its weight is divided by this (`processor_share.py`)."""


class Cgroups:
    """The node's part of the control group trees; empty where the host gives none."""

    def __init__(self, directories: Iterable[CgroupDirectory], controllers: Iterable[str], policy: CpuPolicy) -> None:
        self.directories = tuple(directories)
        self.controllers = frozenset(controllers)
        self._policy = policy
        self._by_name = {directory.name: directory.path for directory in self.directories}

    @property
    def unified(self) -> bool:
        """Whether this is version 2."""
        return _UNIFIED in self._by_name

    def limits(self, limits: SandboxLimits) -> dict[str, str]:
        """What to write for a sandbox, in order: "<directory name>/<file>" → content."""
        writes = self._unified_limits(limits) if self.unified else self._split_limits(limits)
        return {file: value for file, (controller, value) in writes.items() if controller in self.controllers}

    def peak_memory_file(self, sandbox_id: str) -> Path | None:
        """The file that holds the most memory a sandbox has used, in bytes."""
        if "memory" not in self.controllers:
            return None
        if self.unified:
            return self._by_name[_UNIFIED] / sandbox_id / "memory.peak"
        return self._by_name["memory"] / sandbox_id / "memory.max_usage_in_bytes"

    def cpu_file(self, sandbox_id: str) -> Path | None:
        """The file that adds up the processor times of a sandbox; version 1 has none that says whose controllers these are."""
        return self._by_name[_UNIFIED] / sandbox_id / "cpu.stat" if self.unified else None

    def weight(self, limits: SandboxLimits) -> tuple[str, str]:
        """The file of a sandbox's group that says how much of a busy processor it gets, and what to write: only the ratios count."""
        if self.unified:
            return "cpu.weight", str(max(min(limits.memory_mib, _V2_WEIGHT_MAX) // limits.crowd, 1))
        return "cpu.shares", str(max(limits.memory_mib * _V1_SHARES_PER_MIB // limits.crowd, _V1_SHARES_MIN))

    def cpu_group(self, sandbox_id: str) -> Path | None:
        """Where the file of `weight` is; None: the host does not let processors be shared out."""
        if "cpu" not in self.controllers:
            return None
        return self._by_name[_UNIFIED if self.unified else "cpu"] / sandbox_id

    def tasks(self, group: Path) -> list[int]:
        """The numbers of all threads in a group. OSError: it is gone."""
        return [int(number) for number in (group / ("cgroup.threads" if self.unified else "tasks")).read_bytes().split()]

    def find_group(self, sandbox_id: str) -> Path | None:
        """A group that all processes of a sandbox, and no others, are in."""
        return self.directories[0].path / sandbox_id if self.directories else None

    def oom_kill_count(self, sandbox_id: str) -> int:
        """How many processes of a sandbox the kernel has killed for want of memory; 0 where it cannot be known."""
        if "memory" not in self.controllers:
            return 0
        name, file = (_UNIFIED, "memory.events") if self.unified else ("memory", "memory.oom_control")
        try:
            text = (self._by_name[name] / sandbox_id / file).read_text()
        except OSError:
            return 0  # the sandbox is gone already, and with it what it could have told
        counts = dict(line.split() for line in text.splitlines())
        return int(counts.get("oom_kill", 0))

    def remove(self) -> None:
        """Remove the node's directories, and what a killed node has left in them, as far as they are empty."""
        for directory in self.directories:
            for child in [*_subdirectories(directory.path), directory.path]:
                with contextlib.suppress(OSError):
                    child.rmdir()

    def _unified_limits(self, limits: SandboxLimits) -> dict[str, tuple[str, str]]:
        file, weight = self.weight(limits)
        writes = {
            f"unified/{file}": ("cpu", weight),
            "unified/memory.max": ("memory", str(limits.memory_mib * _MIB)),
            "unified/memory.swap.max": ("memory", "0"),
            "unified/pids.max": ("pids", str(limits.processes)),
        }
        if self._policy is CpuPolicy.QUOTA:
            writes["unified/cpu.max"] = ("cpu", f"{_quota_us(limits.memory_mib)} {_CPU_PERIOD_US}")
        else:
            writes["unified/cpu.max"] = ("cpu", f"{_machine_quota_us()} {_CPU_PERIOD_US}")
        return writes

    def _split_limits(self, limits: SandboxLimits) -> dict[str, tuple[str, str]]:
        file, weight = self.weight(limits)
        writes = {
            f"cpu/{file}": ("cpu", weight),
            "memory/memory.limit_in_bytes": ("memory", str(limits.memory_mib * _MIB)),
            "pids/pids.max": ("pids", str(limits.processes)),
        }
        if self._policy is CpuPolicy.QUOTA:
            writes["cpu/cpu.cfs_period_us"] = ("cpu", str(_CPU_PERIOD_US))
            writes["cpu/cpu.cfs_quota_us"] = ("cpu", str(_quota_us(limits.memory_mib)))
        else:
            writes["cpu/cpu.cfs_quota_us"] = ("cpu", str(_machine_quota_us()))
        return writes


def open_cgroups(node_name: str, policy: CpuPolicy, *, mounts: str, membership: str) -> Cgroups:
    """Make the node's directories where that is allowed.

    `mounts` and `membership` are the texts of /proc/self/mountinfo and /proc/self/cgroup. Hierarchies that this process may not write to
    are left out: compare `controllers` with `WANTED_CONTROLLERS` to see what is missing.
    """
    found = _find_hierarchies(mounts, membership)
    directories, controllers = [], []
    for name, parent in found.items():
        granted = _make_directory(name, parent, node_name)
        if granted:
            directories.append(CgroupDirectory(name, parent / node_name))
            controllers.extend(granted)
    return Cgroups(directories, controllers, policy)


def has_processes(node_name: str, *, mounts: str, membership: str) -> bool:
    """Whether any sandbox of a node still runs. What has no control groups does not show here."""
    for parent in _find_hierarchies(mounts, membership).values():
        for group in _subdirectories(parent / node_name):
            if _read_words(group / "cgroup.procs"):
                return True
    return False


def _find_hierarchies(mounts: str, membership: str) -> dict[str, Path]:
    """Controller (or `unified`, if it has the controllers) → the directory of this process's own group."""
    own_groups = {}
    for line in membership.splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            own_groups[name or _UNIFIED] = path
    found: dict[str, Path] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        mount_root, mount_point = before.split(" ")[3:5]
        if kind == "cgroup":
            for name in set(options.split(",")) & set(WANTED_CONTROLLERS) & set(own_groups):
                found[name] = _own_directory(mount_point, mount_root, own_groups[name])
        elif kind == "cgroup2" and _UNIFIED in own_groups:
            directory = _own_directory(mount_point, mount_root, own_groups[_UNIFIED])
            if "memory" in _read_words(directory / "cgroup.controllers"):
                return {_UNIFIED: directory}
    return found


def _own_directory(mount_point: str, mount_root: str, group: str) -> Path:
    relative = group.removeprefix(mount_root.rstrip("/")).lstrip("/")
    return Path(mount_point) / relative


def _make_directory(name: str, parent: Path, node_name: str) -> list[str]:
    """The controllers that the new directory's children will have; none if it cannot be made."""
    try:
        if name == _UNIFIED:
            return _make_unified_directory(parent, node_name)
        (parent / node_name).mkdir(exist_ok=True)
    except OSError:
        return []
    return [name]


def _make_unified_directory(parent: Path, node_name: str) -> list[str]:
    available = [name for name in WANTED_CONTROLLERS if name in _read_words(parent / "cgroup.controllers")]
    if (parent / "cgroup.type").exists():
        # Only a group without processes of its own may hand controllers down (cgroup-v2, "no internal process constraint").
        leaf = parent / f"{node_name}.node"
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
    enable = " ".join(f"+{name}" for name in available)
    (parent / "cgroup.subtree_control").write_text(enable)
    (parent / node_name).mkdir(exist_ok=True)
    (parent / node_name / "cgroup.subtree_control").write_text(enable)
    return available


def _read_words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _subdirectories(directory: Path) -> list[Path]:
    try:
        return [child for child in directory.iterdir() if child.is_dir()]
    except OSError:
        return []


def _quota_us(memory_mib: int) -> int:
    return max(1_000, memory_mib * _CPU_PERIOD_US // MIB_PER_VCPU)


def _machine_quota_us() -> int:
    """Nine tenths of the machine: a fork bomb of a large function would else keep a small one, of little weight, waiting for seconds."""
    return (os.cpu_count() or 1) * _CPU_PERIOD_US * 9 // 10
