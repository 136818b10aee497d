"""Runs build commands: their output is kept, and shown as it is when they fail."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from alonzo.deployment.errors import BuildFailed, ToolMissing

_END_SECONDS = 2.0


def find_tool(name: str, *, needed_for: str, remedy: str) -> str:
    """The path of a program. `ToolMissing` says what it is needed for and how to get it."""
    path = shutil.which(name)
    if path is None:
        raise ToolMissing(f"{needed_for} needs {name}, and it is not on the PATH; {remedy}")
    return path


def run_command(command: Sequence[str], *, directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run it to its end and return what it printed on its standard output. `BuildFailed`.

    It has a process group of its own, which ends with us when we are interrupted: compilers and package managers start further processes.
    """
    with subprocess.Popen(  # noqa: S603 - the builders' own commands, without a shell
        command,
        cwd=directory,
        env=os.environ | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise BuildFailed(shown(command), process.returncode, _joined(output, errors))
    return output


def shown(command: Sequence[str]) -> str:
    """A command as a person would name it: the program without its directory."""
    return " ".join([Path(command[0]).name, *command[1:]])


def _joined(output: str, errors: str) -> str:
    """Compilers complain on the one or the other; what has nothing to say is left out."""
    return "\n".join(text.rstrip("\n") for text in (output, errors) if text.strip())


def _end(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
            return
