"""Functions that ask the kernel for what functions have no business with."""

import ctypes
import fcntl
import mmap
import os
import platform
import resource
import socket
from typing import Any

from attempts import attempt, call

_X86 = platform.machine() == "x86_64"
_NEW_NAMESPACES = {
    "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "network": 0x40000000,
}  # fmt: skip
_CALLS: dict[str, tuple[int, int, tuple[int | bytes | None, ...]]] = {
    # name: (number on x86_64, number on aarch64, arguments)
    "mount": (165, 40, (b"none", b"/tmp", b"tmpfs", 0, None)),
    "umount2": (166, 39, (b"/proc", 2)),
    "pivot_root": (155, 41, (b"/tmp", b"/tmp")),
    "chroot": (161, 51, (b"/tmp",)),
    "open_tree": (428, 428, (-100, b"/", 1)),
    "fsopen": (430, 430, (b"tmpfs", 0)),
    "move_mount": (429, 429, (-100, b"/tmp", -100, b"/usr", 0)),
    "mount_setattr": (442, 442, (-100, b"/", 0, None, 0)),
    "setns": (308, 268, (0, 0)),
    "ptrace": (101, 117, (16, 1, 0, 0)),
    "process_vm_readv": (310, 270, (1, None, 0, None, 0, 0)),
    "process_vm_writev": (311, 271, (1, None, 0, None, 0, 0)),
    "pidfd_getfd": (438, 438, (0, 0, 0)),
    "kcmp": (312, 272, (1, 1, 0, 0, 0)),
    "init_module": (175, 105, (None, 0, b"")),
    "finit_module": (313, 273, (0, b"", 0)),
    "delete_module": (176, 106, (b"loop", 0)),
    "kexec_load": (246, 104, (0, 0, None, 0)),
    "bpf": (321, 280, (0, None, 0)),
    "perf_event_open": (298, 241, (None, 0, -1, -1, 0)),
    "userfaultfd": (323, 282, (1,)),
    "io_uring_setup": (425, 425, (8, None)),
    "keyctl": (250, 219, (0, -3, 0)),
    "add_key": (248, 217, (b"user", b"x", b"x", 1, -3)),
    "request_key": (249, 218, (b"user", b"x", None, 0)),
    "open_by_handle_at": (304, 265, (-100, None, 0)),
    "name_to_handle_at": (303, 264, (-100, b"/", None, None, 0)),
    "fanotify_init": (300, 262, (0, 0)),
    "syslog": (103, 116, (2, None, 0)),
    "reboot": (169, 142, (0, 0, 0, None)),
    "swapon": (167, 224, (b"/tmp/x", 0)),
    "sethostname": (170, 161, (b"x", 1)),
    "settimeofday": (164, 170, (None, None)),
    "clock_settime": (227, 112, (0, None)),
    "acct": (163, 89, (b"/tmp/x",)),
    "quotactl": (179, 60, (0, None, 0, None)),
    "unshare threads": (272, 97, (0x400,)),
    "clone3": (435, 435, (None, 0)),
    "a call that is not known yet": (900, 900, ()),
}


def make_calls(_event: Any, _context: Any) -> dict[str, str]:
    outcomes = {name: call(on_x86 if _X86 else on_arm, *arguments) for name, (on_x86, on_arm, arguments) in _CALLS.items()}
    outcomes |= {f"unshare {name}": call(272 if _X86 else 97, flag) for name, flag in _NEW_NAMESPACES.items()}
    outcomes |= {f"clone {name}": call(56 if _X86 else 220, flag | 17, None, None, None, None) for name, flag in _NEW_NAMESPACES.items()}
    if _X86:
        outcomes |= {"iopl": call(172, 3), "ioperm": call(173, 0, 1, 1), "x32 getpid": call(0x40000000 + 39)}
    return outcomes


def open_sockets(_event: Any, _context: Any) -> dict[str, str]:
    """Families and kinds of sockets that reach below or beside the internet protocols."""
    families = {
        "packet": 17,
        "alg": 38,
        "vsock": 40,
        "bluetooth": 31,
        "can": 29,
        "tipc": 30,
        "rds": 21,
        "xdp": 44,
        "key": 15,
        "nfc": 39,
        "x25": 9,
    }
    outcomes = {f"family {name}": attempt(socket.socket, family, socket.SOCK_DGRAM) for name, family in families.items()}
    outcomes |= {f"pair {name}": call(53 if _X86 else 199, family, 2, 0, b"\0" * 8) for name, family in families.items()}
    outcomes["raw"] = attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    outcomes["raw 6"] = attempt(socket.socket, socket.AF_INET6, socket.SOCK_RAW, 58)
    protocols = {"netfilter": 12, "audit": 9, "xfrm": 6, "sock_diag": 4, "uevent": 15, "connector": 11, "generic": 16, "crypto": 21}
    outcomes |= {
        f"netlink {name}": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, number) for name, number in protocols.items()
    }
    outcomes["sctp"] = attempt(socket.socket, socket.AF_INET, socket.SOCK_STREAM, 132)
    outcomes["dccp"] = attempt(socket.socket, socket.AF_INET, 6, 33)
    outcomes["l2tp"] = attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM, 115)
    return outcomes


def open_ordinary_sockets(_event: Any, _context: Any) -> dict[str, str]:
    """What ordinary programs need of sockets; must stay possible."""
    kinds = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, 0),
        "tcp, named": (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP),
        "tcp 6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
        "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
        "route": (socket.AF_NETLINK, socket.SOCK_RAW, 0),
    }
    outcomes = {name: attempt(socket.socket, *kind) for name, kind in kinds.items()}
    outcomes["pair"] = attempt(socket.socketpair)
    outcomes["interfaces"] = attempt(socket.if_nameindex)
    return outcomes


def type_into_terminals(_event: Any, _context: Any) -> dict[str, str]:
    return {f"{descriptor}": attempt(fcntl.ioctl, descriptor, 0x5412, b"x") for descriptor in (0, 1, 2)}


def call_as_32_bit(_event: Any, _context: Any) -> None:
    """The other system call table of x86_64: mov eax, 20 (getpid); int 0x80; ret."""
    page = mmap.mmap(-1, 4_096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3" if _X86 else b"\x00\x00\x00\x00")
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def tell_limits(_event: Any, _context: Any) -> dict[str, list[int]]:
    names = ("CORE", "NOFILE", "NPROC", "SIGPENDING", "MSGQUEUE", "MEMLOCK", "NICE", "RTPRIO")
    return {name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{name}", _LIMITS.get(name, 0)))) for name in names}


_LIMITS = {"SIGPENDING": 11, "MSGQUEUE": 12, "NICE": 13, "RTPRIO": 14}


def raise_limits(_event: Any, _context: Any) -> dict[str, str]:
    def renice() -> None:
        os.nice(-5)

    def raise_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1_000_000, 1_000_000))

    return {
        "nice": attempt(renice),
        "files": _refused(raise_files),
        "real time": attempt(_become_real_time),
        "oom": attempt(_shield_from_oom),
    }


def _refused(action: Any) -> str:
    try:
        return attempt(action)
    except ValueError:
        return "EPERM"  # how the resource module words it


def _become_real_time() -> None:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))


def _shield_from_oom() -> None:
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("-1000")
