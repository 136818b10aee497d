"""Deployment packages: zip archives of what builders made, the same bytes for the same files.

What was installed for a function (its dependencies) changes seldom and may be large, its sources change with every save. The archive of the
former is kept: to pack again after a save costs as much as the sources do.
"""

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from alonzo.deployment.source_files import iter_files

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip archive can hold: no time of a build is in the package, so the same files have the same hash."""
_KEPT_MAX = 32
_FILE_MODE, _EXECUTABLE_MODE = 0o100644, 0o100755
_EMPTY_ARCHIVE_BYTES = 22
_LEVEL = 1
"""Of compression: packages go to a server nearby, and are unpacked there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePart:
    """The files of one directory, below `prefix` in the package ("" or "python/").

    `is_settled`: the directory does not change any more once it is there. `skipped`: names of directories that are left out.
    """

    directory: Path
    prefix: str = ""
    is_settled: bool = False
    skipped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Package:
    """An archive and its hash. Its first `kept_bytes` are those of every package with the same `kept_id`."""

    content: bytes
    kept_bytes: int = 0
    kept_id: str = ""
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", hashlib.sha256(self.content).hexdigest())

    @property
    def is_empty(self) -> bool:
        """Whether there is no file in it: an archive of nothing is its end record only."""
        return len(self.content) <= _EMPTY_ARCHIVE_BYTES

    @property
    def sha256_base64(self) -> str:
        """As Lambda's API shows it."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


class Packer:
    """Makes packages; remembers the archives of settled parts as long as it lives."""

    def __init__(self) -> None:
        self._settled: dict[tuple[PackagePart, ...], _Settled] = {}

    def pack(self, parts: Iterable[PackagePart]) -> Package:
        """One archive of all parts; of files with the same name the one of the later part is in it. OSError if one cannot be read."""
        parts = tuple(parts)
        settled = tuple(part for part in parts if part.is_settled)
        changing = {name: path for part in parts if not part.is_settled for name, path in _iter_part(part)}
        if not settled:
            return Package(_write(b"", changing))
        base = self._archive_of(settled)
        if base.names.isdisjoint(changing):
            return Package(_write(base.content, changing), base.kept_bytes, base.kept_id)
        everything = {name: path for part in settled for name, path in _iter_part(part)} | changing
        return Package(_write(b"", everything))

    def _archive_of(self, parts: tuple[PackagePart, ...]) -> "_Settled":
        if parts not in self._settled:
            files = {name: path for part in parts for name, path in _iter_part(part)}
            self._settled = {parts: _settle(files), **self._settled}
            while len(self._settled) > _KEPT_MAX:
                self._settled.popitem()
        return self._settled[parts]


@dataclass(frozen=True, slots=True)
class _Settled:
    """The archive of settled parts. `kept_bytes` of it stay when files are added: all but the directory at its end."""

    content: bytes
    names: frozenset[str]
    kept_bytes: int
    kept_id: str


def _settle(files: dict[str, Path]) -> _Settled:
    content = _write(b"", files)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        kept_bytes = archive.start_dir
    return _Settled(content, frozenset(files), kept_bytes, hashlib.sha256(content).hexdigest())


def _iter_part(part: PackagePart) -> Iterable[tuple[str, Path]]:
    return ((part.prefix + name, path) for name, path in iter_files(part.directory, skipped=part.skipped))


def _write(base: bytes, files: dict[str, Path]) -> bytes:
    """The archive `base` (empty: none) with further files."""
    buffer = io.BytesIO(base)
    with zipfile.ZipFile(buffer, "a" if base else "w") as archive:
        for name, path in files.items():
            try:
                content = path.read_bytes()
                is_executable = os.access(path, os.X_OK)
            except FileNotFoundError:
                continue  # gone between the listing and now: the next change says so
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = (_EXECUTABLE_MODE if is_executable else _FILE_MODE) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()
