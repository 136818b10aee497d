"""The programs that a node has started ahead of their functions, found from outside."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
from tests.support.server import ROLE, Server, zip_of
from tests.support.waiting import eventually

from alonzo.guest.confine import RELEASE_DESCRIPTOR

_MARK = "_ALONZO_ASSIGNMENT_FD"

OWN_PORTS = ("AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT")
"""Variables in which no two environments on one network are alike."""

IS_PRESTARTED = f"require('fs').readFileSync('/proc/self/environ').includes('{_MARK}')"
"""JavaScript that knows whether its process was."""


def is_prestarted_environment(content: str) -> bool:
    """Whether /proc/PID/environ with this content is that of one."""
    return _MARK in content


def deploy_node(
    server: Server, name: str, source: str, *, others: dict[str, str | bytes] | None = None, file: str = "index.js", **more: Any
) -> str:
    """A function of this source, which may be invoked; its name."""
    configuration = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Role": ROLE, "Timeout": 30} | more
    server.client("lambda").create_function(FunctionName=name, Code={"ZipFile": zip_of({file: source} | (others or {}))}, **configuration)
    server.wait_until_settled(name)
    return name


def variables(**values: str) -> dict[str, Any]:
    """Of a function, as CreateFunction takes them."""
    return {"Environment": {"Variables": values}}


def find_prestarted(server: Server, *, program: str = "node") -> list[psutil.Process]:
    """Those that have no function yet."""
    is_waiting = _IS_WAITING[program]
    return [process for process in psutil.Process(server.process.pid).children(recursive=True) if is_waiting(process)]


def wait_for_prestarted(server: Server, count: int = 1, *, program: str = "node") -> list[psutil.Process]:
    """So many of them, once they are there."""
    return eventually(
        lambda: found if len(found := find_prestarted(server, program=program)) >= count else None,
        what=f"{count} programs started ahead ({program})",
        within_seconds=60,
    )


def _is_waiting(process: psutil.Process, is_program: Callable[[psutil.Process], bool]) -> bool:
    try:
        waits = Path(f"/proc/{process.pid}/fd/{RELEASE_DESCRIPTOR}").is_symlink()
        return waits and is_program(process) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


_IS_WAITING = MappingProxyType(
    {
        "node": lambda process: _is_waiting(process, lambda each: _MARK in each.environ()),
        "java": lambda process: _is_waiting(process, lambda each: each.name() == "java"),  # not executed: forked
    }
)
