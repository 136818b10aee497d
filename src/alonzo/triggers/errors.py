"""What can be in the way between an event and its target."""

from alonzo.errors import AlonzoError


class DeliveryFailed(AlonzoError):
    """The target did not take the event. `code`: the word for it that a dead-letter queue is told."""

    def __init__(self, message: str, *, code: str, is_worth_retrying: bool) -> None:
        super().__init__(message)
        self.code = code
        self.is_worth_retrying = is_worth_retrying


class InvalidSchedule(AlonzoError):
    """A schedule expression, or its time zone, that AWS does not have either; the message says what is wrong with it."""


class UnknownPath(AlonzoError):
    """A path into an event that EventBridge does not understand."""
