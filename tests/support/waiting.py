"""Waiting for what must become true: by asking again until a deadline, never by sleeping for a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_INTERVAL_SECONDS = 0.02


def eventually(probe: Callable[[], T | None], *, what: str, within_seconds: float = 60.0) -> T:
    """The first answer of `probe` that is true; AssertionError that names `what` if there is none in time."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(_INTERVAL_SECONDS)
    raise AssertionError(f"{what}: not within {within_seconds} s")
