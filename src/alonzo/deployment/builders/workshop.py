"""Where builders work: outside the sources, so that nothing is left there and no build looks like somebody's change.

What was installed from the same list of dependencies for the same interpreter is found again: it is kept under the hash of both.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from alonzo.deployment.commands import run_command, shown
from alonzo.ids import new_hex_id

_KEPT_OF_A_KIND = 40
"""Installed sets of dependencies that are kept; those used last."""


class Workshop:
    """Directories below one of the user's cache, and the running of commands that people are told of."""

    def __init__(self, *, directory: Path, report: Callable[[str], None]) -> None:
        self._directory = directory
        self._report = report

    def run(self, command: list[str], *, label: str, directory: Path, environment: dict[str, str] | None = None) -> str:
        """Run a build command, after saying so; what it printed on its standard output. `BuildFailed`."""
        self._report(f"{label}: {_shortened(shown(command))}")
        return run_command(command, directory=directory, environment=environment)

    def output_directory(self, *names: str) -> Path:
        """An empty directory for what a build writes, always the same for the same names."""
        directory = self._directory / "output" / _hash_of(names)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return directory

    def installed(self, kind: str, key: tuple[str, ...], install: Callable[[Path], None]) -> Path:
        """The directory that `install` fills, once for a key: a list of dependencies and what else decides what is installed.

        It is complete or not there: filled beside and renamed into place. What `install` raises.
        """
        shelf = self._directory / kind
        directory = shelf / _hash_of(key)
        if directory.is_dir():
            os.utime(directory)
            return directory
        shelf.mkdir(parents=True, exist_ok=True)
        draft = shelf / f".draft-{new_hex_id(8)}"
        draft.mkdir()
        try:
            install(draft)
            _put_in_place(draft, directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _tidy(shelf)
        return directory


def _put_in_place(draft: Path, directory: Path) -> None:
    try:
        draft.rename(directory)
    except OSError:
        if not directory.is_dir():  # if it is, another deployment has been faster
            raise


def _tidy(shelf: Path) -> None:
    kept = sorted((path for path in shelf.iterdir() if not path.name.startswith(".")), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT_OF_A_KIND:]:
        shutil.rmtree(path, ignore_errors=True)


def _hash_of(key: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]


def _shortened(command: str) -> str:
    most = 100
    return command if len(command) <= most else f"{command[:most]}..."
