"""SnapStart by fork, in the runtime: after INIT it is the template of its function's environments, which are forked from it.

Runs as the function's user, between the hooks before the snapshot and those after the restore, in place of awslambdaric's own wait at
`restore/next`. What would be broken or shared in a child is looked for first; if there is any of it, the process itself is restored, once.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import signal
import socket
import stat
import sys
import warnings
from typing import Any

from alonzo.guest import confine, linux

_OWN_DESCRIPTORS = frozenset((0, 1, 2, confine.CLONES_DESCRIPTOR, confine.RUNTIME_API_DESCRIPTOR, confine.TELEMETRY_DESCRIPTOR))
_STATELESS_DEVICES = frozenset(("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"))
_RIGHTS = 6
_AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def is_wanted() -> bool:
    """Whether this process is in a sandbox that may be cloned."""
    try:
        return stat.S_ISSOCK(os.fstat(confine.CLONES_DESCRIPTOR).st_mode)
    except OSError:
        return False


class Template:
    """Of one runtime. `client`: the module under awslambdaric, which has the connection to the Runtime API."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def wait(self) -> None:
        """Return when this process is restored, or in a clone when that one is."""
        with socket.socket(fileno=confine.CLONES_DESCRIPTOR) as control:
            control.send(b"s" + _find_obstacle().encode("utf-8", "backslashreplace"))
            self._client.ask_restore()
            if self._serve(control):
                return
        # In a clone, which asks for itself.
        self._client.ask_restore()
        self._client.take_restore()

    def report_error(self, error: Any) -> None:
        """A hook has failed after the restore; `error` as awslambdaric describes it."""
        self._client.report_restore_error(_AFTER_RESTORE_ERROR, json.dumps(error, default=str).encode())

    def _serve(self, control: socket.socket) -> bool:
        """True when this process has its answer from the Runtime API; False in a clone."""
        # Children must not set off what the function may do at the end of its own.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        poll = select.poll()
        poll.register(confine.RUNTIME_API_DESCRIPTOR, select.POLLIN)
        poll.register(control, select.POLLIN)
        try:
            while True:
                readable = {descriptor for descriptor, _ in poll.poll()}
                if confine.RUNTIME_API_DESCRIPTOR in readable:
                    self._client.take_restore()
                    return True
                rights = _receive_rights(control)
                if rights is None:
                    poll.unregister(control)
                elif _fork(rights):
                    self._client.start_over()
                    return False
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fork(rights: list[int]) -> bool:
    """Whether this is the clone. Its parent is process 1 of the sandbox: the process between it and the template ends at once."""
    try:
        if len(rights) != _RIGHTS:
            return False
        process = _quiet_fork()
        if process == 0:
            with socket.socket(fileno=os.dup(rights[0])) as messages:
                _ask(messages)  # to be moved to the clone's control groups: what the second fork needs belongs to these
                if _quiet_fork() != 0:
                    os._exit(0)
                _ask(messages)
            try:
                _become_environment(*rights[1:])
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(71)
            return True
        os.waitpid(process, 0)
        return False
    finally:
        for descriptor in rights:
            os.close(descriptor)


def _ask(messages: socket.socket) -> None:
    messages.send(b"me")
    if messages.recv(16) != b"go":
        os._exit(71)


def _become_environment(log_pipe: int, runtime_api: int, user: int, mount: int, ipc: int) -> None:
    confine.attach_environment(log_pipe=log_pipe, runtime_api=runtime_api)
    directory = os.getcwd()
    linux.join_namespace(user, linux.CLONE_NEWUSER)
    linux.join_namespace(mount, linux.CLONE_NEWNS)
    linux.join_namespace(ipc, linux.CLONE_NEWIPC)
    confine.give_up_namespace_privileges()
    os.chdir(directory)
    _reopen_files()
    _reseed()


def _reopen_files() -> None:
    """Files that were open at the snapshot: from here on at a place of this process's own, and those in /tmp are the clone's."""
    for descriptor in _list_descriptors() - _OWN_DESCRIPTORS:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if path in _STATELESS_DEVICES or not path.startswith("/"):
            continue
        flags = linux.get_status_flags(descriptor)
        is_inheritable = os.get_inheritable(descriptor)
        reopened = os.open(path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC))
        if stat.S_ISREG(os.fstat(reopened).st_mode):
            os.lseek(reopened, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
        os.dup2(reopened, descriptor, inheritable=is_inheritable)
        os.close(reopened)


def _reseed() -> None:
    """Python's `random` does it after each fork, `uuid`, `secrets` and OpenSSL (3.0, 1.1.1) ask the kernel or note the fork themselves."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed()


# What is in the way.


def _find_obstacle() -> str:
    """Why children of this process would not be what they should; "" if they are."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    linux.flush_streams()
    # Libraries that know of forks end their threads before one and start them again when they need them: OpenBLAS does.
    process = _quiet_fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    obstacle = _find_thread() or _find_timer() or _find_shared_memory() or _find_descriptor()
    if not obstacle:
        gc.collect()
        gc.freeze()  # a collection in a clone does not touch, and copy, the pages of what is there by now
    return obstacle


def _quiet_fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, which are looked for below
        return os.fork()


def _find_thread() -> str:
    count = len(os.listdir("/proc/self/task"))
    return f"it has {count} threads" if count > 1 else ""


def _find_timer() -> str:
    return "it has set a timer" if any(signal.getitimer(timer) != (0.0, 0.0) for timer in _TIMERS) else ""


def _find_shared_memory() -> str:
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            _, permissions, *_, path = line.rstrip(b"\n").split(None, 5)
            if permissions.endswith(b"s") and b"w" in permissions:
                return f"it shares memory ({path.decode('utf-8', 'backslashreplace')})"
    return ""


def _find_descriptor() -> str:
    for descriptor in sorted(_list_descriptors() - _OWN_DESCRIPTORS):
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if not _can_be_reopened(descriptor, path):
            return f"it has opened {path.partition(':[')[0]}"
    return ""


def _can_be_reopened(descriptor: int, path: str) -> bool:
    if path in _STATELESS_DEVICES:
        return True
    status = os.fstat(descriptor)
    if not path.startswith("/") or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return False
    try:
        named = os.stat(path)
    except OSError:
        return False  # deleted
    return (named.st_dev, named.st_ino) == (status.st_dev, status.st_ino)


def _list_descriptors() -> set[int]:
    # Listed among them is the one of the listing, which is closed by then.
    return {descriptor for descriptor in map(int, os.listdir("/proc/self/fd")) if os.path.lexists(f"/proc/self/fd/{descriptor}")}


def _receive_rights(control: socket.socket) -> list[int] | None:
    """The descriptors of a message; None when there is no more."""
    descriptors: array.array[int] = array.array("i")
    message, rights, _, _ = control.recvmsg(16, socket.CMSG_SPACE(8 * descriptors.itemsize))
    for level, kind, content in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return descriptors.tolist() if message else None
