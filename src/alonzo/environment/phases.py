"""The life cycle of an execution environment, as one table.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
"""

from enum import StrEnum

from alonzo.errors import AlonzoError


class Phase(StrEnum):
    """Where an environment is in its life."""

    CREATED = "created"
    INIT = "init"
    SNAPSHOT = "snapshot"
    """Initialized for SnapStart; it waits to be restored."""
    RESTORE = "restore"
    IDLE = "idle"
    INVOKE = "invoke"
    SHUTDOWN = "shutdown"
    ENDED = "ended"


class PhaseViolation(AlonzoError):
    """An environment was asked for something that its phase does not allow: a fault of ours."""


_ALLOWED = {
    Phase.CREATED: frozenset({Phase.INIT, Phase.ENDED}),
    Phase.INIT: frozenset({Phase.IDLE, Phase.SNAPSHOT, Phase.SHUTDOWN, Phase.ENDED}),
    Phase.SNAPSHOT: frozenset({Phase.RESTORE, Phase.SHUTDOWN, Phase.ENDED}),
    Phase.RESTORE: frozenset({Phase.IDLE, Phase.SHUTDOWN, Phase.ENDED}),
    Phase.IDLE: frozenset({Phase.INVOKE, Phase.SHUTDOWN, Phase.ENDED}),
    Phase.INVOKE: frozenset({Phase.IDLE, Phase.SHUTDOWN, Phase.ENDED}),
    Phase.SHUTDOWN: frozenset({Phase.ENDED}),
    Phase.ENDED: frozenset[Phase](),
}


def check_transition(current: Phase, following: Phase) -> None:
    """Raise PhaseViolation unless an environment may go from `current` to `following`."""
    if following not in _ALLOWED[current]:
        raise PhaseViolation(f"an environment that is in phase {current} cannot enter {following}")
