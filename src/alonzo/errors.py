"""The root of Alonzo's errors.

Errors are facts: each class below `AlonzoError` names one thing that is so (`FunctionNotFound`, `LeaseLost`) and carries what a
reader needs to act. They live beside the code that raises them; the edge holds the one table that turns them into API errors.
"""


class AlonzoError(Exception):
    """Something that Alonzo foresees: the edge answers it with an AWS error; anything else is an internal failure (500)."""


class SetupError(AlonzoError):
    """The node cannot start or the host lacks something; the message says what to do next. For the person at the terminal."""


def setup_error_in(group: BaseExceptionGroup[BaseException]) -> SetupError | None:
    """The first of them, however deep. `except*` would not do: what is raised in it comes out wrapped before Python 3.12."""
    for error in group.exceptions:
        found = setup_error_in(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, SetupError):
            return found
    return None
