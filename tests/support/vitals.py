"""What a running node holds of its machine, counted from outside: two of them, taken at rest, show what has leaked between."""

import re
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from tests.crash.census import take_census
from tests.support.server import Server

_STORE_NAME = "nats-server"
_DIRECTORIES = ("tmp", "root")
_MB = 1e6
_NUMBER = re.compile(r"\d+")
_GAUGE = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """`descriptors`: of the node and of all its processes; `entries`: what lies in its directories of sandboxes (unpacked code stays).

    Memory is that which is resident, of the node's own process and of its store.
    """

    processes: int
    descriptors: int
    node_descriptors: int
    mounts: int
    loop_devices: int
    cgroups: int
    tasks: int
    entries: int
    node_mb: float
    store_mb: float
    node_files: Counter[str] = field(repr=False)
    """What the node's descriptors are, without the numbers that are never the same."""

    def growth_since(self, before: "Vitals") -> dict[str, int]:
        """Of everything that is counted, what there is more of now."""
        then = before.counts()
        return {name: count - then[name] for name, count in self.counts().items() if count > then[name]}

    def counts(self) -> dict[str, int]:
        """All but memory, which is never the same twice."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}


def take_vitals(server: Server) -> Vitals:
    """As they are now."""
    node = psutil.Process(server.process.pid)
    census = take_census(server)
    gauges = read_gauges(server)
    store = [process for process in node.children() if process.name() == _STORE_NAME]
    return Vitals(
        processes=len(census.processes),
        descriptors=sum(_iter_descriptor_counts([node, *census.processes])),
        node_descriptors=node.num_fds(),
        mounts=len(census.mounts),
        loop_devices=len(census.loop_devices),
        cgroups=len(census.cgroups),
        tasks=int(gauges["alonzo_tasks"]),
        entries=sum(1 for name in _DIRECTORIES for _ in (server.data_directory / name).iterdir()),
        node_mb=node.memory_info().rss / _MB,
        store_mb=sum(process.memory_info().rss for process in store) / _MB,
        node_files=Counter(_iter_files(node, port=urlsplit(server.endpoint_url).port)),
    )


def read_gauges(server: Server) -> dict[str, float]:
    """What the node tells of itself."""
    with urllib.request.urlopen(f"{server.endpoint_url}/_alonzo/metrics") as page:
        return {name: float(value) for name, value in _GAUGE.findall(page.read().decode())}


def _iter_files(process: psutil.Process, *, port: int | None) -> Iterable[str]:
    connections = {each.fd: each for each in process.net_connections("all")}
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        connection = connections.get(int(descriptor.name))
        if connection is None:
            yield _NUMBER.sub("N", target)
        elif connection.family == socket.AF_UNIX:
            yield f"Unix socket {_NUMBER.sub('N', connection.laddr)}"
        else:
            yield f"{connection.status} {'of the server' if connection.laddr.port == port else 'to another'}"


def _iter_descriptor_counts(processes: Iterable[psutil.Process]) -> Iterable[int]:
    for process in processes:
        try:
            yield process.num_fds()
        except psutil.NoSuchProcess:
            continue
