"""Takes away from this process what Linux has and macOS has not, once imported: the nearest that Linux comes to a Mac.

`sys.platform` says darwin, the modules of the standard library lack what they lack there, the C library has no functions of Linux's own,
/proc and /sys cannot be read, Unix sockets have macOS's small buffers and no kinds but macOS's, no process may open more than 10,240 files.
psutil is spared, which on a Mac has other means: import it first. Runs under every Python that functions may ask for, in guests too, in the
place of `alonzo/__init__.py` (see `start_without_linux.py`).
"""

import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import socket
import subprocess  # noqa: F401 - while it can still see what it runs on
import sys
import sysconfig
import types
from typing import Any

OWN_NAMES = {
    os: (
        "pipe2 unshare setns memfd_create eventfd pidfd_open waitid splice copy_file_range posix_fadvise posix_fallocate fdatasync "
        "getrandom setresuid setresgid getresuid getresgid sched_setscheduler sched_getscheduler sched_setparam sched_getparam "
        "sched_setaffinity sched_getaffinity sched_rr_get_interval sched_param SCHED_BATCH SCHED_IDLE SCHED_OTHER SCHED_FIFO SCHED_RR "
        "getxattr setxattr listxattr removexattr O_TMPFILE O_PATH O_NOATIME O_DIRECT O_LARGEFILE"
    ),
    socket: (
        "AF_NETLINK AF_PACKET AF_ALG AF_VSOCK SOCK_SEQPACKET SOCK_CLOEXEC SOCK_NONBLOCK MSG_CMSG_CLOEXEC MSG_NOSIGNAL SO_PEERCRED "
        "SO_PASSCRED SCM_CREDENTIALS TCP_QUICKACK TCP_USER_TIMEOUT"
    ),
    select: "epoll",
    signal: "pidfd_send_signal sigtimedwait sigwaitinfo",
    resource: "prlimit RLIMIT_SIGPENDING RLIMIT_MSGQUEUE",
    fcntl: "F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_OFD_SETLK",
}
OWN_FUNCTIONS = ("prctl", "unshare", "setns", "clone", "mount", "umount2", "pivot_root", "capset", "syscall", "sethostname", "gettid")

_DESCRIPTORS_MAX = 10_240
_UNIX_SOCKET_BUFFER_BYTES = 8_192
_AF_NETLINK, _AF_UNIX, _SOCK_SEQPACKET = 16, 1, 5


def _take_away() -> None:
    sysconfig.get_config_vars()  # kept from here on: it would look for a Mac's compiler
    proxies: Any = types.ModuleType("_scproxy")
    proxies._get_proxies, proxies._get_proxy_settings = dict, dict
    sys.modules["_scproxy"] = proxies
    for module, names in OWN_NAMES.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    sys.platform = "darwin"
    sys.addaudithook(_refuse)
    _wrap(ctypes.CDLL, "__getattr__", _refusing_own_functions)
    _wrap(ctypes.CDLL, "__getitem__", _refusing_own_functions)
    _wrap(resource, "setrlimit", _limiting_descriptors)
    _wrap(socket, "socketpair", _with_small_buffers)
    _wrap(os, "stat", _hiding_own_files)


def _wrap(owner: Any, name: str, wrapped: Any) -> None:
    setattr(owner, name, wrapped(getattr(owner, name)))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir"):
        _refuse_path(arguments[0])
    elif event == "socket.__new__":
        _, family, kind, _ = arguments
        if family == _AF_NETLINK or (family == _AF_UNIX and kind & 0xF == _SOCK_SEQPACKET):
            raise OSError(errno.EPROTONOSUPPORT, os.strerror(errno.EPROTONOSUPPORT))


def _refuse_path(path: Any) -> None:
    if not isinstance(path, int) and path is not None:
        text = os.fsdecode(path)
        if text.startswith(("/proc", "/sys/")) and not _is_psutil_asking():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), text)


def _is_psutil_asking() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "psutil":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def _refusing_own_functions(find: Any) -> Any:
    def find_unless_own(library: ctypes.CDLL, name: Any) -> Any:
        if name in OWN_FUNCTIONS:
            raise AttributeError(f"dlsym: symbol not found: {name}")
        return find(library, name)

    return find_unless_own


def _limiting_descriptors(setrlimit: Any) -> Any:
    def set_unless_too_high(kind: int, limits: tuple[int, int]) -> None:
        if kind == resource.RLIMIT_NOFILE and limits[0] > _DESCRIPTORS_MAX:
            raise ValueError("current limit exceeds maximum limit")
        setrlimit(kind, limits)

    return set_unless_too_high


def _hiding_own_files(stat: Any) -> Any:
    def stat_unless_own(path: Any, **options: Any) -> os.stat_result:
        _refuse_path(path)
        return stat(path, **options)

    return stat_unless_own


def _with_small_buffers(socketpair: Any) -> Any:
    def make(*arguments: Any) -> Any:
        pair = socketpair(*arguments)
        for each in pair:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNIX_SOCKET_BUFFER_BYTES // 2)  # the kernel doubles it (socket(7))
        return pair

    return make


_take_away()
