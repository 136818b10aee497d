"""The life cycle of a function version: one table, and the steps that follow it.

Every step gives the record a new revision, as on AWS. Source: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html and
recorded answers (an update in progress has the reason "The function is being created." there, too).
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from alonzo.ids import new_uuid
from alonzo.model.function import FunctionVersion, LastUpdateStatus, State

ALLOWED: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PENDING: frozenset({State.ACTIVE, State.FAILED}),
        State.ACTIVE: frozenset({State.ACTIVE, State.INACTIVE}),
        State.INACTIVE: frozenset({State.PENDING}),
        State.FAILED: frozenset({State.PENDING}),
    }
)
"""From a state to those that may follow. Active follows itself when an update is carried out, with whatever outcome."""

_CREATING_REASON = "The function is being created."
_CREATING_REASON_CODE = "Creating"


class StateTransitionForbidden(Exception):
    """A defect of Alonzo: no step leads from the one state to the other."""


def created(version: FunctionVersion) -> FunctionVersion:
    """A version that nobody has seen yet: it waits to be activated."""
    return msgspec.structs.replace(
        version,
        state=State.PENDING,
        state_reason=_CREATING_REASON,
        state_reason_code=_CREATING_REASON_CODE,
        last_update_status=None,
        last_update_status_reason=None,
        last_update_status_reason_code=None,
        revision_id=new_uuid(),
    )


def changed(version: FunctionVersion, *, before: FunctionVersion) -> FunctionVersion:
    """A version whose code or configuration was changed from `before`. One that failed or is inactive begins anew."""
    if version.state is not State.ACTIVE:
        _check(version.state, State.PENDING)
        return created(version)
    return msgspec.structs.replace(
        version,
        superseded=before,
        last_update_status=LastUpdateStatus.IN_PROGRESS,
        last_update_status_reason=_CREATING_REASON,
        last_update_status_reason_code=_CREATING_REASON_CODE,
        revision_id=new_uuid(),
    )


def activated(version: FunctionVersion) -> FunctionVersion:
    """A version that is ready to run."""
    _check(version.state, State.ACTIVE)
    return msgspec.structs.replace(
        version,
        superseded=None,
        state=State.ACTIVE,
        state_reason=None,
        state_reason_code=None,
        last_update_status=LastUpdateStatus.SUCCESSFUL,
        last_update_status_reason=None,
        last_update_status_reason_code=None,
        revision_id=new_uuid(),
    )


def failed(version: FunctionVersion, *, reason: str, reason_code: str) -> FunctionVersion:
    """A version whose creation or update cannot be carried out. An active one stays what it was: only its update failed."""
    # What was said of the function as a whole in the meantime holds, whatever becomes of the update.
    of_function = {"tags": version.tags, "published_count": version.published_count, "publishing": version.publishing}
    version = version.runnable
    creating = version.state is State.PENDING
    state = State.FAILED if creating else State.ACTIVE
    _check(version.state, state)
    return msgspec.structs.replace(
        version,
        **of_function,
        state=state,
        state_reason=reason if creating else version.state_reason,
        state_reason_code=reason_code if creating else version.state_reason_code,
        last_update_status=LastUpdateStatus.FAILED,
        last_update_status_reason=reason,
        last_update_status_reason_code=reason_code,
        revision_id=new_uuid(),
    )


def _check(before: State, after: State) -> None:
    if after not in ALLOWED[before]:
        raise StateTransitionForbidden(f"{before} to {after}")
