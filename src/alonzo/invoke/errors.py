"""Why an invocation was not run."""

from alonzo.errors import AlonzoError
from alonzo.model.function import State


class Throttled(AlonzoError):
    """The account or the function may not run more now.

    `reason` is AWS's word for which limit it was. `retry_after_seconds`: when it is worth another try, at the soonest.
    """

    def __init__(self, reason: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class FunctionNotReady(AlonzoError):
    """The function is being created, or could not be."""

    def __init__(self, state: State) -> None:
        super().__init__(f"The operation cannot be performed at this time. The function is currently in the following state: {state.value}")


class SnapshotNotReady(FunctionNotReady):
    """The snapshot of the version is being made."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.args = ("Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",)


class NoEnvironment(AlonzoError):
    """No execution environment could be had, several times over: an internal failure, or a machine at its end."""


class RecursiveInvocation(AlonzoError):
    """A chain of requests has invoked the function too often. Source of the words: botocore shape `RecursiveInvocationException`."""

    def __init__(self) -> None:
        super().__init__(
            "Lambda has detected your function being invoked in a recursive loop with other AWS resources "
            "and stopped your function's invocation."
        )
