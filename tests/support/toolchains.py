"""What tests need of the machine: programs of other languages above all."""

import os
import shutil
from typing import NoReturn

import pytest


def require_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, but fails where CI should have installed it."""
    path = shutil.which(name)
    if path is None:
        give_up(f"{name} is not installed")
    return path


def give_up(reason: str) -> NoReturn:
    """The machine lacks what the test needs: it is skipped, but fails where CI should have it."""
    if os.environ.get("CI"):
        pytest.fail(f"not so in CI: {reason}")
    pytest.skip(reason)
