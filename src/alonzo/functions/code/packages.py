"""Deployment packages: what a zip archive may be, and how it becomes a directory.

Archives come from strangers. Nothing they say of themselves is believed: sizes are counted while they are unpacked, names decide nothing
before they are checked, and links are made last, so that nothing is ever written through one. What AWS's service does not run is refused:
other methods than stored and deflated (also because their decompressors take memory without bound), encryption, devices and sockets.
Permissions become those that every user of a sandbox can read with: directories 755, files 644, or 755 if anybody may execute them.
"""

import errno
import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from alonzo.functions.errors import PackageEmpty, PackageUnreadable, UnzippedCodeTooLarge
from alonzo.model import quotas

ENTRIES_MAX = 100_000
"""Files, directories and links together. AWS names no limit; ours keeps an archive from using up a file system's inodes."""

_PATH_MAX_BYTES = 2_048  # Linux allows 4,096, and the tree lies below other directories
_DEPTH_MAX = 256  # ours: Python 3.11 walks and removes trees recursively, and gives up before 1,000
_LINK_TARGET_MAX_BYTES = 4_095
_CENTRAL_ENTRY_SIGNATURE = b"PK\x01\x02"
_CHUNK_BYTES = 256 * 1024
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_UNIX_TYPES = frozenset({0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})
_DIRECTORY_MODE, _FILE_MODE, _EXECUTABLE_MODE = 0o755, 0o644, 0o755

_BROKEN_ARCHIVE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError)
_BROKEN_ARCHIVE_IN_ZIPFILE = (*_BROKEN_ARCHIVE, NotImplementedError, RuntimeError, IndexError, KeyError, TypeError)
_LINK_IMPOSSIBLE = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP})
_EntryFacts = tuple[str, int, int, int, int, int, int, int]
_NAME_IMPOSSIBLE = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class EarlierPackage:
    """An archive that is unpacked already. Its first `shared_bytes` are those of another one, too: what lies in them are the same files."""

    content: bytes
    directory: Path
    shared_bytes: int


def unpack(content: bytes, directory: Path, *, earlier: EarlierPackage | None = None) -> int:
    """Unpack an archive into an empty directory and return how many bytes its files have.

    Files that it shares with an `earlier` package become links to that one's, which nobody writes to: thousands of them take a tenth
    of a second.

    Blocking: for a thread. `PackageEmpty`, `PackageUnreadable`, `UnzippedCodeTooLarge`, OSError; what was unpacked until then is
    left for the caller, who owns the directory, to remove.
    """
    with _open_archive(content) as archive:
        entries = archive.infolist()
        if not entries:
            raise PackageEmpty
        if sum(entry.file_size for entry in entries) >= quotas.CODE_UNZIPPED_MAX_BYTES:
            raise UnzippedCodeTooLarge
        try:
            return _Unpacking(archive, directory, shared=_shared_files(content, earlier)).run(entries)
        except OSError as error:
            if error.errno in _NAME_IMPOSSIBLE:
                raise PackageUnreadable("a name that the file system does not take") from error
            raise


def unzipped_bytes(content: bytes) -> int:
    """What the files of an archive have, by its own account: for archives that `unpack` takes, which does not believe it."""
    with _open_archive(content) as archive:
        return sum(entry.file_size for entry in archive.infolist() if stat.S_IFMT(entry.external_attr >> 16) != stat.S_IFLNK)


def _open_archive(content: bytes) -> zipfile.ZipFile:
    if not content:
        raise PackageEmpty
    # `ZipFile` makes an object of some 600 bytes of every entry before anything can be counted.
    # Signatures inside stored files (jars in a package) are counted, too, hence the factor.
    if content.count(_CENTRAL_ENTRY_SIGNATURE) > 2 * ENTRIES_MAX:
        raise PackageUnreadable("too many entries")
    try:
        return zipfile.ZipFile(BytesIO(content))
    except _BROKEN_ARCHIVE_IN_ZIPFILE as error:
        raise PackageUnreadable from error


class _Unpacking:
    """One archive on its way into one directory."""

    def __init__(self, archive: zipfile.ZipFile, root: Path, *, shared: dict[_EntryFacts, Path]) -> None:
        self._archive = archive
        self._root = root
        self._shared = shared
        self._size_bytes = 0
        self._inode_count = 0
        self._directories: set[PurePosixPath] = {PurePosixPath()}
        self._others: set[PurePosixPath] = set()
        self._links: dict[PurePosixPath, str] = {}

    def run(self, entries: list[zipfile.ZipInfo]) -> int:
        for entry in entries:
            self._unpack_entry(entry)
        self._make_links()
        return self._size_bytes

    def _unpack_entry(self, entry: zipfile.ZipInfo) -> None:
        name = _name_of(entry)
        path = _path_of(name)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in _UNIX_TYPES:
            raise PackageUnreadable(f"{name!r} is a special file")
        if name.endswith("/") or kind == stat.S_IFDIR:
            self._make_directory(path)
            return
        if path in self._others or path in self._directories:
            raise PackageUnreadable(f"{name!r} is there twice")
        self._make_directory(path.parent)
        self._count_inode()
        self._others.add(path)
        if kind == stat.S_IFLNK:
            self._links[path] = self._read_link_target(entry)
        elif not self._link_file(entry, path):
            self._write_file(entry, path)

    def _make_directory(self, path: PurePosixPath) -> None:
        missing = []
        while path not in self._directories:
            missing.append(path)
            path = path.parent
        for directory in reversed(missing):
            if directory in self._others:
                raise PackageUnreadable(f"{str(directory)!r} is a file and a directory")
            self._count_inode()
            target = self._root / directory
            target.mkdir()
            target.chmod(_DIRECTORY_MODE)
            self._directories.add(directory)

    def _link_file(self, entry: zipfile.ZipInfo, path: PurePosixPath) -> bool:
        """Whether the file is there now, as the one of the earlier package that it is."""
        source = self._shared.get(_facts_of(entry))
        if source is None:
            return False
        state = source.lstat()
        if not stat.S_ISREG(state.st_mode):
            return False
        try:
            os.link(source, self._root / path, follow_symlinks=False)
        except OSError as error:
            if error.errno in _LINK_IMPOSSIBLE:
                return False
            raise
        self._size_bytes += state.st_size
        if self._size_bytes >= quotas.CODE_UNZIPPED_MAX_BYTES:
            raise UnzippedCodeTooLarge
        return True

    def _write_file(self, entry: zipfile.ZipInfo, path: PurePosixPath) -> None:
        mode = _EXECUTABLE_MODE if (entry.external_attr >> 16) & 0o111 else _FILE_MODE
        descriptor = os.open(self._root / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file, self._open_entry(entry) as source:
            os.fchmod(descriptor, mode)
            while chunk := _read(source):
                self._size_bytes += len(chunk)
                if self._size_bytes >= quotas.CODE_UNZIPPED_MAX_BYTES:
                    raise UnzippedCodeTooLarge
                file.write(chunk)

    def _read_link_target(self, entry: zipfile.ZipInfo) -> str:
        with self._open_entry(entry) as source:
            target = _read(source, _LINK_TARGET_MAX_BYTES + 1)
        if not target or len(target) > _LINK_TARGET_MAX_BYTES or b"\0" in target or target.startswith(b"/"):
            raise PackageUnreadable(f"{entry.filename!r} is a link that leaves the package")
        return os.fsdecode(target)

    def _make_links(self) -> None:
        for path, target in self._links.items():
            (self._root / path).symlink_to(target)
        root = os.path.realpath(self._root)
        for path in self._links:
            # Only the file system knows where a link over other links ends; following it here reads nothing.
            if os.path.commonpath((root, os.path.realpath(self._root / path))) != root:
                raise PackageUnreadable(f"{str(path)!r} is a link that leaves the package")

    def _open_entry(self, entry: zipfile.ZipInfo) -> IO[bytes]:
        if entry.flag_bits & _ENCRYPTED_FLAG:
            raise PackageUnreadable(f"{entry.filename!r} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackageUnreadable(f"{entry.filename!r} is compressed with method {entry.compress_type}; use deflate")
        try:
            return self._archive.open(entry)
        except _BROKEN_ARCHIVE_IN_ZIPFILE as error:
            raise PackageUnreadable from error

    def _count_inode(self) -> None:
        self._inode_count += 1
        if self._inode_count > ENTRIES_MAX:
            raise PackageUnreadable("too many entries")


def _shared_files(content: bytes, earlier: EarlierPackage | None) -> dict[_EntryFacts, Path]:
    """Where the earlier package's files are whose bytes in the archive are the same ones at the same place."""
    if earlier is None or content[: earlier.shared_bytes] != earlier.content[: earlier.shared_bytes]:
        return {}
    with _open_archive(earlier.content) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
        ends = [*(entry.header_offset for entry in entries[1:]), archive.start_dir]
    # An entry reaches to where the next one begins, at the most.
    return {
        _facts_of(entry): earlier.directory / _path_of(_name_of(entry))
        for entry, end in zip(entries, ends, strict=True)
        if end <= earlier.shared_bytes
    }


def _facts_of(entry: zipfile.ZipInfo) -> _EntryFacts:
    """All that the archive's directory says of a file and what is made of it."""
    return (
        *(entry.orig_filename, entry.header_offset, entry.CRC, entry.compress_size, entry.file_size),
        *(entry.compress_type, entry.flag_bits, entry.external_attr),
    )


def _read(source: IO[bytes], length: int = _CHUNK_BYTES) -> bytes:
    try:
        return source.read(length)
    except _BROKEN_ARCHIVE as error:  # a checksum, a truncated stream
        raise PackageUnreadable from error


def _name_of(entry: zipfile.ZipInfo) -> str:
    """The name as the archiver meant it: without the UTF-8 flag it may still be UTF-8 (zipfile reads it as code page 437)."""
    name = entry.orig_filename
    if entry.flag_bits & _UTF8_FLAG:
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeError:
        return name


def _path_of(name: str) -> PurePosixPath:
    if "\0" in name or name.startswith("/"):
        raise PackageUnreadable(f"{name!r} is not a relative path")
    if len(name.encode(errors="replace")) > _PATH_MAX_BYTES:
        raise PackageUnreadable("a name that the file system does not take")
    path = PurePosixPath(name)
    if len(path.parts) > _DEPTH_MAX:
        raise PackageUnreadable(f"more than {_DEPTH_MAX} directories within each other")
    if ".." in path.parts:
        raise PackageUnreadable(f"{name!r} leaves the package")
    return path
