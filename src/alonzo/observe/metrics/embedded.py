"""Metrics that functions write into their logs: CloudWatch's embedded metric format.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html. A record
that is not of that form is a log line like any other.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from alonzo.model.invocation_lines import LogEntry
from alonzo.model.log_event import LogEvent
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import LogStreamName
from alonzo.observe.metrics.recorder import NO_UNIT, Dimensions, MetricRecorder, MetricSet

_MARK = '"_aws"'
_VALUES_MAX = 100
_RECORD_MAX_CHARACTERS = 1_048_576
_PAST_MAX_MS = 14 * 86_400 * 1_000
_FUTURE_MAX_MS = 2 * 3_600 * 1_000
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]


class _Metric(msgspec.Struct, rename="pascal"):
    name: _Name
    unit: str | None = None


class _Directive(msgspec.Struct, rename="pascal"):
    namespace: _Name
    dimensions: Annotated[list[Annotated[list[str], msgspec.Meta(max_length=30)]], msgspec.Meta(max_length=100)]
    metrics: Annotated[list[_Metric], msgspec.Meta(max_length=100)]


class _Metadata(msgspec.Struct, rename="pascal"):
    timestamp: int
    cloud_watch_metrics: Annotated[list[_Directive], msgspec.Meta(max_length=100)]


class _Record(msgspec.Struct):
    metadata: _Metadata = msgspec.field(name="_aws")


class EmbeddedMetrics:
    """One a node; told of every batch of log events that was kept."""

    def __init__(self, recorder: MetricRecorder) -> None:
        self._recorder = recorder
        self._decoder = msgspec.json.Decoder(_Record)

    def tell(self, name: LogStreamName, entries: Sequence[LogEntry], chain: str | None) -> None:
        """A `Listener`."""
        del chain
        for entry in entries:
            if isinstance(entry, LogEvent) and _MARK in entry.message and len(entry.message) <= _RECORD_MAX_CHARACTERS:
                self._read(name.scope, entry)

    def _read(self, scope: Scope, event: LogEvent) -> None:
        try:
            metadata = self._decoder.decode(event.message).metadata
            content = msgspec.json.decode(event.message)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return
        unix_ms = metadata.timestamp
        if not event.unix_ms - _PAST_MAX_MS <= unix_ms <= event.unix_ms + _FUTURE_MAX_MS:
            return
        for directive in metadata.cloud_watch_metrics:
            for dimensions in _dimension_sets(directive, content):
                of = MetricSet(scope, directive.namespace, dimensions)
                for metric in directive.metrics:
                    self._add(of, metric, content.get(metric.name), unix_ms / 1_000)

    def _add(self, of: MetricSet, metric: _Metric, given: Any, unix_seconds: float) -> None:
        values = given if isinstance(given, list) else [given]
        numbers = [float(each) for each in values[:_VALUES_MAX] if _is_number(each)]
        if numbers:
            point = self._recorder.point(of, metric.name, unit=metric.unit or NO_UNIT, unix_seconds=unix_seconds)
            for number in numbers:
                point.add(number)


def _dimension_sets(directive: _Directive, content: dict[str, Any]) -> Iterator[Dimensions]:
    """Those whose values are there; without any, the metrics have none."""
    for names in directive.dimensions or [[]]:
        if all(isinstance(content.get(name), str) and content[name] for name in names):
            yield tuple(sorted((name, content[name][:1_024]) for name in set(names)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2.0**360 and math.isfinite(value)
