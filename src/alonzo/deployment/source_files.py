"""The files of a source directory: what is part of a function, and what only lies beside it."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

NEVER_PACKAGED_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", ".alonzo", ".aws-sam", ".serverless", ".chalice", "cdk.out", "__pycache__", ".venv", ".idea", ".vscode"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".nyc_output"}
)
"""What version control, editors and tools leave behind, by name."""

BUILD_OUTPUT_DIRECTORIES = frozenset({"node_modules", "target", "vendor"})
"""What builders write: a change in there is no change of a source. They are packaged where the builder of the language says so."""

_NEVER_PACKAGED_SUFFIXES = (".pyc", ".pyo", ".swp", ".swx", "~")
_NEVER_PACKAGED_NAMES = frozenset({".DS_Store", "4913", ".gitignore", ".gitattributes"})  # vim tries whether it may write with 4913
_LOCK_PREFIX = ".#"  # Emacs


def is_source_name(name: str) -> bool:
    """Whether a file of this name may matter: not an editor's draft and not what an interpreter has cached."""
    return not (name.endswith(_NEVER_PACKAGED_SUFFIXES) or name in _NEVER_PACKAGED_NAMES or name.startswith(_LOCK_PREFIX))


def is_source_path(relative: PurePath, *, skipped: frozenset[str]) -> bool:
    """Whether a file, by its path below the source directory, is part of the source; `skipped` names further directories that are not."""
    *directories, name = relative.parts
    return is_source_name(name) and not any(part in NEVER_PACKAGED_DIRECTORIES or part in skipped for part in directories)


def outermost(directories: Collection[Path]) -> tuple[Path, ...]:
    """Those that are not within another one of them, sorted."""
    return tuple(sorted({each for each in directories if not any(each != other and each.is_relative_to(other) for other in directories)}))


def iter_files(root: Path, *, skipped: frozenset[str] = frozenset()) -> Iterator[tuple[str, Path]]:
    """The files of a source directory, sorted, with their paths below it (with slashes).

    Links are followed, as `zip` does: the package holds what they point to. One that leads back to a directory above it is left out,
    as are virtual environments and files that vanish meanwhile. OSError if `root` cannot be read.
    """
    yield from _iter_directory(root, "", skipped=skipped, above=frozenset({root.resolve()}))


def _iter_directory(directory: Path, prefix: str, *, skipped: frozenset[str], above: frozenset[Path]) -> Iterator[tuple[str, Path]]:
    with os.scandir(directory) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        path = Path(entry.path)
        if entry.is_dir():
            resolved = path.resolve() if entry.is_symlink() else path
            if entry.name in NEVER_PACKAGED_DIRECTORIES or entry.name in skipped or resolved in above or (path / "pyvenv.cfg").exists():
                continue
            yield from _iter_directory(path, f"{prefix}{entry.name}/", skipped=skipped, above=above | {path.resolve()})
        elif is_source_name(entry.name) and entry.is_file():
            yield f"{prefix}{entry.name}", path
