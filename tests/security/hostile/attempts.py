"""What the hostile functions share: trying something and telling how it went, in a form that goes through JSON."""

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

ALLOWED = "allowed"

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def attempt(action: Callable[..., Any], *arguments: Any) -> str:
    """The name of the error that an action ends with (`EPERM`), or `allowed`."""
    try:
        action(*arguments)
    except OSError as error:
        return name_of(error.errno)
    return ALLOWED


def call(number: int, *arguments: int | bytes | None) -> str:
    """The same for a system call by its number."""
    if _libc.syscall(ctypes.c_long(number), *(_as_word(argument) for argument in arguments)) >= 0:
        return ALLOWED
    return name_of(ctypes.get_errno())


def name_of(number: int | None) -> str:
    """`EPERM` for 1."""
    return errno.errorcode.get(number or 0, str(number))


def write_to(path: str) -> None:
    """Open for writing, making the file if that is allowed, and write a byte."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, b"1")
    finally:
        os.close(descriptor)


def read_from(path: str) -> None:
    """List a directory or read the beginning of a file; an empty directory counts as none."""
    if os.path.isdir(path):
        if not os.listdir(path):
            raise FileNotFoundError(errno.ENOENT, "empty")
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def _as_word(argument: int | bytes | None) -> Any:
    return argument if argument is None or isinstance(argument, bytes) else ctypes.c_long(argument)
