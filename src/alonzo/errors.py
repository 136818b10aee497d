"""The root of Alonzo's errors.

Errors are facts: each class below `AlonzoError` names one thing that is so (`FunctionNotFound`, `LeaseLost`) and carries what a
reader needs to act. They live beside the code that raises them; the edge holds the one table that turns them into API errors.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class AlonzoError(Exception):
    """Something that Alonzo foresees: the edge answers it with an AWS error; anything else is an internal failure (500)."""


class SetupError(AlonzoError):
    """The node cannot start or the host lacks something; the message says what to do next. For the person at the terminal."""


@contextmanager
def setup_errors_alone() -> Iterator[None]:
    """What is raised inside task groups comes out as a `SetupError` if there is one in it, however deep; else as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        reason = _setup_error_in(group)
        if reason is None:
            raise
        raise reason from group


def _setup_error_in(group: BaseExceptionGroup[BaseException]) -> SetupError | None:
    """The first of them. `except*` would not do: what is raised in it comes out wrapped before Python 3.12."""
    for error in group.exceptions:
        found = _setup_error_in(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, SetupError):
            return found
    return None
