"""Metrics as OTLP: what functions do by OpenTelemetry's conventions, and every CloudWatch metric as metric streams write it.

Sources: https://opentelemetry.io/docs/specs/semconv/faas/faas-metrics/, and for the second
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-metric-streams-formats-opentelemetry-100-translation.html:
a summary a minute, with count, sum, and least and greatest as quantiles 0 and 1. A node that exports nothing does not import this.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import DURATION_BOUNDS, Duration, DurationKey, Metric, MetricKey
from alonzo.observe.metrics.distribution import Distribution
from alonzo.observe.metrics.recorder import MINUTE_SECONDS, MetricSet, MinutePoints
from alonzo.observe.otlp import OtlpSender, Signal, add_attributes

_NANOSECONDS = 1_000_000_000
_POINTS_AT_ONCE = 2_000
_COUNTS = {Metric.INVOCATIONS: ("faas.invocations", "{invocation}"), Metric.ERRORS: ("faas.errors", "{error}")}
_TIMES = {Duration.INVOCATION: "faas.invoke_duration", Duration.INIT: "faas.init_duration"}
_QUANTILES = (50.0, 90.0, 99.0)
_UNITS = {
    "Seconds": "s",
    "Microseconds": "us",
    "Milliseconds": "ms",
    "Bytes": "By",
    "Kilobytes": "kBy",
    "Megabytes": "MBy",
    "Gigabytes": "GBy",
    "Percent": "%",
    "Count": "{Count}",
    "None": "1",
}
_Described = tuple[tuple[Scope, str | None], otlp.Metric]


class MetricExport:
    """One a node. `instance`: its name, which tells the metrics of several apart."""

    def __init__(self, *, sender: OtlpSender, instance: str, version: str, started_unix_ms: int) -> None:
        self._sender = sender
        self._instance = instance
        self._version = version
        self._started = started_unix_ms * 1_000_000

    def export(
        self,
        *,
        points: Mapping[tuple[MetricSet, int], MinutePoints],
        counts: Mapping[MetricKey, int],
        durations: Mapping[DurationKey, Distribution],
        unix_ms: int,
    ) -> None:
        """What the last minutes were, and all that functions have done since the start."""
        now = unix_ms * 1_000_000
        described = itertools.chain(self._counts(counts, now), self._durations(durations, now), self._minutes(points))
        while batch := list(itertools.islice(described, _POINTS_AT_ONCE)):
            request = ExportMetricsServiceRequest(resource_metrics=self._by_resource(batch))
            self._sender.send(Signal.METRICS, request.SerializeToString(), item_count=len(batch))

    def _by_resource(self, batch: Iterable[_Described]) -> Iterator[otlp.ResourceMetrics]:
        resources: dict[tuple[Scope, str | None], list[otlp.Metric]] = {}
        for of, metric in batch:
            resources.setdefault(of, []).append(metric)
        for (scope, function_name), metrics in resources.items():
            known = {
                "service.name": function_name or "alonzo",
                "service.instance.id": self._instance,
                "cloud.provider": "aws",
                "cloud.platform": None if function_name is None else "aws_lambda",
                "cloud.account.id": scope.account_id,
                "cloud.region": scope.region,
                "faas.name": function_name,
            }
            scope_metrics = otlp.ScopeMetrics(scope=InstrumentationScope(name="alonzo", version=self._version), metrics=metrics)
            described = otlp.ResourceMetrics(scope_metrics=[scope_metrics])
            add_attributes(described.resource.attributes, known)
            yield described

    def _counts(self, counts: Mapping[MetricKey, int], now: int) -> Iterator[_Described]:
        for key, count in counts.items():
            if key.metric in _COUNTS:
                name, unit = _COUNTS[key.metric]
                point = otlp.NumberDataPoint(start_time_unix_nano=self._started, time_unix_nano=now, as_int=count)
                total = otlp.Sum(data_points=[point], aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE, is_monotonic=True)
                yield (key.scope, key.function_name), otlp.Metric(name=name, unit=unit, sum=total)

    def _durations(self, durations: Mapping[DurationKey, Distribution], now: int) -> Iterator[_Described]:
        for key, values in durations.items():
            reached = [int(values.count_up_to(power)) for power, _ in DURATION_BOUNDS]
            point = otlp.HistogramDataPoint(
                start_time_unix_nano=self._started,
                time_unix_nano=now,
                count=int(values.count),
                sum=values.sum / 1_000,
                min=values.minimum / 1_000,
                max=values.maximum / 1_000,
                explicit_bounds=[bound for _, bound in DURATION_BOUNDS],
                bucket_counts=[after - before for before, after in itertools.pairwise((0, *reached, int(values.count)))],
            )
            histogram = otlp.Histogram(data_points=[point], aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE)
            yield (key.scope, key.function_name), otlp.Metric(name=_TIMES[key.duration], unit="s", histogram=histogram)

    def _minutes(self, minutes: Mapping[tuple[MetricSet, int], MinutePoints]) -> Iterator[_Described]:
        for (of, minute), points in minutes.items():
            dimensions = {f"Dimensions.{name}": value for name, value in of.dimensions}
            for name, point in points.points.items():
                if not point.values.count:
                    continue
                summary = otlp.SummaryDataPoint(
                    start_time_unix_nano=minute * _NANOSECONDS,
                    time_unix_nano=(minute + MINUTE_SECONDS) * _NANOSECONDS,
                    count=int(point.values.count),
                    sum=point.values.sum,
                    quantile_values=_quantiles(point.values),
                )
                add_attributes(summary.attributes, {"Namespace": of.namespace, "MetricName": name} | dimensions)
                metric = otlp.Metric(
                    name=f"amazonaws.com/{of.namespace}/{name}",
                    unit=_UNITS.get(point.unit, point.unit),
                    summary=otlp.Summary(data_points=[summary]),
                )
                yield (of.scope, None), metric


def _quantiles(values: Distribution) -> Iterator[otlp.SummaryDataPoint.ValueAtQuantile]:
    yield otlp.SummaryDataPoint.ValueAtQuantile(quantile=0.0, value=values.minimum)
    if values.has_shape:
        for percent in _QUANTILES:
            yield otlp.SummaryDataPoint.ValueAtQuantile(quantile=percent / 100, value=values.percentile(percent))
    yield otlp.SummaryDataPoint.ValueAtQuantile(quantile=1.0, value=values.maximum)
