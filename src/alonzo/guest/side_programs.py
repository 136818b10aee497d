"""Programs that run beside the runtime, confined exactly as it is: a function's external extensions.

Init forks and executes them once the function is assigned, and goes on to hold them: it reports their ends and kills them when it is told.
"""

from __future__ import annotations

import os
from typing import Any, NoReturn

from alonzo.guest import confine, linux, processes

_FAILURE_BYTES = 4


class SidePrograms:
    """Those of one sandbox. `runtime`: the runtime's process, whose user namespace they enter; `user` as in init."""

    def __init__(self, *, runtime: int, settings: dict[str, Any], isolated: bool) -> None:
        self._runtime = runtime
        self._settings = settings
        self._isolated = isolated
        self._names: dict[int, str] = {}

    def start(self, path: str, variables: dict[str, str], log_pipe: int) -> None:
        """Execute a program; OSError if the kernel refuses it. Its name is that of its file."""
        failure_read, failure_write = os.pipe()
        process_id = os.fork()
        if process_id == 0:
            try:
                self._become(path, variables, log_pipe, failure_write)
            finally:
                os._exit(71)
        os.close(failure_write)
        with open(failure_read, "rb") as failures:
            failure = failures.read(_FAILURE_BYTES)  # nothing: executing it has closed the pipe
        if failure:
            number = int.from_bytes(failure, "big")
            raise OSError(number, os.strerror(number))
        self._names[process_id] = os.path.basename(path)

    def take_ended(self, process_id: int) -> str | None:
        """The name of a program that init has reaped; None if the process was another."""
        return self._names.pop(process_id, None)

    def kill(self, name: str) -> None:
        """SIGKILL for a program and for what is still in its process group, unless it has ended."""
        for process_id, known in self._names.items():
            if known == name:
                processes.kill_group(process_id)

    def _become(self, path: str, variables: dict[str, str], log_pipe: int, failure: int) -> NoReturn:
        try:
            failure = self._confine(log_pipe, failure)
            os.chdir("/")
            os.execve(path, [path], variables)
        except OSError as error:
            os.write(failure, (error.errno or 1).to_bytes(_FAILURE_BYTES, "big"))
        os._exit(1)

    def _confine(self, log_pipe: int, failure: int) -> int:
        """As the runtime's process (`init.py`), but that there is a user namespace to enter already. Returns where `failure` is now."""
        processes.reset_signals()
        os.setsid()
        limits = self._settings["runtime_limits"]
        if self._isolated:
            linux.write_file("/proc/self/oom_score_adj", "500")
            if not self._settings["rootless"]:
                os.setgroups([])
            linux.enter_user_namespace(self._runtime)
        failure = confine.attach_side(log_pipe, keep=failure)
        os.closerange(failure + 1, limits["descriptors"])
        confine.limit_resources(limits["descriptors"], limits["processes"] if self._isolated else None)
        if self._isolated:
            confine.give_up_privileges(self._settings["seccomp_filter"])
        return failure
