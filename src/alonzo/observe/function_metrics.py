"""What is counted of functions, under the names that CloudWatch has for it, since the node was started.

Source of the names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import msgspec

from alonzo.model.names import FunctionKey
from alonzo.model.scope import Scope
from alonzo.observe.metrics.distribution import Distribution

_FUNCTIONS_MAX = 100_000
"""Counts are kept; beyond this many the oldest are forgotten."""


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
    INVOCATIONS = "Invocations"
    ERRORS = "Errors"
    THROTTLES = "Throttles"
    ASYNC_EVENTS_RECEIVED = "AsyncEventsReceived"
    ASYNC_EVENTS_DROPPED = "AsyncEventsDropped"
    ASYNC_EVENT_AGE = "AsyncEventAge"
    CONCURRENT_EXECUTIONS = "ConcurrentExecutions"
    UNRESERVED_CONCURRENT_EXECUTIONS = "UnreservedConcurrentExecutions"
    PROVISIONED_CONCURRENT_EXECUTIONS = "ProvisionedConcurrentExecutions"
    PROVISIONED_CONCURRENCY_UTILIZATION = "ProvisionedConcurrencyUtilization"
    PROVISIONED_CONCURRENCY_INVOCATIONS = "ProvisionedConcurrencyInvocations"
    PROVISIONED_CONCURRENCY_SPILLOVER_INVOCATIONS = "ProvisionedConcurrencySpilloverInvocations"
    MAX_MEMORY_USED = "MaxMemoryUsed"
    RESOURCE_INVOCATIONS = "ResourceInvocations"
    """Ours, as the next one: those of a function by what was invoked, and the version that this led to."""
    RESOURCE_ERRORS = "ResourceErrors"


GAUGES: Mapping[Metric, str] = MappingProxyType(
    {
        Metric.ASYNC_EVENT_AGE: "milliseconds",
        Metric.ITERATOR_AGE: "milliseconds",
        Metric.SUM_OFFSET_LAG: "records",
        Metric.MAX_OFFSET_LAG: "records",
        Metric.CONCURRENT_EXECUTIONS: "",
        Metric.UNRESERVED_CONCURRENT_EXECUTIONS: "",
        Metric.PROVISIONED_CONCURRENT_EXECUTIONS: "",
        Metric.PROVISIONED_CONCURRENCY_UTILIZATION: "percent",
        Metric.MAX_MEMORY_USED: "megabytes",
    }
)
"""Which are no counts but what was so the last time, and in what they are measured, unless the name says it."""


class MetricKey(msgspec.Struct, frozen=True):
    """Of which function, or of which mapping to it, or of what was invoked of it; "": of a whole account."""

    metric: Metric
    scope: Scope
    function_name: str
    mapping_uuid: str | None = None
    resource: str | None = None
    executed_version: str | None = None


class Duration(StrEnum):
    """What is timed, in milliseconds."""

    INVOCATION = "invocation"
    INIT = "init"


DURATION_BOUNDS: Sequence[tuple[int, float]] = tuple((power, 2**power / 1_000) for power in range(21))
"""Bounds for histograms, as powers of two of a millisecond and in seconds: up to 17 minutes, and no function runs longer than 15."""


class DurationKey(msgspec.Struct, frozen=True):
    """Of which function."""

    duration: Duration
    scope: Scope
    function_name: str


Durations = dict[DurationKey, Distribution]


class Observer(Protocol):
    """Told of every count and gauge besides, as it comes."""

    def observe(self, key: MetricKey, value: float) -> None: ...


class CountSource(Protocol):
    """Where counts come from: of one node, or of all workers together."""

    async def collect_durations(self) -> Durations:
        """All that has been timed."""
        ...

    async def collect(self) -> Mapping[MetricKey, int]:
        """All that has been counted."""
        ...


class FunctionMetrics:
    """One a node."""

    def __init__(self, observer: Observer | None = None) -> None:
        self._observer = observer
        self._counts: dict[MetricKey, int] = {}
        self._levels: Mapping[MetricKey, int] = {}
        self._durations: Durations = {}

    def count(self, metric: Metric, scope: Scope, function_name: str, *, by: int = 1, mapping_uuid: str | None = None) -> None:
        """It has happened once more, or so many times."""
        self.add_count(metric, scope, function_name, by=by, mapping_uuid=mapping_uuid)
        if self._observer is not None:
            self._observer.observe(MetricKey(metric, scope, function_name, mapping_uuid), by)

    def add_count(self, metric: Metric, scope: Scope, function_name: str, *, by: int, mapping_uuid: str | None = None) -> None:
        """The same, of what the observer knows already."""
        key = MetricKey(metric, scope, function_name, mapping_uuid)
        self._set(key, self._counts.get(key, 0) + by)

    def add_resource_count(
        self, metric: Metric, scope: Scope, function_name: str, resource: str, executed_version: str, *, by: int
    ) -> None:
        """The same, of what was invoked of it."""
        key = MetricKey(metric, scope, function_name, None, resource, executed_version)
        self._set(key, self._counts.get(key, 0) + by)

    def note_most(self, metric: Metric, scope: Scope, function_name: str, value: int) -> None:
        """It has never been more, if it has not. `metric`: one of `GAUGES`."""
        key = MetricKey(metric, scope, function_name)
        self._set(key, max(value, self._counts.get(key, 0)))

    def set_levels(self, levels: Mapping[MetricKey, int]) -> None:
        """So it is now, and nothing of the kind beside. Metrics: of `GAUGES`."""
        self._levels = levels

    def add_durations(self, duration: Duration, scope: Scope, function_name: str, values: Distribution) -> None:
        """It has taken so long, several times."""
        key = DurationKey(duration, scope, function_name)
        total = self._durations.get(key)
        if total is None:
            total = self._durations[key] = Distribution()
            if len(self._durations) > _FUNCTIONS_MAX:
                del self._durations[next(iter(self._durations))]
        total.merge(values)

    def set_gauge(self, metric: Metric, scope: Scope, function_name: str, value: int, *, mapping_uuid: str | None = None) -> None:
        """It is so now. `metric`: one of `GAUGES`."""
        key = MetricKey(metric, scope, function_name, mapping_uuid)
        self._set(key, value)
        if self._observer is not None:
            self._observer.observe(key, value)

    def _set(self, key: MetricKey, value: int) -> None:
        self._counts[key] = value
        if len(self._counts) > _FUNCTIONS_MAX:
            del self._counts[next(iter(self._counts))]

    def forget(self, functions: Set[FunctionKey]) -> None:
        """They are gone."""
        self._counts = {key: count for key, count in self._counts.items() if _function_of(key) not in functions}
        self._durations = {key: values for key, values in self._durations.items() if _function_of(key) not in functions}

    async def collect(self) -> dict[MetricKey, int]:
        """What the page of a node alone shows (`CountSource`)."""
        return {**self._counts, **self._levels}

    async def collect_durations(self) -> Durations:
        """The same of what was timed."""
        return self._durations

    @property
    def durations(self) -> Durations:
        """All that has been timed."""
        return self._durations

    def iter_counts(self) -> Iterator[tuple[MetricKey, int]]:
        """All that has been counted."""
        return iter([*self._counts.items(), *self._levels.items()])


class OwnMetrics:
    """What a node alone has counted, with what it can `gather`. A `CountSource`."""

    def __init__(self, own: FunctionMetrics, gather: Callable[[], None]) -> None:
        self._own = own
        self._gather = gather

    async def collect(self) -> Mapping[MetricKey, int]:
        """As the protocol says."""
        self._gather()
        return await self._own.collect()

    async def collect_durations(self) -> Durations:
        """As the protocol says."""
        return await self._own.collect_durations()


def _function_of(key: MetricKey | DurationKey) -> FunctionKey:
    return key.scope.account_id, key.scope.region, key.function_name


def summed(counts: Iterable[tuple[MetricKey, int]]) -> dict[MetricKey, int]:
    """Those of several nodes as those of one: counts added up, of gauges the highest."""
    total: dict[MetricKey, int] = {}
    for key, value in counts:
        before = total.get(key, 0)
        total[key] = max(before, value) if key.metric in GAUGES else before + value
    return total


def merged(durations: Iterable[tuple[DurationKey, Distribution]]) -> Durations:
    """Those of several nodes as those of one."""
    total: Durations = {}
    for key, values in durations:
        total.setdefault(key, Distribution()).merge(values)
    return total
