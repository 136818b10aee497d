"""What tests need of the machine: programs of other languages above all."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest


def require_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, but fails where CI should have installed it."""
    path = shutil.which(name)
    if path is None:
        give_up(f"{name} is not installed")
    return path


def completed(
    command: Sequence[str | Path], *, directory: Path | None = None, environment: dict[str, str] | None = None, timeout: float = 600.0
) -> str:
    """What a program said until it ended. AssertionError with that, if it failed. `environment`: more than the tests have."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def give_up(reason: str) -> NoReturn:
    """The machine lacks what the test needs: it is skipped, but fails where CI should have it."""
    if os.environ.get("CI"):
        pytest.fail(f"not so in CI: {reason}")
    pytest.skip(reason)
