"""The life cycle of a mapping: one table, and the steps that follow it.

Source: botocore, documentation of `EventSourceMappingConfiguration` (`State`) and of `ResourceInUseException`; recorded answers.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from alonzo.event_sources.errors import MappingInUse
from alonzo.model.event_source_mapping import EventSourceMapping, MappingState

ALLOWED: Mapping[MappingState, frozenset[MappingState]] = MappingProxyType(
    {
        MappingState.CREATING: frozenset({MappingState.ENABLED, MappingState.DISABLED}),
        MappingState.ENABLING: frozenset({MappingState.ENABLED}),
        MappingState.ENABLED: frozenset({MappingState.UPDATING, MappingState.DISABLING, MappingState.DELETING}),
        MappingState.DISABLING: frozenset({MappingState.DISABLED}),
        MappingState.DISABLED: frozenset({MappingState.UPDATING, MappingState.ENABLING, MappingState.DELETING}),
        MappingState.UPDATING: frozenset({MappingState.ENABLED, MappingState.DISABLED}),
        MappingState.DELETING: frozenset(),
    }
)
"""From a state to those that may follow; a mapping that is being deleted ends."""

_RESTING = frozenset({MappingState.ENABLED, MappingState.DISABLED})


def is_moving(mapping: EventSourceMapping) -> bool:
    """Whether the mapping is on its way to another state, or to its end."""
    return mapping.state not in _RESTING


def changed(mapping: EventSourceMapping, *, enabled: bool | None, now_unix_ms: int) -> EventSourceMapping:
    """A mapping whose settings were changed, or that shall be enabled or disabled. `MappingInUse`."""
    if is_moving(mapping):
        raise MappingInUse("update")
    wanted = mapping.enabled if enabled is None else enabled
    state = MappingState.UPDATING
    if wanted != mapping.enabled:
        state = MappingState.ENABLING if wanted else MappingState.DISABLING
    return _moved(mapping, state, now_unix_ms, enabled=wanted)


def deleted(mapping: EventSourceMapping, *, now_unix_ms: int) -> EventSourceMapping:
    """A mapping that shall go. `MappingInUse`."""
    if is_moving(mapping):
        raise MappingInUse("delete")
    return _moved(mapping, MappingState.DELETING, now_unix_ms, enabled=False)


def arrived(mapping: EventSourceMapping, *, now_unix_ms: int) -> EventSourceMapping | None:
    """A moving mapping where it was on its way to; None when that is its end."""
    if mapping.state is MappingState.DELETING:
        return None
    state = MappingState.ENABLED if mapping.enabled else MappingState.DISABLED
    return _moved(mapping, state, now_unix_ms, enabled=mapping.enabled)


def _moved(mapping: EventSourceMapping, state: MappingState, now_unix_ms: int, *, enabled: bool) -> EventSourceMapping:
    assert state in ALLOWED[mapping.state], f"{mapping.state} to {state}"
    return msgspec.structs.replace(mapping, state=state, enabled=enabled, last_modified_unix_ms=now_unix_ms)
