"""Programs of other languages that tests build functions with."""

import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, but fails where CI should have installed it."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI has not installed {name}")
        pytest.skip(f"{name} is not installed")
    return path
