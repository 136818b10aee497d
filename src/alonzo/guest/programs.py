"""Runtimes that are programs: executed in the place of the process that was confined for them."""

from __future__ import annotations

import json
import os
import socket
from typing import NoReturn

_INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"


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


def _report(runtime_api: int, problem: str) -> None:
    """As AWS reports a runtime that cannot be started: an error of INIT. The node words it, with the request that it is part of."""
    body = json.dumps({"errorType": _INVALID_ENTRYPOINT, "errorMessage": problem}).encode()
    head = (
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\n"
        f"Lambda-Runtime-Function-Error-Type: {_INVALID_ENTRYPOINT}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(fileno=runtime_api) as connection:
        connection.sendall(head.encode() + body)
        connection.recv(4096)
    os._exit(1)
