"""Counters that environments count with, kept no longer than there is an environment that does."""

from typing import TypeVar
from weakref import ref

K = TypeVar("K")
C = TypeVar("C")


def take_held(counters: dict[K, C]) -> dict[K, C]:
    """Those counters that somebody else holds, too; `counters` is empty then. To be called when all that they have counted has been taken.

    Functions come and go, and environments of a version end without anybody's being told: their counters would pile up.
    """
    references = {key: ref(counter) for key, counter in counters.items()}
    counters.clear()
    return {key: counter for key, reference in references.items() if (counter := reference()) is not None}
