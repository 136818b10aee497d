"""Waiting for what must become true: by asking again until a deadline, never by sleeping for a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.02, 0.25
_SHARE = 0.1


def eventually(probe: Callable[[], T | None], *, what: str, within_seconds: float = 60.0) -> T:
    """The first answer of `probe` that is true; AssertionError that names `what` if there is none in time.

    What takes long is asked for less and less often: asking costs the processor as much as what is waited for.
    """
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        answer = probe()
        if answer:
            return answer
        if waited >= within_seconds:  # this look was the last: also whoever was held up on the way here has had it
            raise AssertionError(f"{what}: not within {within_seconds} s")
        time.sleep(min(max(waited * _SHARE, _SHORTEST_SECONDS), _LONGEST_SECONDS))
