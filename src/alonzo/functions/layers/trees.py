"""Layers laid over each other: one tree of several packages, as an environment has it at /opt.

A later package is above an earlier one, name by name: where both have a directory, it holds the entries of both; else the upper one's
entry alone is there. Files are hard links to those of the packages, so that a combination takes no space and shares their pages in memory.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

_DIRECTORY_MODE = 0o755
_NO_HARD_LINK = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP})


def name_of_layers(packages: Sequence[str]) -> str:
    """The name of a combination, given the SHA-256 of its packages in order: as long as theirs, and of a single one its own."""
    return packages[0] if len(packages) == 1 else hashlib.sha256("\n".join(("layers", *packages)).encode()).hexdigest()


def lay_over(sources: Sequence[Path], directory: Path) -> None:
    """Fill an empty directory with trees, each over the ones before it. Blocking: for a thread. OSError."""
    # From the top downwards: what is there already hides what comes, so that nothing is ever replaced, nor written through a link.
    for source in reversed(sources):
        _lay_under(source, directory)


def _lay_under(source: Path, directory: Path) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            target = directory / entry.name
            if entry.is_dir(follow_symlinks=False):
                if _is_open_directory(target):
                    _lay_under(Path(entry.path), target)
            elif not os.path.lexists(target):
                _link(entry.path, target)


def _is_open_directory(target: Path) -> bool:
    """Whether the entries of a lower directory show in it; made if nothing is there."""
    if os.path.lexists(target):
        return target.is_dir() and not target.is_symlink()
    target.mkdir()
    target.chmod(_DIRECTORY_MODE)
    return True


def _link(source: str, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINK:
            raise
        shutil.copy2(source, target, follow_symlinks=False)
