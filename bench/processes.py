"""The processes of a running platform and the memory they take, as the kernel tells it.

Memory is PSS, the proportional set size: a page that n processes share counts 1/n for each, so that the sum over all is what they
really take (proc_pid_smaps(5)).
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_KIB = 1024
_MB = 1e6
_STORE_NAME = "nats-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """`namespace_ids`: its process ids, from our PID namespace down to the innermost one that it is in (NSpid of proc_pid_status(5))."""

    process_id: int
    parent_id: int
    name: str
    namespace_ids: tuple[int, ...]

    @property
    def is_init(self) -> bool:
        """Whether it is process 1 of a sandbox."""
        return len(self.namespace_ids) > 1 and self.namespace_ids[-1] == 1


def parse_status(text: str) -> Process:
    """A process from its `/proc/PID/status`."""
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return Process(
        process_id=int(fields["Pid"]),
        parent_id=int(fields["PPid"]),
        name=fields["Name"],
        namespace_ids=tuple(int(number) for number in fields["NSpid"].split()),
    )


def parse_pss_mb(text: str) -> float:
    """Megabytes (10^6 bytes) from a `/proc/PID/smaps_rollup`; KeyError when it has no such line."""
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _KIB / _MB
    raise KeyError("Pss")


def read_pss_mb(process_ids: Iterable[int]) -> float:
    """What these processes take together. PermissionError when one of them may not be read."""
    return sum(parse_pss_mb((_PROC / str(process_id) / "smaps_rollup").read_text()) for process_id in process_ids)


def read_processes() -> dict[int, Process]:
    """All processes of the machine, without those that end meanwhile."""
    found = {}
    for directory in _PROC.iterdir():
        if directory.name.isdigit():
            try:
                process = parse_status((directory / "status").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[process.process_id] = process
    return found


def iter_tree(processes: Mapping[int, Process], root_id: int) -> Iterator[Process]:
    """A process and all its descendants."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent_id, []).append(process)
    pending = [processes[root_id]]
    while pending:
        process = pending.pop()
        yield process
        pending += children.get(process.process_id, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProcesses:
    """A platform's processes by what they are; process ids. A sandbox is process 1 and all below it.

    Environments and the spare sandboxes that wait for a function look alike from here: who asks for environments counts.
    """

    node: int
    store: tuple[int, ...]
    sandboxes: tuple[tuple[int, ...], ...]
    others: tuple[int, ...]

    @property
    def sandboxed(self) -> tuple[int, ...]:
        """All that are in a sandbox."""
        return tuple(process_id for sandbox in self.sandboxes for process_id in sandbox)

    @property
    def every(self) -> tuple[int, ...]:
        """All of them."""
        return (self.node, *self.store, *self.others, *self.sandboxed)


def sort_platform(processes: Mapping[int, Process], node_id: int) -> PlatformProcesses:
    """The platform whose node this is. Others are zygotes and what helps for a while."""
    platform = list(iter_tree(processes, node_id))
    sandboxes = [tuple(process.process_id for process in iter_tree(processes, init.process_id)) for init in platform if init.is_init]
    sandboxed = {process_id for sandbox in sandboxes for process_id in sandbox}
    rest = [process for process in platform if process.process_id not in sandboxed and process.process_id != node_id]
    return PlatformProcesses(
        node=node_id,
        store=tuple(process.process_id for process in rest if process.name == _STORE_NAME),
        sandboxes=tuple(sandboxes),
        others=tuple(process.process_id for process in rest if process.name != _STORE_NAME),
    )


def read_cpu_seconds(process_ids: Iterable[int]) -> float:
    """CPU time that the threads of these processes have used so far, to the nanosecond (schedstat of proc(5)); those that have ended count
    nothing.
    """
    total = 0
    for process_id in process_ids:
        for thread in (_PROC / str(process_id) / "task").glob("*/schedstat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total += int(thread.read_text().split()[0])
    return total / 1e9
