"""The root of Alonzo's errors.

Errors are facts: each class below `AlonzoError` names one thing that is so (`FunctionNotFound`, `LeaseLost`) and carries what a
reader needs to act. They live beside the code that raises them; the edge holds the one table that turns them into API errors.
"""


class AlonzoError(Exception):
    """Something that Alonzo foresees: the edge answers it with an AWS error; anything else is an internal failure (500)."""


class SetupError(AlonzoError):
    """The node cannot start or the host lacks something; the message says what to do next. For the person at the terminal."""
