"""Layers of an image laid over each other: how tar files from strangers become one directory.

Nothing is ever written through a link that leaves the tree: the directory that an entry is in is found name by name, and links on the way
are followed as they will be where the tree is the root, absolute ones and `..` included. The tree belongs to whoever unpacks; of an entry's
permissions the nine of read, write and execute are kept, and the owner's own to read. Devices, FIFOs and sockets are left out: sandboxes
have a /dev of their own. Owners, extended attributes and capabilities of files mean nothing to a sandbox and are not kept.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md; what it leaves open is done as containerd does it.
"""

import os
import shutil
import stat
import tarfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from alonzo.images.errors import ImageInvalid
from alonzo.images.streams import BROKEN_TAR, CHUNK_BYTES, ForwardFile, LayerStream

ENTRIES_MAX = 500_000
"""Of all layers. AWS names no limit; ours keeps an image from using up a file system's inodes."""

_WHITEOUT, _OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_LINKS_MAX = 40  # as the kernel: path_resolution(7)
_LINK_TARGET_MAX_BYTES = 4_095
_DEPTH_MAX = 256  # Python 3.11 removes trees recursively, and gives up before 1,000
_NAME_MAX_BYTES = 4_096
_DIRECTORY_MODE, _OWNER_WALKS, _OWNER_READS = 0o755, 0o700, 0o400
_PERMISSIONS = 0o777
_SPECIAL = frozenset({tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE})
_MOUNT_POINTS = ("proc", "dev", "tmp", "etc")
_MOUNTED_FILES = ("etc/hosts", "etc/resolv.conf")

RealPath = tuple[str, ...]
"""Names of directories below the root none of which is a link, and perhaps one of something else at the end."""


class ImageTree:
    """The tree of one image, in a directory that is empty at first. Blocking: for a thread."""

    def __init__(self, root: Path, *, max_bytes: int, max_entries: int = ENTRIES_MAX) -> None:
        self._root = str(root)
        self._bytes_left = max_bytes
        self._entries_left = max_entries
        self._known: dict[RealPath, RealPath] = {}
        """Directories that have been found, until something that is no file goes: half of all look-ups are of the last one."""
        self._of_layer: set[RealPath] = set()
        """What the layer that is being applied has made or changed itself."""

    def apply(self, layer: LayerStream) -> None:
        """Lay one more layer over the tree. `ImageInvalid`, OSError; what is there until then is for the caller to remove."""
        self._of_layer = set()
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", ForwardFile(layer)), mode="r:") as archive:
                while (entry := archive.next()) is not None:
                    self._apply_entry(archive, entry)
                    cast("Any", archive).members.clear()  # of half a million each takes a kilobyte
        except tarfile.ReadError as error:
            if str(error) == "empty file":
                return
            raise ImageInvalid(f"a layer is no tar file: {error}") from error
        except BROKEN_TAR as error:
            raise ImageInvalid(f"a layer is no tar file: {error}") from error

    def finish(self) -> None:
        """Make the places on which sandboxes mount what is their own: nobody can when the tree is read-only."""
        for name in _MOUNT_POINTS:
            if not stat.S_ISDIR(self._mode_of((name,))):
                self._remove((name,))
                os.mkdir(self._path((name,)), _DIRECTORY_MODE)
        for name in _MOUNTED_FILES:
            path = tuple(name.split("/"))
            if not stat.S_ISREG(self._mode_of(path)):
                self._remove(path)
                os.close(os.open(self._path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))

    def _apply_entry(self, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        names = _names_of(entry.name)
        if not names:
            return  # the root itself
        *parents, name = names
        if name.startswith(_WHITEOUT):
            self._white_out(parents, name)
            return
        if entry.type in _SPECIAL:
            return
        self._count_entry()
        path = (*self._make_directories(parents), name)
        if len(path) > _DEPTH_MAX:
            raise ImageInvalid(f"more than {_DEPTH_MAX} directories within each other")
        if entry.isdir():
            self._make_directory(path, entry)
        elif entry.issym():
            self._make_link(path, entry)
        elif entry.islnk():
            self._make_hard_link(path, entry)
        elif entry.isfile():
            self._make_file(path, archive, entry)
        else:
            raise ImageInvalid(f"{entry.name!r} is of a kind that is not known")
        self._of_layer.update(path[:count] for count in range(1, len(path) + 1))

    def _make_directory(self, path: RealPath, entry: tarfile.TarInfo) -> None:
        target = self._path(path)
        if not stat.S_ISDIR(self._mode_of(path)):
            self._remove(path)
            os.mkdir(target)
        os.chmod(target, entry.mode & _PERMISSIONS | _OWNER_WALKS)

    def _make_link(self, path: RealPath, entry: tarfile.TarInfo) -> None:
        if not entry.linkname or len(os.fsencode(entry.linkname)) > _LINK_TARGET_MAX_BYTES:
            raise ImageInvalid(f"{entry.name!r} is a link to nothing")
        self._remove(path)
        os.symlink(entry.linkname, self._path(path))

    def _make_hard_link(self, path: RealPath, entry: tarfile.TarInfo) -> None:
        *parents, name = _names_of(entry.linkname) or ("",)
        directory = self._find_directory(parents)
        source = None if directory is None else (*directory, name)
        kind = 0 if source is None or not name else self._mode_of(source)
        if source is None or not (stat.S_ISREG(kind) or stat.S_ISLNK(kind)):
            raise ImageInvalid(f"{entry.name!r} is a link to {entry.linkname!r}, which is not in the image")
        if source == path:
            return
        self._remove(path)
        os.link(self._path(source), self._path(path), follow_symlinks=False)

    def _make_file(self, path: RealPath, archive: tarfile.TarFile, entry: tarfile.TarInfo) -> None:
        self._remove(path)
        mode = entry.mode & _PERMISSIONS | _OWNER_READS
        descriptor = os.open(self._path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        source = archive.extractfile(entry)
        assert source is not None
        with os.fdopen(descriptor, "wb", buffering=0) as file, source:
            left = entry.size
            while left > 0:
                chunk = source.read(min(left, CHUNK_BYTES))
                if not chunk:
                    raise ImageInvalid("a layer is cut off")
                left -= len(chunk)
                self._count_bytes(len(chunk))
                _write_all(file, chunk)
            os.fchmod(descriptor, mode)
            _set_time(descriptor, entry)

    def _white_out(self, parents: Sequence[str], name: str) -> None:
        """Lower layers' only: what the layer has brought itself stays, in whatever order it comes."""
        self._count_entry()
        directory = self._find_directory(parents)
        if name == _OPAQUE:
            if directory is not None:
                self._empty(directory)
            return
        hidden = name.removeprefix(_WHITEOUT)
        if name.startswith(_AUFS):
            return  # aufs's own, of which nothing is part of an image
        if hidden in ("", ".", ".."):
            raise ImageInvalid(f"{name!r} hides nothing")
        if directory is not None and (*directory, hidden) not in self._of_layer:
            self._remove((*directory, hidden))

    def _empty(self, directory: RealPath) -> None:
        for name in os.listdir(self._path(directory)):
            path = (*directory, name)
            if path not in self._of_layer:
                self._remove(path)
            elif stat.S_ISDIR(self._mode_of(path)):
                self._empty(path)

    def _make_directories(self, names: Sequence[str]) -> RealPath:
        found = self._resolve(names, make=True)
        assert found is not None
        return found

    def _find_directory(self, names: Sequence[str]) -> RealPath | None:
        return self._resolve(names, make=False)

    def _resolve(self, names: Sequence[str], *, make: bool) -> RealPath | None:
        """Where a directory really is, seen from within; with `make` what is missing is made, else None."""
        key = tuple(names)
        known = self._known.get(key)
        if known is not None:
            return known
        waiting, real, links_left = deque(names), list[str](), _LINKS_MAX
        while waiting:
            name = waiting.popleft()
            if name in ("", "."):
                continue
            if name == "..":
                del real[-1:]
                continue
            path = (*real, name)
            mode = self._mode_of(path)
            if stat.S_ISLNK(mode):
                links_left -= 1
                if links_left < 0:
                    raise ImageInvalid(f"{'/'.join(names)!r} has too many links in it")
                target = os.readlink(self._path(path))
                if target.startswith("/"):
                    real.clear()
                waiting.extendleft(reversed(target.split("/")))
                continue
            if not stat.S_ISDIR(mode):
                if mode:
                    raise ImageInvalid(f"{'/'.join(path)!r} is a file and a directory")
                if not make:
                    return None
                self._count_entry()
                if len(path) > _DEPTH_MAX:
                    raise ImageInvalid(f"more than {_DEPTH_MAX} directories within each other")
                os.mkdir(self._path(path), _DIRECTORY_MODE)
            real.append(name)
        self._known[key] = found = tuple(real)
        return found

    def _remove(self, path: RealPath) -> None:
        mode = self._mode_of(path)
        if mode and not stat.S_ISREG(mode):
            self._known.clear()
        if stat.S_ISDIR(mode):
            shutil.rmtree(self._path(path))
        elif mode:
            os.unlink(self._path(path))

    def _mode_of(self, path: RealPath) -> int:
        """0: there is nothing."""
        try:
            return os.lstat(self._path(path)).st_mode
        except FileNotFoundError:
            return 0

    def _path(self, path: RealPath) -> str:
        return "/".join((self._root, *path))

    def _count_entry(self) -> None:
        self._entries_left -= 1
        if self._entries_left < 0:
            raise ImageInvalid("it has too many files")

    def _count_bytes(self, count: int) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise ImageInvalid("uncompressed it is larger than 10 GB")


def _names_of(name: str) -> list[str]:
    """The names that a path consists of; absolute ones are meant from the image's root."""
    if "\0" in name or len(os.fsencode(name)) > _NAME_MAX_BYTES:
        raise ImageInvalid("a name that the file system does not take")
    names = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in names:
        raise ImageInvalid(f"{name!r} leaves the image")
    return names


def _write_all(file: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _set_time(descriptor: int, entry: tarfile.TarInfo) -> None:
    """Python tells by it whether its compiled files are those of their sources."""
    try:
        os.utime(descriptor, (entry.mtime, entry.mtime))
    except (OverflowError, ValueError, OSError):
        return  # a time that no file can have
