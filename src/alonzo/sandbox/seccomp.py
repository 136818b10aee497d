"""The system call filter of sandboxes, as a classic BPF program.

A deny list, closed towards the future: calls that reach the kernel's administration, other processes' memory or namespaces are refused,
and so is every call newer than the list. What they answer is what a kernel without the feature would (EPERM or ENOSYS), so that libraries
take their fallbacks. Sources: seccomp(2), Linux's syscall tables, and the default profile of Docker as the yardstick of what ordinary
programs need.
"""

import errno
import struct

from alonzo.errors import SetupError

_LOAD, _EQUAL, _GREATER_OR_EQUAL, _BITS_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_X32_BIT = 0x40000000

_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_FIRST_UNKNOWN = 463
"""One past mseal (6.10). Both architectures number alike from 424 on."""

_NEW_NAMESPACES = 0x7E020080
"""CLONE_NEW*: time, mount, cgroup, UTS, IPC, user, PID, network (clone(2), unshare(2))."""

_REFUSED_ON_BOTH = {
    425: "io_uring_setup",
    426: "io_uring_enter",
    427: "io_uring_register",
    428: "open_tree",
    429: "move_mount",
    430: "fsopen",
    431: "fsconfig",
    432: "fsmount",
    433: "fspick",
    438: "pidfd_getfd",
    442: "mount_setattr",
    443: "quotactl_fd",
    457: "statmount",
    458: "listmount",
}

_REFUSED = {
    "x86_64": {
        101: "ptrace", 103: "syslog", 134: "uselib", 135: "personality", 136: "ustat", 139: "sysfs", 153: "vhangup", 155: "pivot_root",
        159: "adjtimex", 161: "chroot", 163: "acct", 164: "settimeofday", 165: "mount", 166: "umount2", 167: "swapon", 168: "swapoff",
        169: "reboot", 170: "sethostname", 171: "setdomainname", 172: "iopl", 173: "ioperm", 175: "init_module", 176: "delete_module",
        179: "quotactl", 180: "nfsservctl", 212: "lookup_dcookie", 227: "clock_settime", 246: "kexec_load", 248: "add_key",
        249: "request_key", 250: "keyctl", 256: "migrate_pages", 272: "unshare", 279: "move_pages", 298: "perf_event_open",
        300: "fanotify_init", 303: "name_to_handle_at", 304: "open_by_handle_at", 305: "clock_adjtime", 308: "setns",
        310: "process_vm_readv", 311: "process_vm_writev", 312: "kcmp", 313: "finit_module", 320: "kexec_file_load", 321: "bpf",
        323: "userfaultfd",
    },
    "aarch64": {
        18: "lookup_dcookie", 39: "umount2", 40: "mount", 41: "pivot_root", 42: "nfsservctl", 51: "chroot", 58: "vhangup",
        60: "quotactl", 89: "acct", 92: "personality", 97: "unshare", 104: "kexec_load", 105: "init_module", 106: "delete_module",
        112: "clock_settime", 116: "syslog", 117: "ptrace", 142: "reboot", 161: "sethostname", 162: "setdomainname",
        170: "settimeofday", 171: "adjtimex", 217: "add_key", 218: "request_key", 219: "keyctl", 224: "swapon", 225: "swapoff",
        238: "migrate_pages", 239: "move_pages", 241: "perf_event_open", 262: "fanotify_init", 264: "name_to_handle_at",
        265: "open_by_handle_at", 266: "clock_adjtime", 268: "setns", 270: "process_vm_readv", 271: "process_vm_writev", 272: "kcmp",
        273: "finit_module", 280: "bpf", 282: "userfaultfd", 294: "kexec_file_load",
    },
}  # fmt: skip

_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_SOCKET = {"x86_64": 41, "aarch64": 198}
_SOCKETPAIR = {"x86_64": 53, "aarch64": 199}
_IOCTL = {"x86_64": 16, "aarch64": 29}

_SOCKET_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; no packet, vsock, crypto or Bluetooth sockets."""
_INTERNET_FAMILIES = (2, 10)
_INTERNET_PROTOCOLS = (0, 1, 6, 17, 58, 262)
"""The default, ICMP (ping sockets), TCP, UDP, ICMPv6, MPTCP (Go's default); no SCTP, DCCP or L2TP, whose modules the kernel would load."""
_NETLINK_FAMILY = 16
_NETLINK_PROTOCOLS = (0,)
"""NETLINK_ROUTE, through which C libraries list interfaces; not the kernel's other services, such as netfilter, xfrm or the socket list."""

_REFUSED_IOCTLS = (
    0x5412,  # TIOCSTI types into a terminal
    0x541C,  # TIOCLINUX
    0x401C5820,  # FS_IOC_FSSETXATTR
)


_SETNS = {"x86_64": 308, "aarch64": 268}


def filter_program(machine: str, *, joins_namespaces: bool = False) -> bytes:
    """The filter for `platform.machine()`'s name of an architecture; raises SetupError for one that it has no table of.

    `joins_namespaces` allows setns(2) and nothing else of the kind: it leads only to namespaces that somebody has made for this user.
    """
    if machine not in _AUDIT_ARCHITECTURE:
        raise SetupError(f"there is no system call filter for {machine}; run with --isolation process")
    refused = sorted((_REFUSED[machine] | _REFUSED_ON_BOTH).keys() - ({_SETNS[machine]} if joins_namespaces else set()))
    return b"".join(
        [
            _instruction(_LOAD, _ARCHITECTURE_OFFSET),
            _instruction(_EQUAL, _AUDIT_ARCHITECTURE[machine], on_true=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER_OFFSET),
            *_answer_if(_GREATER_OR_EQUAL, _X32_BIT, errno.ENOSYS),
            *_answer_if(_GREATER_OR_EQUAL, _FIRST_UNKNOWN, errno.ENOSYS),
            # Its flags are behind a pointer that a filter cannot follow; without it, C libraries use clone.
            *_answer_if(_EQUAL, _CLONE3, errno.ENOSYS),
            *(part for number in refused for part in _answer_if(_EQUAL, number, errno.EPERM)),
            *_only_if_call(_CLONE[machine], _with_argument(0, _answer_if(_BITS_SET, _NEW_NAMESPACES, errno.EPERM))),
            *_only_if_call(_SOCKET[machine], _socket_rules()),
            # It reaches a family's code, and has the kernel load it, as socket() does.
            *_only_if_call(_SOCKETPAIR[machine], _with_argument(0, _answer_unless(_SOCKET_FAMILIES, errno.EAFNOSUPPORT))),
            *_only_if_call(
                _IOCTL[machine],
                _with_argument(1, [part for request in _REFUSED_IOCTLS for part in _answer_if(_EQUAL, request, errno.EPERM)]),
            ),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _socket_rules() -> list[bytes]:
    """For socket(family, type, protocol)."""
    protocols = [(family, _INTERNET_PROTOCOLS) for family in _INTERNET_FAMILIES] + [(_NETLINK_FAMILY, _NETLINK_PROTOCOLS)]
    rules = _answer_unless(_SOCKET_FAMILIES, errno.EAFNOSUPPORT)
    for family, allowed in protocols:
        check = [_load_argument(2), *_answer_unless(allowed, errno.EPROTONOSUPPORT), _load_argument(0)]
        rules += [_instruction(_EQUAL, family, on_false=len(check)), *check]
    return _with_argument(0, rules)


def _instruction(code: int, operand: int, *, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, on_true, on_false, operand)


def _answer_if(comparison: int, operand: int, error: int) -> list[bytes]:
    return [_instruction(comparison, operand, on_false=1), _instruction(_RETURN, _ERRNO | error)]


def _answer_unless(allowed: tuple[int, ...], error: int) -> list[bytes]:
    count = len(allowed)
    tests = [_instruction(_EQUAL, value, on_true=count - index) for index, value in enumerate(allowed)]
    return [*tests, _instruction(_RETURN, _ERRNO | error)]


def _with_argument(index: int, rest: list[bytes]) -> list[bytes]:
    return [_load_argument(index), *rest, _instruction(_LOAD, _NUMBER_OFFSET)]


def _load_argument(index: int) -> bytes:
    """Its lower 32 bits, which is all that the kernel looks at in those that are compared here."""
    return _instruction(_LOAD, _ARGUMENTS_OFFSET + 8 * index)


def _only_if_call(number: int, body: list[bytes]) -> list[bytes]:
    return [_instruction(_EQUAL, number, on_false=len(body)), *body]
