"""What can be so with a source."""

from alonzo.errors import AlonzoError


class SourceProblem(AlonzoError):
    """The source cannot be read, or the function not be invoked; the mapping shows it as `PROBLEM: ...` and it is tried again."""


class NotInvoked(AlonzoError):
    """The function has not seen the batch: throttled, not ready, gone, or no environment could be had. Safe to try again."""

    def __init__(self, reason: str, *, is_throttle: bool = False) -> None:
        super().__init__(reason)
        self.is_throttle = is_throttle


class LeaseLost(AlonzoError):
    """Another node polls the unit now, or this one can no longer tell that it is alive."""
