"""The states of an extension, as one table.

Names and transitions as AWS's runtime interface emulator has them: they are in its error messages and logs. Source:
https://github.com/aws/aws-lambda-runtime-interface-emulator, `lambda/core/externalagent_states.go`.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from alonzo.environment.runtime_api import RuntimeApiConnection


class ExtensionState(StrEnum):
    """What an extension has done last."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"
    EXITED = "Exited"


class ExtensionEvent(StrEnum):
    """What an extension may be told of."""

    INVOKE = "INVOKE"
    SHUTDOWN = "SHUTDOWN"


_ALLOWED = {
    ExtensionState.STARTED: frozenset({ExtensionState.REGISTERED, ExtensionState.LAUNCH_ERROR}),
    ExtensionState.REGISTERED: frozenset({ExtensionState.READY, ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR}),
    ExtensionState.READY: frozenset({ExtensionState.RUNNING, ExtensionState.EXIT_ERROR}),
    ExtensionState.RUNNING: frozenset({ExtensionState.READY, ExtensionState.EXIT_ERROR}),
    ExtensionState.INIT_ERROR: frozenset({ExtensionState.INIT_ERROR}),
    ExtensionState.EXIT_ERROR: frozenset({ExtensionState.EXIT_ERROR}),
    ExtensionState.LAUNCH_ERROR: frozenset[ExtensionState](),
    ExtensionState.EXITED: frozenset[ExtensionState](),
}


@dataclass(slots=True, eq=False)
class Extension:
    """One extension of an environment."""

    name: str
    identifier: UUID
    is_external: bool
    state: ExtensionState = ExtensionState.STARTED
    events: tuple[ExtensionEvent, ...] = ()
    error_type: str | None = None
    """Why it could not be started, or what it has reported itself."""
    waiting: RuntimeApiConnection | None = None
    """The connection on which it has asked for its next event."""
    undelivered: bytes | None = None
    """An event that came while it was not asking."""
    has_exited: bool = False
    """Whether its process has ended, or was never there."""

    def may_enter(self, state: ExtensionState) -> bool:
        """Whether its state allows that one next."""
        return state in _ALLOWED[self.state]

    @property
    def is_gone(self) -> bool:
        """Whether it takes no events any more."""
        return self.state in {ExtensionState.INIT_ERROR, ExtensionState.EXIT_ERROR, ExtensionState.LAUNCH_ERROR, ExtensionState.EXITED}
