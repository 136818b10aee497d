"""The system calls that Python's `os` does not have (or not in 3.9), by ctypes.

Elsewhere than on Linux this module can be imported, since others name its constants, but nothing of it can be called.
Every call raises `OSError` with the call's name, so that a failed set-up step says which kernel feature refused it.
Sources: mount(2), pivot_root(2), unshare(2), prctl(2), capabilities(7), seccomp(2), loop(4).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import signal
import socket
import struct
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
LAST_CAPABILITY = 40

_CLONE = {"x86_64": 56, "aarch64": 220}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTRIBUTES = struct.Struct("=IIQiIQQQ")

_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_WITH_SCOPES = 6
_LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, _LANDLOCK_SCOPE_SIGNAL = 1, 2


_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41

if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
    _libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
    _libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
    _libc.capset.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    _libc.unshare.argtypes = (ctypes.c_int,)
    _libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)
    _libc.syscall.restype = ctypes.c_long
    # PyDLL: the interpreter's lock is not let go around the call, and so need not be taken again in a child.
    _held_libc = ctypes.PyDLL(None, use_errno=True)
    _held_fork = _held_libc.fork
    _held_syscall = _held_libc.syscall
    _held_syscall.restype = ctypes.c_long
    _held_syscall.argtypes = (ctypes.c_long,) * 6


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2); an empty `kind` or `options` is passed as NULL."""
    result = _libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() or None, flags, options.encode() or None)
    _check(result, f"mount {kind or 'bind'} {source} on {target}")


def bind(source: str, target: str, flags: int, *, recursive: bool = False) -> None:
    """Bind-mount, then remount with `flags`: the kernel ignores flags such as read-only on the first call (mount(2))."""
    mount(source, target, "", MS_BIND | (MS_REC if recursive else 0))
    # A flag that the source has must not be lost: inside a user namespace it is locked (mount_namespaces(7)). ST_NOEXEC is MS_NOEXEC.
    mount("none", target, "", MS_BIND | MS_REMOUNT | flags | os.statvfs(target).f_flag & MS_NOEXEC)


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def pivot_into(new_root: str) -> None:
    """Make `new_root` (a mount point) the root of this mount namespace and let go of the old one."""
    os.chdir(new_root)
    # pivot_root(2), "pivot_root(".", ".")": the old root lands on top of the new one and is detached from there.
    _check(_libc.syscall(_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def fork_into(flags: int) -> int:
    """fork(2) with new namespaces (`CLONE_NEW…`) for the child alone: clone(2). Returns as fork does.

    For single-threaded processes, to make children that are so as well. Python's precautions around a fork are for others: no lock is held
    by a thread that the child does not have, and what modules do after a fork would only copy the pages that they lie in. The child's own
    forks set right the C library's note of the thread's id.
    """
    process_id = _held_syscall(_CLONE[platform.machine()], flags | signal.SIGCHLD, 0, 0, 0, 0)
    if process_id < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"clone {flags:#x}: {os.strerror(number)}")
    return int(process_id)


def fork() -> int:
    """fork(2) as the C library has it, without what Python adds: see `fork_into`. The child seeds what it wants to be random.

    Measured: a runtime's process met 281 page faults before its first instruction, and so 87.
    """
    process_id = _held_fork()
    if process_id < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"fork: {os.strerror(number)}")
    return int(process_id)


def reset_slice() -> None:
    """Have the kernel choose for how long this process runs when it is let in (sched_setattr(2), `sched_runtime`)."""
    policy, niceness = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _SCHED_ATTRIBUTES.pack(_SCHED_ATTRIBUTES.size, policy, 0, niceness, 0, 0, 0, 0)
    _libc.syscall(_SCHED_SETATTR[platform.machine()], 0, attributes, 0)  # where that is refused, nobody has another slice


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(flags), f"unshare {flags:#x}")


def enter_user_namespace(process_id: int) -> None:
    """setns(2) into the user namespace of a process. Python's own `os.setns` came with 3.12."""
    descriptor = os.open(f"/proc/{process_id}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, CLONE_NEWUSER), "setns")
    finally:
        os.close(descriptor)


def join_namespace(descriptor: int, kind: int) -> None:
    """setns(2)."""
    _check(_libc.setns(descriptor, kind), f"setns {kind:#x}")


def has_scopes() -> bool:
    """Whether `restrict_scope` can do what it is for."""
    return int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION)) >= _LANDLOCK_WITH_SCOPES


def sync_file_system(descriptor: int) -> None:
    """syncfs(2): of the file system that a file lies in."""
    _check(_libc.syncfs(descriptor), "syncfs")


def get_status_flags(descriptor: int) -> int:
    """How a file was opened (fcntl(2), F_GETFL)."""
    return fcntl.fcntl(descriptor, fcntl.F_GETFL)


def flush_streams() -> None:
    """fflush(3) of all streams of the C library."""
    _check(_libc.fflush(None), "fflush")


def prctl(option: int, argument: int = 0) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(option, argument, 0, 0, 0), f"prctl {option}")


def set_thread_name(name: str) -> None:
    """Of the calling thread, and of those that it starts from here on (prctl(2), PR_SET_NAME)."""
    buffer = ctypes.create_string_buffer(name.encode())
    prctl(PR_SET_NAME, ctypes.addressof(buffer))


def drop_bounding_capabilities() -> None:
    """Nothing executed from here on can gain a capability (capabilities(7), bounding set). Needs CAP_SETPCAP."""
    for capability in range(LAST_CAPABILITY + 1):
        # A kernel older than the list answers EINVAL for capabilities it does not have: nothing to drop.
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets (capset(2), version 3; the ambient set follows)."""
    header = struct.pack("<Ii", 0x20080522, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def restrict_scope() -> None:
    """No connections to abstract Unix sockets of others and no signals to them, where the kernel has Landlock 6 (Linux 6.12; landlock(7)).

    Needs no_new_privs. An older kernel leaves what network and PID namespaces already keep apart.
    """
    if not has_scopes():
        return
    attributes = struct.pack("=3Q", 0, 0, _LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | _LANDLOCK_SCOPE_SIGNAL)
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        _check(-1, "landlock_create_ruleset")
    try:
        _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class SeccompFilter:
    """A classic BPF program (8 bytes an instruction), laid out for the kernel once, before forks."""

    def __init__(self, program: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(program, len(program))
        self._program = _FilterProgram(len(program) // 8, ctypes.cast(self._buffer, ctypes.c_void_p))
        self._address = ctypes.addressof(self._program)

    def install(self) -> None:
        """Make it this process's system call filter, for good (seccomp(2))."""
        _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, self._address, 0, 0), "seccomp")


def write_file(path: str, content: str) -> None:
    """Write a kernel file in one call. Not `open`: its text layer would look up a codec, which costs each sandbox an import."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, content.encode())
    finally:
        os.close(descriptor)


def raise_loopback() -> None:
    """A new network namespace has its loopback interface down; bring it up (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _IFF_UP_RUNNING, b""))
