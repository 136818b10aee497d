"""What is counted of functions, under the names that CloudWatch has for it, since the node was started.

Source of the names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import msgspec

from alonzo.model.scope import Scope

_FUNCTIONS_MAX = 100_000
"""Counts are kept of functions that are gone as well; beyond this many the oldest are forgotten."""


class Metric(StrEnum):
    """What is counted; those of event source mappings are counted a mapping."""

    DESTINATION_DELIVERY_FAILURES = "DestinationDeliveryFailures"
    DEAD_LETTER_ERRORS = "DeadLetterErrors"
    RECURSIVE_INVOCATIONS_DROPPED = "RecursiveInvocationsDropped"
    ITERATOR_AGE = "IteratorAge"
    POLLED_EVENT_COUNT = "PolledEventCount"
    FILTERED_OUT_EVENT_COUNT = "FilteredOutEventCount"
    INVOKED_EVENT_COUNT = "InvokedEventCount"
    FAILED_INVOKE_EVENT_COUNT = "FailedInvokeEventCount"
    DROPPED_EVENT_COUNT = "DroppedEventCount"
    ON_FAILURE_DESTINATION_DELIVERED_EVENT_COUNT = "OnFailureDestinationDeliveredEventCount"
    DELETED_EVENT_COUNT = "DeletedEventCount"
    COMMITTED_EVENT_COUNT = "CommittedEventCount"
    POLLING_ERROR_COUNT = "PollingErrorCount"
    INVOKE_ERROR_COUNT = "InvokeErrorCount"
    ON_FAILURE_DESTINATION_DELIVERY_ERROR_COUNT = "OnFailureDestinationDeliveryErrorCount"
    SCHEMA_REGISTRY_ERROR_COUNT = "SchemaRegistryErrorCount"
    COMMIT_ERROR_COUNT = "CommitErrorCount"
    SUM_OFFSET_LAG = "SumOffsetLag"
    MAX_OFFSET_LAG = "MaxOffsetLag"
    LOG_EVENTS_DROPPED = "LogEventsDropped"
    """Ours: lines of a function's log that could not be kept."""


GAUGES: Mapping[Metric, str] = MappingProxyType(
    {Metric.ITERATOR_AGE: "milliseconds", Metric.SUM_OFFSET_LAG: "records", Metric.MAX_OFFSET_LAG: "records"}
)
"""Which are no counts but what was so the last time, and in what they are measured."""


class MetricKey(msgspec.Struct, frozen=True):
    """Of which function, or of which mapping to it."""

    metric: Metric
    scope: Scope
    function_name: str
    mapping_uuid: str | None = None


class CountSource(Protocol):
    """Where counts come from: of one node, or of all workers together."""

    async def collect(self) -> Mapping[MetricKey, int]:
        """All that has been counted."""
        ...


class FunctionMetrics:
    """One a node."""

    def __init__(self) -> None:
        self._counts: dict[MetricKey, int] = {}

    def count(self, metric: Metric, scope: Scope, function_name: str, *, by: int = 1, mapping_uuid: str | None = None) -> None:
        """It has happened once more, or so many times."""
        key = MetricKey(metric, scope, function_name, mapping_uuid)
        self._set(key, self._counts.get(key, 0) + by)

    def set_gauge(self, metric: Metric, scope: Scope, function_name: str, value: int, *, mapping_uuid: str | None = None) -> None:
        """It is so now. `metric`: one of `GAUGES`."""
        self._set(MetricKey(metric, scope, function_name, mapping_uuid), value)

    def _set(self, key: MetricKey, value: int) -> None:
        self._counts[key] = value
        if len(self._counts) > _FUNCTIONS_MAX:
            del self._counts[next(iter(self._counts))]

    async def collect(self) -> dict[MetricKey, int]:
        """What the page of a node alone shows (`CountSource`)."""
        return dict(self._counts)

    def iter_counts(self) -> Iterator[tuple[MetricKey, int]]:
        """All that has been counted."""
        return iter(list(self._counts.items()))


def summed(counts: Iterable[tuple[MetricKey, int]]) -> dict[MetricKey, int]:
    """Those of several nodes as those of one: counts added up, of gauges the highest."""
    total: dict[MetricKey, int] = {}
    for key, value in counts:
        before = total.get(key, 0)
        total[key] = max(before, value) if key.metric in GAUGES else before + value
    return total
