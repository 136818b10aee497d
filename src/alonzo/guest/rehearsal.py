"""What every sandbox does first, done some times over by the zygote before it forks any.

A page that is written to after a fork is copied, and running Python writes: to the reference counts of the names that an instruction looks
up, to what classes remember of each other. An instruction that has been met some times looks nothing up by name any more (PEP 659), a class
that has been asked once need not ask again. What is done here leaves nothing behind but that.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import random
import socket
import sys
import time

from alonzo.guest import channel, linux, python_bootstrap, runtime_process

_ROUNDS = 20
"""An instruction is met sixteen times before it is settled: eight calls of its function, and a few of its own."""

_MISSING = "module_that_is_not_there"
_SIMPLE = "alonzo.guest.steps"
"""A module that no sandbox needs, to be loaded."""


def rehearse() -> None:
    """Leaves this process as it was, but for its streams: they are those of a runtime."""
    for _ in range(_ROUNDS):
        _pass_messages()
        _pass_lines()
        _open_files()
        _set_variables()
        _import_modules()
    _open_streams()


def _pass_messages() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel.send(ours, {"op": "rehearse", "number": 1, "ready": True}, [ours.fileno()])
        _, descriptors = channel.receive(theirs)
        for descriptor in descriptors:
            os.close(descriptor)


def _pass_lines() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(json.dumps({"directory": "/", "variables": {"NAME": "value"}, "commands": None}).encode() + b"\n")
    runtime_process.receive(theirs.fileno())
    ours.close()
    theirs.close()


def _open_files() -> None:
    linux.write_file(os.devnull, "1")
    with open(os.devnull, "rb") as file:
        os.fstat(file.fileno())
    os.path.isdir("/")
    os.statvfs("/")


def _set_variables() -> None:
    before = dict(os.environ)
    for name in list(os.environ):
        del os.environ[name]
    os.environ.update(before)
    time.tzset()
    random.seed()


def _import_modules() -> None:
    importlib.util.find_spec(_MISSING)
    importlib.import_module("json")
    package, _, name = _SIMPLE.rpartition(".")
    importlib.import_module(_SIMPLE)
    del sys.modules[_SIMPLE]
    delattr(sys.modules[package], name)


def _open_streams() -> None:
    """As the runtime's process will find its descriptors: an empty input, and a pipe to write to."""
    kept = [os.dup(number) for number in range(3)]
    null, (read, write) = os.open(os.devnull, os.O_RDONLY), os.pipe()
    try:
        for number, descriptor in enumerate((null, write, write)):
            os.dup2(descriptor, number)
        python_bootstrap.prepare()
    finally:
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
        for descriptor in (*kept, null, read, write):
            os.close(descriptor)
