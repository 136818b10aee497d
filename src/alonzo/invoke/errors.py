"""Why an invocation was not run."""

from alonzo.errors import AlonzoError
from alonzo.model.function import State


class Throttled(AlonzoError):
    """The account has as many invocations running as it may. `reason` is AWS's word for which limit it was."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class FunctionNotReady(AlonzoError):
    """The function is being created, or could not be."""

    def __init__(self, state: State) -> None:
        super().__init__(f"The operation cannot be performed at this time. The function is currently in the following state: {state.value}")


class NoEnvironment(AlonzoError):
    """No execution environment could be had, several times over: an internal failure, or a machine at its end."""
