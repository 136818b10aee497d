"""Recursive loops: a function that a chain of requests has invoked too often is stopped, unless it may go round for ever.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html.
"""

import logging
from typing import Protocol

from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.settings.recursion import RecursiveLoop
from alonzo.invoke.errors import RecursiveInvocation
from alonzo.model import lineage
from alonzo.model.names import FunctionReference
from alonzo.observe.function_metrics import FunctionMetrics, Metric

_log = logging.getLogger(__name__)


class RecursionSettings(Protocol):
    """The control plane, as this file needs it."""

    def get(self, reference: FunctionReference) -> RecursiveLoop: ...


class RecursionGuard:
    """One a node."""

    def __init__(self, *, settings: RecursionSettings, metrics: FunctionMetrics) -> None:
        self._settings = settings
        self._metrics = metrics

    def check(self, reference: FunctionReference, trace_header: str) -> None:
        """Raise RecursiveInvocation, and count it, if the function is not to be run with this header."""
        if self.stops(reference, trace_header):
            self._metrics.count(Metric.RECURSIVE_INVOCATIONS_DROPPED, reference.scope, reference.name)
            _log.warning("%s was stopped: a chain of requests has invoked it %d times", reference.function_arn, lineage.ROUNDS_MAX)
            raise RecursiveInvocation

    def stops(self, reference: FunctionReference, trace_header: str) -> bool:
        """Whether the function is not to be run with this header."""
        if lineage.count_of(trace_header, lineage.mark_of(reference.scope, reference.name)) < lineage.ROUNDS_MAX:
            return False
        try:
            return self._settings.get(reference) is RecursiveLoop.TERMINATE
        except FunctionNotFound:
            return False
