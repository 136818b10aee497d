"""Code, unpacked: one read-only directory for each deployment package, shared by all environments that run it.

`<root>/<SHA-256>/` is complete or not there: a package is unpacked beside and renamed into place. What a kill left half unpacked is removed
when the directories are opened. After a restart of the machine all of them go, since a rename reaches the disk before the files do; they
come back from the blob store when they are needed.
"""

import asyncio
import errno
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from alonzo.functions.errors import NoRoomForCode, ZippedCodeTooLarge
from alonzo.functions.packages import unpack
from alonzo.ids import new_hex_id
from alonzo.model import quotas
from alonzo.model.function import CodePackage
from alonzo.store.blobs import BlobStore

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_MARK = "boot-id"
_DIRECTORY_MODE = 0o755
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHA256 = re.compile(r"[0-9a-f]{64}")


class CodeDirectories:
    """Made by `open`. Directories belong to this process alone and stay until the next start."""

    def __init__(self, *, root: Path, blobs: BlobStore) -> None:
        self._root = root
        self._blobs = blobs
        self._directories: dict[str, Path] = {}
        self._turns: dict[str, _Turn] = {}

    @classmethod
    async def open(cls, *, root: Path, blobs: BlobStore) -> "CodeDirectories":
        """Find the directories of earlier runs below `root`, which is made if need be, and remove leftovers."""
        directories = cls(root=root, blobs=blobs)
        directories._directories = await asyncio.to_thread(_tidy, root)
        return directories

    def find(self, sha256: str) -> Path | None:
        """Where a package is unpacked; None if it is not (yet)."""
        return self._directories.get(sha256)

    async def ensure(self, sha256: str) -> Path:
        """The directory of a package, unpacked now if need be; callers at the same time share the work.

        `BlobNotFound`, `NoRoomForCode` and what `unpack` raises.
        """
        async with self._turn(sha256):
            directory = self._directories.get(sha256)
            if directory is None:
                directory = await self._unpack(sha256, await self._blobs.get(sha256))
        return directory

    async def admit(self, content: bytes) -> CodePackage:
        """Check a package that a caller sent, by unpacking it, and keep it: in the blob store and as a directory.

        `ZippedCodeTooLarge`, `NoRoomForCode` and what `unpack` raises; nothing is kept then.
        """
        if len(content) >= quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
            raise ZippedCodeTooLarge
        sha256 = await asyncio.to_thread(_sha256_of, content)
        async with self._turn(sha256):
            if sha256 not in self._directories:
                await self._unpack(sha256, content)
        await self._blobs.put(content)
        return CodePackage(sha256, len(content))

    async def check(self, content: bytes) -> CodePackage:
        """What `admit` would return or raise; nothing is kept."""
        if len(content) >= quotas.CODE_ZIPPED_IN_REQUEST_MAX_BYTES:
            raise ZippedCodeTooLarge
        return await asyncio.to_thread(_check, content, self._root)

    async def _unpack(self, sha256: str, content: bytes) -> Path:
        # A cancelled caller leaves the thread to finish: it removes what it made, or puts it in place for the next one.
        directory = self._root / sha256
        await asyncio.to_thread(_unpack_into_place, content, directory)
        self._directories[sha256] = directory
        return directory

    @asynccontextmanager
    async def _turn(self, sha256: str) -> AsyncIterator[None]:
        """One at a time for each package."""
        turn = self._turns.setdefault(sha256, _Turn())
        turn.holder_count += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.holder_count -= 1
            if turn.holder_count == 0:
                del self._turns[sha256]


class _Turn:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holder_count = 0


def _tidy(root: Path) -> dict[str, Path]:
    root.mkdir(parents=True, exist_ok=True)
    boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else new_hex_id(8)
    mark = root / _BOOT_MARK
    same_boot = mark.exists() and mark.read_text() == boot_id
    directories = {}
    for entry in root.iterdir():
        if same_boot and _SHA256.fullmatch(entry.name):
            directories[entry.name] = entry
        elif entry != mark:
            shutil.rmtree(entry)
    mark.write_text(boot_id)
    return directories


def _unpack_into_place(content: bytes, directory: Path) -> None:
    with _temporary_directory(directory.parent) as temporary:
        unpack(content, temporary)
        try:
            temporary.rename(directory)
        except OSError:
            if not directory.is_dir():  # if it is, the thread of a cancelled caller has been faster
                raise


def _check(content: bytes, root: Path) -> CodePackage:
    with _temporary_directory(root) as temporary:
        unpack(content, temporary)
    return CodePackage(_sha256_of(content), len(content))


@contextmanager
def _temporary_directory(root: Path) -> Iterator[Path]:
    temporary = root / f".unpacking-{new_hex_id(8)}"
    try:
        temporary.mkdir()
        temporary.chmod(_DIRECTORY_MODE)
        yield temporary
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise NoRoomForCode from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
