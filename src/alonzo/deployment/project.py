"""What is deployed and watched: a directory of functions (`directory_project.py`) or a template (`stack_project.py`)."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Report = Callable[[str], None]
"""Takes what happens, a line each, for the person at the terminal."""


class Project(Protocol):
    """Both kinds. Methods raise `DeploymentError` and its kinds, and botocore's errors; then what was live stays so."""

    def deploy(self) -> None:
        """Bring everything to the server as it is now, and say what is there."""

    def watched(self) -> tuple[Path, ...]:
        """The directories and files in which changes matter; another answer after `deploy` or `apply` is possible."""

    def apply(self, changed: frozenset[Path]) -> None:
        """Make live what these files change: nothing if they do not matter."""


def described(changed: frozenset[Path], base: Path) -> str:
    """`app.py changed` for people; of many files the first and how many more."""
    there = [path for path in changed if path.exists()]  # editors write drafts and rename them
    names = sorted(path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path) for path in there or changed)
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} {'changed' if there else 'deleted'}"


def sized(byte_count: int) -> str:
    """A size as people read it."""
    if byte_count < 1_000:  # noqa: PLR2004
        return f"{byte_count} bytes"
    return f"{byte_count / 1e3:.1f} KB" if byte_count < 1_000_000 else f"{byte_count / 1e6:.1f} MB"  # noqa: PLR2004
