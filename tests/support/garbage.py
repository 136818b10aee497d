"""Whether things are freed when nobody has them any more, without the garbage collector.

What refers to itself waits for it: the more of that there is, the more memory it takes, and the longer the event loop stands still.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def nothing_left_of(*kinds: type) -> Iterator[None]:
    """What is made of these meanwhile is gone at the end; AssertionError if there is more than before."""
    gc.collect()
    gc.disable()
    try:
        before = _count(kinds)
        yield
        assert _count(kinds) == before
    finally:
        gc.enable()


def _count(kinds: tuple[type, ...]) -> dict[type, int]:
    present = [type(each) for each in gc.get_objects()]
    return {kind: present.count(kind) for kind in kinds}
