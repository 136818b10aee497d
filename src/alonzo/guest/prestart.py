"""Programs that are started ahead of their function: they load their client, say so, and wait to be assigned (docs/decisions/0006).

Both sides of it: init's, which waits for the program and for the node at once, and the runtime's process, which becomes the program.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from typing import Any, NoReturn

from alonzo.guest import channel, confine, java_machine

DESCRIPTOR_VARIABLE = "_ALONZO_ASSIGNMENT_FD"
"""Tells a client where to wait; it takes the variable away. It writes a line there when it is ready, and reads one with its assignment."""


def execute(order: dict[str, Any]) -> NoReturn:
    """Become the program; of its environment it gets what programs read when they start."""
    if order["java"] is not None:
        _run_java(order)
    os.set_inheritable(confine.RELEASE_DESCRIPTOR, True)
    variables = order["variables"] | {DESCRIPTOR_VARIABLE: str(confine.RELEASE_DESCRIPTOR)}
    try:
        os.execve(order["command"][0], order["command"], variables)
    finally:
        os._exit(1)  # init sees the socket's other end close


def _run_java(order: dict[str, Any]) -> NoReturn:
    os.close(confine.RUNTIME_API_DESCRIPTOR)  # for runtimes that know of it
    os.chdir(order["directory"])  # a machine notes where it was started
    java_machine.run(order, _exchange)


def _exchange() -> tuple[dict[str, str], str, str]:
    """Say that this process is ready, and read its assignment: variables, directory, handler."""
    with socket.socket(fileno=confine.RELEASE_DESCRIPTOR) as release:
        with contextlib.suppress(ConnectionError):  # the assignment has come already, and nobody waits for the word any more
            release.sendall(b"\n")
        with release.makefile("rb") as messages:
            line = messages.readline()
    if not line.endswith(b"\n"):
        os._exit(0)  # init is gone, and this sandbox with it
    message = json.loads(line)
    return message["variables"], message["directory"], message["commands"][0][-1]


def wait_for_assignment(control: socket.socket, release: socket.socket) -> dict[str, Any] | None:
    """The assignment, which may come before the program is ready; None when the node has let go. OSError: the program has ended."""
    poll = select.poll()  # not select(): a descriptor may be above 1,023
    poll.register(control, select.POLLIN)
    poll.register(release, select.POLLIN)
    while True:
        readable = {descriptor for descriptor, _ in poll.poll()}
        if control.fileno() in readable:
            return channel.receive(control)[0]
        if not release.recv(1):
            raise OSError("the program that was started ahead has ended")
        channel.send(control, {"started": True})
