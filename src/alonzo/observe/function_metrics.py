"""What is counted of functions, under the names that CloudWatch has for it, since the node was started.

Source of the names: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from alonzo.model.scope import Scope

_FUNCTIONS_MAX = 100_000
"""Counts are kept of functions that are gone as well; beyond this many the oldest are forgotten."""


class Metric(StrEnum):
    """What is counted."""

    DESTINATION_DELIVERY_FAILURES = "DestinationDeliveryFailures"
    DEAD_LETTER_ERRORS = "DeadLetterErrors"
    RECURSIVE_INVOCATIONS_DROPPED = "RecursiveInvocationsDropped"


class MetricKey(msgspec.Struct, frozen=True):
    """Of which function."""

    metric: Metric
    scope: Scope
    function_name: str


class CountSource(Protocol):
    """Where counts come from: of one node, or of all workers together."""

    async def collect(self) -> Mapping[MetricKey, int]:
        """All that has been counted."""
        ...


class FunctionMetrics:
    """One a node."""

    def __init__(self) -> None:
        self._counts: dict[MetricKey, int] = {}

    def count(self, metric: Metric, scope: Scope, function_name: str) -> None:
        """It has happened once more."""
        key = MetricKey(metric, scope, function_name)
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._counts) > _FUNCTIONS_MAX:
            del self._counts[next(iter(self._counts))]

    async def collect(self) -> dict[MetricKey, int]:
        """What the page of a node alone shows (`CountSource`)."""
        return dict(self._counts)

    def iter_counts(self) -> Iterator[tuple[MetricKey, int]]:
        """All that has been counted."""
        return iter(list(self._counts.items()))
