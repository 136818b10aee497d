"""What has become of the events of each function, since the node was started. In memory: the queue itself is on the disk."""

from collections.abc import Set
from dataclasses import dataclass

from alonzo.model.names import FunctionKey, FunctionReference

_FUNCTIONS_MAX = 10_000


@dataclass(slots=True)
class EventCounts:
    """Of one function. `throttled`: tries that were refused for want of concurrency; they do not set an event back."""

    accepted: int = 0
    delivered: int = 0
    retried: int = 0
    failed: int = 0
    dropped: int = 0
    throttled: int = 0
    undeliverable: int = 0


class EventCounters:
    """Of all functions; those that had no events for longest are forgotten when there are very many."""

    def __init__(self) -> None:
        self._counts: dict[FunctionReference, EventCounts] = {}

    def of(self, function: FunctionReference) -> EventCounts:
        """To be read, and to be counted up."""
        counts = self._counts.pop(function, None) or EventCounts()
        self._counts[function] = counts
        if len(self._counts) > _FUNCTIONS_MAX:
            del self._counts[next(iter(self._counts))]
        return counts

    def forget(self, functions: Set[FunctionKey]) -> None:
        """They are gone."""
        gone = (each for each in self._counts if (each.scope.account_id, each.scope.region, each.name) in functions)
        for reference in [*gone]:
            del self._counts[reference]

    def functions(self) -> frozenset[FunctionReference]:
        """Those that anything is counted of."""
        return frozenset(self._counts)
