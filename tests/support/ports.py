"""Ports for programs that must be told where to listen before they run."""

import contextlib
import socket
from pathlib import Path
from random import SystemRandom

_LOWEST = 10_000


def free_port() -> int:
    """A port that nobody listens at now, and that no connection takes later."""
    (port,) = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """As many different ones. They are none of those that the kernel gives to whoever connects (ip(7), ip_local_port_range).

    A port that `bind` chooses is one of those: until the program listens there, any connection of another test may come from it.
    """
    first_given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    random = SystemRandom()
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            listener = held.enter_context(socket.socket())
            port = random.randrange(_LOWEST, first_given)
            with contextlib.suppress(OSError):
                listener.bind(("", port))
                found.append(port)
        return found
