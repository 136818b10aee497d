"""What is counted of mappings, under the names that CloudWatch has for it."""

from alonzo.model.event_source_mapping import EventSourceMapping
from alonzo.observe.function_metrics import FunctionMetrics, Metric

_EVENT_COUNT, _ERROR_COUNT, _KAFKA_METRICS = "EventCount", "ErrorCount", "KafkaMetrics"


class SourceMetrics:
    """Of one mapping. Counts of events and of errors are kept if its `MetricsConfig` asks for them.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics.
    """

    def __init__(self, mapping: EventSourceMapping, metrics: FunctionMetrics) -> None:
        self._mapping = mapping
        self._metrics = metrics
        self._counts_events = _EVENT_COUNT in (mapping.settings.metrics or ())
        self._counts_errors = _ERROR_COUNT in (mapping.settings.metrics or ())

    def polled(self, count: int) -> None:
        """Records were read."""
        self._count(Metric.POLLED_EVENT_COUNT, count)

    def filtered_out(self, count: int) -> None:
        """Records did not match the filters."""
        self._count(Metric.FILTERED_OUT_EVENT_COUNT, count)

    def invoked(self, count: int) -> None:
        """The function has got records."""
        self._count(Metric.INVOKED_EVENT_COUNT, count)

    def failed(self, count: int) -> None:
        """The function has failed to process records."""
        self._count(Metric.FAILED_INVOKE_EVENT_COUNT, count)

    def dropped(self, count: int) -> None:
        """Records were given up."""
        self._count(Metric.DROPPED_EVENT_COUNT, count)

    def told_destination(self, count: int) -> None:
        """Records were given up, and the destination told."""
        self._count(Metric.ON_FAILURE_DESTINATION_DELIVERED_EVENT_COUNT, count)

    def deleted(self, count: int) -> None:
        """Messages were deleted from a queue after they were processed."""
        self._count(Metric.DELETED_EVENT_COUNT, count)

    def committed(self, count: int) -> None:
        """Offsets of a topic have moved on by so many."""
        self._count(Metric.COMMITTED_EVENT_COUNT, count)

    def polling_failed(self) -> None:
        """The source could not be read."""
        self._count_error(Metric.POLLING_ERROR_COUNT)

    def invocation_failed(self) -> None:
        """A batch has failed, or the function could not be invoked with it."""
        self._count_error(Metric.INVOKE_ERROR_COUNT)

    def schema_failed(self) -> None:
        """A schema could not be had, or a record is not as its schema says."""
        self._count_error(Metric.SCHEMA_REGISTRY_ERROR_COUNT)

    def commit_failed(self) -> None:
        """Offsets could not be committed."""
        self._count_error(Metric.COMMIT_ERROR_COUNT)

    def destination_failed(self) -> None:
        """A destination could not be told."""
        self._count_error(Metric.ON_FAILURE_DESTINATION_DELIVERY_ERROR_COUNT)
        self._metrics.count(Metric.DESTINATION_DELIVERY_FAILURES, self._mapping.scope, self._mapping.function_name)

    def iterator_age(self, age_ms: int) -> None:
        """How old the last record of a batch of a stream was when it had been processed."""
        mapping = self._mapping
        self._metrics.set_gauge(Metric.ITERATOR_AGE, mapping.scope, mapping.function_name, age_ms, mapping_uuid=mapping.uuid)

    def offset_lag(self, *, total: int, largest: int) -> None:
        """How many records of topics are unread, in all partitions and in the one that is furthest behind."""
        if _KAFKA_METRICS in (self._mapping.settings.metrics or ()):
            mapping = self._mapping
            for metric, value in ((Metric.SUM_OFFSET_LAG, total), (Metric.MAX_OFFSET_LAG, largest)):
                self._metrics.set_gauge(metric, mapping.scope, mapping.function_name, value, mapping_uuid=mapping.uuid)

    def _count(self, metric: Metric, count: int) -> None:
        if self._counts_events and count:
            self._add(metric, count)

    def _count_error(self, metric: Metric) -> None:
        if self._counts_errors:
            self._add(metric, 1)

    def _add(self, metric: Metric, count: int) -> None:
        mapping = self._mapping
        self._metrics.count(metric, mapping.scope, mapping.function_name, by=count, mapping_uuid=mapping.uuid)
