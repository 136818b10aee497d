"""A log event: what functions and the platform write about an invocation."""

import msgspec


class LogEvent(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """One line (or a whole message of several) and when it was written.

    A struct and not a dataclass: floods are made of them, and it is stored as it is.
    """

    unix_ms: int
    message: str
