"""How much memory the machine, or the part of it that the node may use, still has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_UNLIMITED_MIN_BYTES = 1 << 60
"""What version 1 writes for "no limit" is the largest number of pages."""


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """In bytes."""

    total: int
    available: int

    @property
    def available_share(self) -> float:
        """0-1."""
        return self.available / self.total


class MemoryReader:
    """Reads it anew each time, in about 50 µs: the machine's, or what is left within the control groups that the node was started in."""

    def __init__(self, *, root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> None:
        self._groups = tuple(_limited_groups(root, own))

    def read(self) -> MachineMemory:
        """What there is at this moment."""
        machine = psutil.virtual_memory()
        total, available = int(machine.total), int(machine.available)
        for group in self._groups:
            limit = _read_number(group.limit)
            used = _read_number(group.usage)
            if limit is not None and used is not None and limit < _UNLIMITED_MIN_BYTES:
                total, available = min(total, limit), min(available, limit - used + _reclaimable(group.statistics))
        return MachineMemory(total=total, available=max(available, 0))


@dataclass(frozen=True, slots=True)
class _Group:
    limit: Path
    usage: Path
    statistics: Path


def _limited_groups(root: Path, own: Path) -> Sequence[_Group]:
    """The node's own memory group and those above it (cgroups(7), "/proc/pid/cgroup")."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    groups: list[_Group] = []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers == "":
            groups += [_Group(d / "memory.max", d / "memory.current", d / "memory.stat") for d in _upwards(root, path)]
        elif "memory" in controllers.split(","):
            groups += [
                _Group(d / "memory.limit_in_bytes", d / "memory.usage_in_bytes", d / "memory.stat") for d in _upwards(root / "memory", path)
            ]
    return [group for group in groups if group.limit.exists()]


def _upwards(root: Path, path: str) -> list[Path]:
    directory = root / path.lstrip("/")
    return [directory, *(parent for parent in directory.parents if parent.is_relative_to(root))]


def _read_number(file: Path) -> int | None:
    """None: there is none ("max"), or the group is gone."""
    try:
        text = file.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _reclaimable(statistics: Path) -> int:
    """The page cache that counts as used, and that the kernel takes back when it is needed."""
    try:
        lines = statistics.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split() for line in lines)
    return int(values.get("total_inactive_file", values.get("inactive_file", 0)))
