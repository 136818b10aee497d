"""Runtimes that are programs: executed in the place of the process that was confined for them."""

from __future__ import annotations

import json
import os
import socket
from typing import NoReturn

_INVALID_ENTRYPOINT, _INVALID_WORKING_DIRECTORY = "Runtime.InvalidEntrypoint", "Runtime.InvalidWorkingDir"


def execute(commands: list[list[str]], variables: dict[str, str], *, runtime_api: int) -> NoReturn:
    """Execute the first program that is there, through the function's own wrapper if it names one; report it if that cannot be."""
    present = [command for command in commands if os.path.exists(command[0])]
    if not present:
        tried = " ".join(command[0] for command in commands)
        _report(runtime_api, f"Couldn't find valid bootstrap(s): [{tried}]")
    command = present[0] if present else commands[0]
    # Not for programs of the function's own (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html): they have no wrapper.
    wrapper = variables.get("AWS_LAMBDA_EXEC_WRAPPER") if len(commands) == 1 else None
    if wrapper is not None:
        command = [wrapper, *command]
        del variables["AWS_LAMBDA_EXEC_WRAPPER"]
    try:
        os.execve(command[0], command, variables)
    except OSError as error:
        _report(runtime_api, f"fork/exec {command[0]}: {(error.strerror or '').lower()}")
    os._exit(1)


def execute_in_image(command: list[str], variables: dict[str, str], *, directory: str, runtime_api: int) -> NoReturn:
    """Execute the entry point of a container image, whose tree is the root by now; report it if that cannot be.

    A program that is named without a directory is looked for in the image's PATH, as Docker does.
    """
    try:
        os.chdir(directory)
    except OSError as error:
        _report(runtime_api, f"chdir {directory}: {(error.strerror or '').lower()}", _INVALID_WORKING_DIRECTORY)
    if not command:
        _report(runtime_api, "Couldn't find valid bootstrap(s): []")
    program = command[0] if "/" in command[0] else _find_in_path(command[0], variables.get("PATH", ""))
    if program is None:
        _report(runtime_api, f'exec: "{command[0]}": executable file not found in $PATH')
    assert program is not None
    try:
        os.execve(program, command, variables)
    except OSError as error:
        _report(runtime_api, f"fork/exec {program}: {(error.strerror or '').lower()}")
    os._exit(1)


def _find_in_path(name: str, path: str) -> str | None:
    """Empty parts mean the working directory (environ(7)), in which Docker does not look."""
    for directory in path.split(":"):
        candidate = f"{directory}/{name}"
        if directory and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None


def _report(runtime_api: int, problem: str, kind: str = _INVALID_ENTRYPOINT) -> None:
    """As AWS reports a runtime that cannot be started: an error of INIT. The node words it, with the request that it is part of."""
    body = json.dumps({"errorType": kind, "errorMessage": problem}).encode()
    head = (
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\n"
        f"Lambda-Runtime-Function-Error-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(fileno=runtime_api) as connection:
        connection.sendall(head.encode() + body)
        connection.recv(4096)
    os._exit(1)
