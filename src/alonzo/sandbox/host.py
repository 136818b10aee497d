"""What this host can give to sandboxes, by name: for `alonzo doctor` and for the node's start, which says what is missing."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alonzo.errors import SetupError
from alonzo.model.quotas import PROCESSES_MAX, PROCESSES_WITHOUT_CPU_LIMIT_MAX
from alonzo.sandbox.cgroups import WANTED_CONTROLLERS
from alonzo.sandbox.settings import Isolation, TmpKind
from alonzo.sandbox.tmp_images import find_mkfs

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNS = 0x00020000

_LANDLOCK_CREATE_RULESET, _LANDLOCK_WITH_SCOPES = 444, 6

_WITHOUT_NAMESPACES = "start with --isolation process: functions are then not isolated"


@dataclass(frozen=True, slots=True)
class HostFact:
    """One thing that sandboxes want of the host. `remedy` says how to get what is not available, None if nothing is to be done."""

    name: str
    available: bool
    detail: str
    remedy: str | None = None


def inspect(controllers: frozenset[str] | None = None) -> list[HostFact]:
    """Everything that this host can or cannot give.

    `controllers`: the control group controllers that the node could really use; by default those that look usable from here.
    """
    if sys.platform != "linux":
        return [HostFact("namespaces", False, f"{_system_name()} has none: nothing can be isolated or limited", _WITHOUT_NAMESPACES)]
    usable = _writable_controllers() if controllers is None else controllers
    return [_namespaces(), _seccomp(), *_controllers(usable), _tmp(), _snap_start(usable), _architecture()]


def inspect_process_isolation() -> list[HostFact]:
    """What `--isolation process` gives, on any host."""
    detail = "none: functions can read, change and stop whatever you can; nothing limits their memory, CPU, processes or /tmp"
    return [HostFact("isolation", False, detail), HostFact("container images", False, "they need namespaces: none runs")]


def check_isolation(isolation: Isolation) -> None:
    """SetupError if this system cannot isolate at all."""
    if isolation is Isolation.NAMESPACES and sys.platform != "linux":
        raise SetupError(f"{_system_name()} has no namespaces to isolate functions with; {_WITHOUT_NAMESPACES}")


def is_rootless() -> bool:
    """Whether sandboxes must be built without the host's root user."""
    return os.geteuid() != 0


def choose_tmp_kind() -> TmpKind:
    """Images where loop devices and mkfs.ext4 are to be had, else memory."""
    usable = not is_rootless() and Path("/dev/loop-control").exists() and find_mkfs() is not None
    return TmpKind.IMAGE if usable else TmpKind.TMPFS


def _namespaces() -> HostFact:
    detail = "as root" if not is_rootless() else "rootless, in a user namespace"
    error = _try_unshare()
    if error is None:
        return HostFact("namespaces", True, detail)
    remedy = (
        "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), "
        "run as root, or start with --isolation process"
    )
    return HostFact("namespaces", False, f"{detail}: unshare answers {error}", remedy)


def _try_unshare() -> str | None:
    """Try in a child, since what is unshared cannot be taken back. None if it works."""
    process_id = os.fork()
    if process_id == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS)
        os._exit(ctypes.get_errno() if failed else 0)
    code = os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])
    return None if code == 0 else os.strerror(code)


def _seccomp() -> HostFact:
    available = "Seccomp:" in Path("/proc/self/status").read_text()
    return HostFact("seccomp", available, "system calls are filtered" if available else "this kernel has no system call filters")


def _controllers(usable: frozenset[str]) -> Iterator[HostFact]:
    purposes = {
        "memory": "memory limits and Max Memory Used",
        "cpu": "CPU in proportion to memory",
        "pids": "the limit of processes",
    }
    remedy = "run as root, or give the node a delegated group: systemd-run --user --scope -p Delegate=yes alonzo up"
    for name in WANTED_CONTROLLERS:
        available = name in usable
        detail = purposes[name] if available else f"the control group controller {name} may not be used: no {purposes[name]}"
        if name == "cpu" and not available:
            detail += f", and {PROCESSES_WITHOUT_CPU_LIMIT_MAX} processes a sandbox instead of {PROCESSES_MAX:,}"
        yield HostFact(f"cgroup {name}", available, detail, None if available else remedy)


def _writable_controllers() -> frozenset[str]:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.exists():
        own = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2]
        directory = Path("/sys/fs/cgroup") / own.lstrip("/")
        if not os.access(directory / "cgroup.subtree_control", os.W_OK):
            return frozenset()
        return frozenset((directory / "cgroup.controllers").read_text().split())
    return frozenset(name for name in WANTED_CONTROLLERS if os.access(f"/sys/fs/cgroup/{name}", os.W_OK))


def _tmp() -> HostFact:
    if choose_tmp_kind() is TmpKind.IMAGE:
        return HostFact("/tmp on disk", True, "an ext4 image for each environment")
    missing = "root" if is_rootless() else "mkfs.ext4" if find_mkfs() is None else "loop devices"
    remedy = "install e2fsprogs" if missing == "mkfs.ext4" else None
    return HostFact("/tmp on disk", False, f"no {missing}: /tmp of functions lies in memory, capped at its size", remedy)


def _snap_start(usable: frozenset[str]) -> HostFact:
    """What `SandboxSettings.may_clone` and the guest's `family.py` want."""
    missing = [
        *(["root"] if is_rootless() else []),
        *(f"the control group controller {name}" for name in ("memory", "pids") if name not in usable),
        *([] if _landlock_version() >= _LANDLOCK_WITH_SCOPES else ["Landlock 6 (Linux 6.12)"]),
    ]
    if not missing:
        return HostFact("SnapStart by fork", True, "Python environments are forked from the one that was initialized")
    detail = f"no {', no '.join(missing)}: SnapStart initializes each environment for itself, ahead of invocations"
    return HostFact("SnapStart by fork", False, detail)


def _landlock_version() -> int:
    """landlock_create_ruleset(2), LANDLOCK_CREATE_RULESET_VERSION; negative where the kernel has none."""
    return int(ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1))


def _architecture() -> HostFact:
    machine = platform.machine()
    known = machine in {"x86_64", "aarch64"}
    return HostFact("architecture", known, machine, None if known else "only x86_64 and aarch64 have a system call filter")


def _system_name() -> str:
    return "macOS" if sys.platform == "darwin" else platform.system()
