"""One node per data directory.

The lock is an flock(2) on an open file that the node and its NATS server share: the server inherits the descriptor. So the lock is held
until the last of the two is gone, and a new node cannot start a second server on files that the old server still writes, whatever way
the old node died.
"""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

import msgspec

from alonzo.errors import SetupError

_PATIENCE_SECONDS = 1.0  # with a node that lives: it may be stopping
_PATIENCE_WITH_THE_DEAD_SECONDS = 15.0  # the server of a dead node is about to follow it
_POLL_SECONDS = 0.01


class DirectoryLock:
    """Held from `acquire` until `release`, or until all processes that inherited `descriptor` ended."""

    def __init__(self, *, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    async def acquire(cls, path: Path) -> "DirectoryLock":
        """Take the lock, with some patience for a holder that is about to go. `SetupError` says who holds it; `OSError`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await _wait_for_lock(descriptor, path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor=descriptor)

    def write_holder(self, *, server_pid: int) -> None:
        """Leave word who holds the lock: this process and its server."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, msgspec.json.encode(_Holder(node_pid=os.getpid(), server_pid=server_pid)), 0)

    def release(self) -> None:
        """Give the lock up; idempotent."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _Holder(msgspec.Struct, frozen=True):
    node_pid: int
    server_pid: int


async def _wait_for_lock(descriptor: int, directory: Path) -> None:
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    while not _try_lock(descriptor):
        holder = _read_holder(descriptor)
        is_orphan = holder is not None and not _is_alive(holder.node_pid)
        if loop.time() - started_at > (_PATIENCE_WITH_THE_DEAD_SECONDS if is_orphan else _PATIENCE_SECONDS):
            raise SetupError(_message(directory, holder, is_orphan=is_orphan))
        await asyncio.sleep(_POLL_SECONDS)


def _message(directory: Path, holder: _Holder | None, *, is_orphan: bool) -> str:
    if holder is None:
        return f"the data directory {directory} is in use by another node; stop it, or choose another data directory"
    if is_orphan:
        return (
            f"the nats-server (process {holder.server_pid}) of a node that is gone (process {holder.node_pid}) still uses "
            f"the data directory {directory}; end it with: kill {holder.server_pid}"
        )
    return (
        f"the data directory {directory} is in use by the node with process id {holder.node_pid}; stop it, or choose another data directory"
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(descriptor: int) -> _Holder | None:
    """None when nothing (whole) is written yet."""
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=_Holder)
    return None


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
