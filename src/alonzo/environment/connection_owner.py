"""Who owns the other end of a loopback connection: on the shared loopback, an environment's Runtime API answers that environment only.

The kernel is asked for the client's socket (sock_diag(7)); its user id tells whose it is where every sandbox has a user id of its own.
Where they share one (rootless, or no isolation), the socket must be held by a process of the sandbox's own process tree (proc(5)).
Other systems than Linux are asked for the connections of every process in that tree.
"""

import contextlib
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_PORT_OFFSET = _HEADER.size + 4
_NO_COOKIE = b"\xff" * 8
_USER_OFFSET, _INODE_OFFSET = _HEADER.size + 64, _HEADER.size + 68
_ALL_STATES = 0xFFFFFFFF

_PROCESSES_SEARCHED = 64
_DESCRIPTORS_SEARCHED = 512
"""Bounds of the search: it runs in the event loop, and the tree belongs to a function that may be hostile."""

Address = tuple[str, int]


class ConnectionCheck(Protocol):
    """Decides whether a connection may use an environment's Runtime API."""

    def admits(self, *, client: Address, server: Address) -> bool:
        """`client` and `server` are the two ends as the accepting socket sees them."""
        ...


class AnyConnection:
    """For environments with a network of their own: nobody else is there."""

    def admits(self, *, client: Address, server: Address) -> bool:
        del client, server
        return True


class OwnedByUser:
    """The client's socket must belong to the sandbox's user."""

    def __init__(self, user: int) -> None:
        self._user = user

    def admits(self, *, client: Address, server: Address) -> bool:
        owner = find_socket_owner(client=client, server=server)
        return owner is not None and owner[0] == self._user


class OwnedByProcessTree:
    """The client's socket must be open in a process that descends from `root_process`."""

    def __init__(self, root_process: Callable[[], int]) -> None:
        self._root_process = root_process

    def admits(self, *, client: Address, server: Address) -> bool:
        owner = find_socket_owner(client=client, server=server)
        return owner is not None and _tree_holds(self._root_process(), f"socket:[{owner[1]}]")


class SentByUser:
    """For datagrams: whoever has sent one must not be another user. A sender that has closed its socket cannot be asked for any more."""

    def __init__(self, user: int) -> None:
        self._user = user

    def admits(self, *, client: Address, server: Address) -> bool:
        owner = find_datagram_owner(client=client, server=server)
        return owner is None or owner[0] == self._user


class SentByProcessTree:
    """The same where sandboxes share a user: the socket must not be another process tree's."""

    def __init__(self, root_process: Callable[[], int]) -> None:
        self._root_process = root_process

    def admits(self, *, client: Address, server: Address) -> bool:
        owner = find_datagram_owner(client=client, server=server)
        return owner is None or _tree_holds(self._root_process(), f"socket:[{owner[1]}]")


class ConnectedByProcessTree:
    """The same wherever psutil runs, at the cost of a look at all processes of the machine."""

    def __init__(self, root_process: Callable[[], int]) -> None:
        self._root_process = root_process

    def admits(self, *, client: Address, server: Address) -> bool:
        root_process = self._root_process()
        if root_process == 0:
            return False  # not known yet; to macOS it is the kernel, the ancestor of all
        return any(_has_connection(process, client, server) for process in _find_tree(root_process))


def owned_by_process_tree(root_process: Callable[[], int]) -> ConnectionCheck:
    """The check by process tree that suits this system; `root_process` answers 0 while it is not known."""
    return OwnedByProcessTree(root_process) if sys.platform == "linux" else ConnectedByProcessTree(root_process)


def find_socket_owner(*, client: Address, server: Address) -> tuple[int, int] | None:
    """User id and inode of the client's IPv4 socket; None if there is none any more."""
    found = _diagnose(socket.IPPROTO_TCP, client, server)
    return None if found is None else found[1:]


def find_datagram_owner(*, client: Address, server: Address) -> tuple[int, int] | None:
    """The same for who sends datagrams. Of UDP Linux has taken the ends the other way round ever since it was added (net/ipv4/udp_diag.c);
    which socket it means is told by its port.
    """
    for one, other in ((server, client), (client, server)):
        found = _diagnose(socket.IPPROTO_UDP, one, other)
        if found is not None and found[0] == client[1]:
            return found[1:]
    return None


def _diagnose(protocol: int, client: Address, server: Address) -> tuple[int, int, int] | None:
    """Port, user id and inode of a socket."""
    ends = struct.pack("!HH", client[1], server[1]) + _padded(client[0]) + _padded(server[0])
    identity = ends + struct.pack("=I", 0) + _NO_COOKIE
    request = struct.pack("=BBBBI", socket.AF_INET, protocol, 0, 0, _ALL_STATES) + identity
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as diagnosis:
        diagnosis.sendto(header + request, (0, 0))
        answer = diagnosis.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    port = struct.unpack_from("!H", answer, _PORT_OFFSET)[0]
    return port, struct.unpack_from("=I", answer, _USER_OFFSET)[0], struct.unpack_from("=I", answer, _INODE_OFFSET)[0]


def _padded(address: str) -> bytes:
    return socket.inet_aton(address) + bytes(12)


def _tree_holds(root_process: int, wanted: str) -> bool:
    remaining = _DESCRIPTORS_SEARCHED
    for process in _iter_tree(root_process):
        with contextlib.suppress(OSError):  # the process has ended meanwhile
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                remaining -= 1
                if remaining < 0:
                    return False
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) == wanted:
                        return True
    return False


def _iter_tree(root_process: int) -> Iterator[int]:
    waiting = [root_process]
    for _ in range(_PROCESSES_SEARCHED):
        if not waiting:
            return
        process = waiting.pop(0)
        yield process
        with contextlib.suppress(OSError):
            waiting.extend(int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split())


def _find_tree(root_process: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(root_process)
        return [root, *root.children(recursive=True)][:_PROCESSES_SEARCHED]
    except psutil.Error:
        return []  # the process has ended meanwhile


def _has_connection(process: psutil.Process, client: Address, server: Address) -> bool:
    try:
        return any((each.laddr, each.raddr) == (client, server) for each in process.net_connections(kind="tcp4"))
    except psutil.Error:
        return False  # it has ended meanwhile, or belongs to another user
