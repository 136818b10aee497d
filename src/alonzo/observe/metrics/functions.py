"""What is counted of functions as such, as metrics of AWS/Lambda.

Source of the dimensions: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html.
"""

from collections.abc import Iterable

from alonzo.clock import Clock
from alonzo.model.function import FunctionVersion
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import Metric, MetricKey
from alonzo.observe.metrics.invocations import dimensions_of, function_dimensions, resource_dimensions
from alonzo.observe.metrics.recorder import LAMBDA_NAMESPACE, Dimensions, MetricRecorder, MetricSet

_MILLISECONDS = frozenset({Metric.ITERATOR_AGE, Metric.ASYNC_EVENT_AGE})


class FunctionPoints:
    """An `Observer`: one a node."""

    def __init__(self, *, recorder: MetricRecorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock

    def observe(self, key: MetricKey, value: float) -> None:
        """As the protocol says."""
        dimensions: Iterable[Dimensions]
        if key.mapping_uuid is None:
            dimensions = function_dimensions(key.function_name)
        else:
            mapping = ("EventSourceMappingUUID", key.mapping_uuid)
            dimensions = ((mapping,), (mapping, ("FunctionName", key.function_name)))
            if key.metric is Metric.ITERATOR_AGE:
                dimensions = (*dimensions, (("FunctionName", key.function_name),))
        self._add(key.scope, dimensions, key.metric.value, value, unit="Milliseconds" if key.metric in _MILLISECONDS else "Count")

    def note_throttled(self, version: FunctionVersion, invoked_arn: str) -> None:
        """An invocation was refused for want of concurrency."""
        self._add(version.scope, dimensions_of(version, invoked_arn), Metric.THROTTLES.value, 1.0, unit="Count")

    def note_concurrency(self, scope: Scope, function_name: str | None, metric: str, value: float) -> None:
        """So many ran at once. `function_name` None: of the account."""
        dimensions: Dimensions = () if function_name is None else (("FunctionName", function_name),)
        self._add(scope, (dimensions,), metric, value, unit="Count")

    def note_provision(self, scope: Scope, function_name: str, resource: str, version: str, *, running: int, provisioned: int) -> None:
        """So many of a version's environments of provisioned concurrency were busy. `resource`: the version or alias that has them."""
        dimensions = ((("FunctionName", function_name),), *resource_dimensions(function_name, resource, version))
        self._add(scope, dimensions, "ProvisionedConcurrentExecutions", running, unit="Count")
        self._add(scope, dimensions, "ProvisionedConcurrencyUtilization", min(running / max(provisioned, 1), 1.0), unit="None")

    def _add(self, scope: Scope, dimensions: Iterable[Dimensions], metric: str, value: float, *, unit: str) -> None:
        now = self._clock.unix_ms() / 1_000
        for each in dimensions:
            of = MetricSet(scope, LAMBDA_NAMESPACE, each)
            self._recorder.point(of, metric, unit=unit, unix_seconds=now).add(float(value))
