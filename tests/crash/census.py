"""What a node has on the host besides itself: found from outside, so that it can be seen to be gone."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.support.processes import is_alive
from tests.support.server import Server

from alonzo.node.host_setup import node_name


@dataclass(frozen=True)
class Census:
    """Processes, mounts, loop devices and control groups of one node, by its data directory."""

    processes: frozenset[psutil.Process]
    mounts: frozenset[str]
    loop_devices: frozenset[str]
    cgroups: frozenset[str]

    def remaining(self) -> "Census":
        """What of it is still there."""
        now_mounts, now_devices = _all_mounts(), _attached_loop_devices()
        return Census(
            processes=frozenset(process for process in self.processes if is_alive(process)),
            mounts=self.mounts & now_mounts,
            loop_devices=frozenset(device for device in self.loop_devices if device in now_devices),
            cgroups=frozenset(path for path in self.cgroups if Path(path).exists()),
        )

    def is_empty(self) -> bool:
        return not (self.processes or self.mounts or self.loop_devices or self.cgroups)


def take_census(server: Server) -> Census:
    """Everything that a running node has made."""
    return Census(
        processes=frozenset(psutil.Process(server.process.pid).children(recursive=True)),
        mounts=frozenset(mount for mount in _all_mounts() if str(server.data_directory) in mount),
        loop_devices=frozenset(device for device, file in _attached_loop_devices().items() if str(server.data_directory) in file),
        cgroups=frozenset(find_cgroups(server)),
    )


def _all_mounts() -> frozenset[str]:
    """The mounts of every mount namespace that a process is in: namespace and line."""
    found: set[str] = set()
    seen: set[str] = set()
    for process in psutil.pids():
        try:
            namespace = str(Path(f"/proc/{process}/ns/mnt").readlink())
            if namespace not in seen:
                seen.add(namespace)
                found |= {f"{namespace} {line}" for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines()}
        except OSError:
            continue  # it has ended meanwhile
    return frozenset(found)


def _attached_loop_devices() -> dict[str, str]:
    """Loop devices in use, with the path of the image behind each."""
    devices = {}
    for directory in Path("/sys/block").glob("loop*/loop"):
        try:
            devices[directory.parent.name] = (directory / "backing_file").read_text().strip()
        except OSError:
            continue
    return devices


def find_cgroups(server: Server) -> list[str]:
    """The control groups of a node, by path."""
    name = node_name(server.data_directory)
    found = []
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        for directory, names, _ in os.walk(hierarchy):
            if name in names:
                found += [path for path, _, _ in os.walk(Path(directory) / name)]
                break
    return found
