"""Code, unpacked: one read-only directory for each deployment package, and one for each combination of layers, shared by all environments.

`<root>/<SHA-256>/` is complete or not there: a package is unpacked beside and renamed into place, and layers are laid over each other
likewise. What a kill left half made is removed when the directories are opened. After a restart of the machine all of them go, since a
rename reaches the disk before the files do; they come back from the blob store when they are needed.
"""

import asyncio
import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alonzo.functions.code.packages import EarlierPackage, unpack
from alonzo.functions.errors import NoRoomForCode
from alonzo.functions.layers.trees import lay_over, name_of_layers
from alonzo.functions.turns import Turns
from alonzo.ids import new_hex_id
from alonzo.model.function import CodePackage
from alonzo.store.blobs import BlobStore

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOOT_MARK = "boot-id"
_DIRECTORY_MODE = 0o755
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SharedBytes:
    """What a package has in common with one that is kept: so many bytes at the beginning of both. `content` is all of that one."""

    sha256: str
    content: bytes
    byte_count: int


class CodeDirectories:
    """Made by `open`. Directories belong to this process alone and stay until they are removed (`keeping.py`)."""

    def __init__(self, *, root: Path, blobs: BlobStore) -> None:
        self._root = root
        self._blobs = blobs
        self._names: set[str] = set()
        self._touched: set[str] = set()
        self._turns = Turns()

    @classmethod
    async def open(cls, *, root: Path, blobs: BlobStore) -> "CodeDirectories":
        """Find the directories of earlier runs below `root`, which is made if need be, and remove leftovers."""
        directories = cls(root=root, blobs=blobs)
        directories._names = await asyncio.to_thread(_tidy, root)
        return directories

    def find(self, sha256: str) -> Path | None:
        """Where a package is unpacked; None if it is not (yet)."""
        return self._find(sha256)

    async def ensure(self, sha256: str) -> Path:
        """The directory of a package, unpacked now if need be; callers at the same time share the work.

        `BlobNotFound`, `NoRoomForCode` and what `unpack` raises.
        """
        async with self._turns.of((sha256,)):
            directory = self._find(sha256)
            if directory is None:
                directory = await self._unpack(sha256, await self._blobs.get(sha256))
        return directory

    def find_layers(self, packages: Sequence[str]) -> Path | None:
        """Where packages are laid over each other; None if they are not (yet)."""
        return self._find(name_of_layers(packages))

    async def ensure_layers(self, packages: Sequence[str]) -> Path:
        """The directory of packages laid over each other, later ones above, made now if need be. Of one it is its own.

        `BlobNotFound`, `NoRoomForCode` and what `unpack` raises.
        """
        sources = [await self.ensure(sha256) for sha256 in packages]
        name = name_of_layers(packages)
        async with self._turns.of((name,)):
            directory = self._find(name)
            if directory is None:
                directory = await self._make(name, partial(lay_over, sources))
        return directory

    async def unzipped_bytes(self, sha256: str) -> int:
        """What the files of a package have. Errors: those of `ensure`."""
        return await asyncio.to_thread(_size_of_files, await self.ensure(sha256))

    async def admit(self, content: bytes, *, shared: SharedBytes | None = None) -> CodePackage:
        """Check a package that a caller sent, by unpacking it, and keep it: in the blob store and as a directory.

        `shared` says with which package it begins alike. `NoRoomForCode` and what `unpack` raises; nothing is kept then.
        """
        sha256 = await asyncio.to_thread(_sha256_of, content)
        earlier = None
        if shared is not None:
            earlier = EarlierPackage(shared.content, await self.ensure(shared.sha256), shared.byte_count)
        async with self._turns.of((sha256,)):
            if self._find(sha256) is None:
                await self._make(sha256, partial(unpack, content, earlier=earlier))
        await self._blobs.put(content)
        return CodePackage(sha256, len(content))

    def names(self) -> set[str]:
        """Of all directories."""
        return {*self._names}

    def take_touched(self) -> set[str]:
        """What has been asked for since this was called last, by name."""
        touched, self._touched = self._touched, set()
        return touched

    async def remove(self, name: str) -> None:
        """Remove a directory; not one that is not there, and not one that somebody has asked for since `take_touched`."""
        async with self._turns.of((name,)):
            if name in self._names and name not in self._touched:
                self._names.discard(name)
                await asyncio.to_thread(_remove, self._root / name)

    async def check(self, content: bytes) -> CodePackage:
        """What `admit` would return or raise; nothing is kept."""
        return await asyncio.to_thread(_check, content, self._root)

    def _find(self, name: str) -> Path | None:
        self._touched.add(name)
        return self._root / name if name in self._names else None

    async def _unpack(self, sha256: str, content: bytes) -> Path:
        return await self._make(sha256, partial(unpack, content))

    async def _make(self, name: str, fill: Callable[[Path], object]) -> Path:
        # A cancelled caller leaves the thread to finish: it removes what it made, or puts it in place for the next one.
        directory = self._root / name
        await asyncio.to_thread(_make_in_place, fill, directory)
        self._names.add(name)
        return directory


def _tidy(root: Path) -> set[str]:
    root.mkdir(parents=True, exist_ok=True)
    boot_id = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else new_hex_id(8)
    mark = root / _BOOT_MARK
    same_boot = mark.exists() and mark.read_text() == boot_id
    names = set()
    for entry in root.iterdir():
        if same_boot and _SHA256.fullmatch(entry.name):
            names.add(entry.name)
        elif entry != mark:
            shutil.rmtree(entry)
    mark.write_text(boot_id)
    return names


def _make_in_place(fill: Callable[[Path], object], directory: Path) -> None:
    with _temporary_directory(directory.parent) as temporary:
        fill(temporary)
        try:
            temporary.rename(directory)
        except OSError:
            if not directory.is_dir():  # if it is, the thread of a cancelled caller has been faster
                raise


def _remove(directory: Path) -> None:
    doomed = directory.with_name(f".removing-{new_hex_id(8)}")
    directory.rename(doomed)  # a directory under its own name is whole
    shutil.rmtree(doomed)


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


def _size_of_files(directory: Path) -> int:
    states = ((Path(path) / name).lstat() for path, _, names in os.walk(directory) for name in names)
    return sum(state.st_size for state in states if stat.S_ISREG(state.st_mode))


def _sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
