"""The runtime's process from when it is confined: it waits for its function, then becomes its runtime.

It goes on in the process that was forked from the zygote, or, where a forked process may not (`processes.py`), in a program started anew.
Either is done ahead of demand.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from alonzo.guest import confine, prestart, programs, python_bootstrap

_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from alonzo.guest import runtime_process; runtime_process.main()"
_READ_BYTES = 65_536
_INHERITED = (confine.RELEASE_DESCRIPTOR, confine.RUNTIME_API_DESCRIPTOR)


def load(modules: Sequence[str]) -> None:
    """Import what every Python runtime needs, before its function is known."""
    sys.modules["runtime_client"] = importlib.import_module("alonzo.guest.runtime_client")
    for name in modules:
        importlib.import_module(name)


def wait_and_run() -> NoReturn:
    """Wait at the release descriptor and run what comes."""
    message = receive(confine.RELEASE_DESCRIPTOR)
    if "prestart" in message:
        prestart.execute(message["prestart"])
    os.close(confine.RELEASE_DESCRIPTOR)
    if message["image"] is not None:
        programs.execute_in_image(
            message["commands"][0], message["variables"], directory=message["directory"], runtime_api=confine.RUNTIME_API_DESCRIPTOR
        )
    os.chdir(message["directory"])
    if message["commands"] is not None:
        programs.execute(message["commands"], message["variables"], runtime_api=confine.RUNTIME_API_DESCRIPTOR)
    python_bootstrap.run(message["variables"], runtime_api=confine.RUNTIME_API_DESCRIPTOR)


def receive(release: int) -> Any:
    """The next message of init: a line of JSON.

    Nothing is read beyond the line: the assignment may be behind the order to start a program ahead, which is then the one to read it.
    """
    line = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=os.dup(release)) as messages:
        while not line.endswith(b"\n"):
            waiting = messages.recv(_READ_BYTES, socket.MSG_PEEK)
            if not waiting:
                os._exit(0)  # init is gone, and this sandbox with it
            line += messages.recv(waiting.find(b"\n") + 1 or len(waiting))
    return json.loads(line)


def execute(modules: Sequence[str]) -> NoReturn:
    """Start over in a new interpreter, which does both."""
    for descriptor in _INHERITED:
        os.set_inheritable(descriptor, True)
    packages = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, packages, json.dumps(modules)])


def main() -> None:
    """Begin where `execute` has left off."""
    for descriptor in _INHERITED:
        os.set_inheritable(descriptor, False)
    load(json.loads(sys.argv[2]))
    python_bootstrap.prepare()
    wait_and_run()
