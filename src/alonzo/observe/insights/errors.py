"""What is wrong with a query of Logs Insights."""

from alonzo.errors import AlonzoError


class QueryMalformed(AlonzoError):
    """It cannot be understood. `start` and `end`: the characters that are the reason."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class QueryFailed(AlonzoError):
    """It cannot be brought to its end."""
