"""The Logs API and the subscriptions to log groups, wired."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from alonzo import ids
from alonzo.clock import Clock
from alonzo.edge.log_errors import with_log_errors
from alonzo.edge.log_group_operations import LogGroupOperations
from alonzo.edge.log_live_tail import LiveTail
from alonzo.edge.log_metric_filter_operations import LogMetricFilterOperations
from alonzo.edge.log_query_operations import LogQueryOperations
from alonzo.edge.log_subscription_operations import LogSubscriptionOperations
from alonzo.edge.log_writing import LogWritingOperations
from alonzo.edge.logs_api import LogOperations
from alonzo.edge.operations import OperationTable, StreamTable
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.invocation_lines import LogEntry
from alonzo.node.control_plane import ControlPlane
from alonzo.observe.function_metrics import FunctionMetrics, Metric
from alonzo.observe.log_delivery import Listener, LogDelivery, LogStreamName
from alonzo.observe.metrics.recorder import MetricRecorder
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups
from alonzo.triggers.log_metric_filters import LogMetricFilters
from alonzo.triggers.log_queries import LogQueries
from alonzo.triggers.log_retention import LogRetention
from alonzo.triggers.log_subscriptions import LogSubscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Made by `wire_logs`."""

    subscriptions: LogSubscriptions
    metric_filters: LogMetricFilters
    retention: LogRetention
    queries: LogQueries
    tell: Listener
    """To be told of events that were kept."""
    operations: OperationTable
    """Of the service `logs`."""
    streams: StreamTable

    def listen_to(self, delivery: LogDelivery, metrics: FunctionMetrics) -> None:
        """What functions write from here on reaches subscribers, and metrics are read of it; what is dropped of it is counted."""
        delivery.listen(self.tell)
        delivery.listen_to_drops(lambda name, count: metrics.count(Metric.LOG_EVENTS_DROPPED, name.scope, name.function_name, by=count))

    def components(self) -> list[Coroutine[Any, Any, None]]:
        """To be run while the node lives."""
        return [self.subscriptions.run(), self.metric_filters.run(), self.retention.run(), self.queries.run()]

    async def drain(self, *, timeout_seconds: float) -> None:
        """Return when subscribers and metric filters have had what was told, or the time is over."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.subscriptions.drain(timeout_seconds=timeout_seconds))
            group.create_task(self.metric_filters.drain(timeout_seconds=timeout_seconds))


def wire_logs(
    *,
    logs: LogStore,
    groups: LogGroups,
    control: ControlPlane,
    acceptance: EventAcceptance,
    trace_headers: TraceHeaders,
    read_metrics: Listener,
    recorder: MetricRecorder,
    clock: Clock,
) -> Logs:
    """Nothing runs yet. `read_metrics` is told of what is written, too; `recorder`: where metric filters count."""
    subscriptions = LogSubscriptions(
        subscriptions=groups,
        resolution=control.resolution,
        acceptance=acceptance,
        trace_header_for=trace_headers.of_invocation,
        new_uuid=ids.new_uuid,
    )
    metric_filters = LogMetricFilters(filters=groups, recorder=recorder, clock=clock)
    queries = LogQueries(logs=logs, groups=groups, clock=clock, new_uuid=ids.new_uuid)

    def tell(name: LogStreamName, entries: Sequence[LogEntry], chain: str | None) -> None:
        subscriptions.tell(name, entries, chain)
        read_metrics(name, entries, chain)
        metric_filters.tell(name, entries)

    operations = {
        **LogQueryOperations(queries=queries).table(),
        **LogGroupOperations(groups=groups).table(),
        **LogOperations(logs=logs, groups=groups).table(),
        **LogWritingOperations(groups=groups, logs=logs, tell=tell, clock=clock).table(),
        **LogMetricFilterOperations(groups=groups, clock=clock).table(),
        **LogSubscriptionOperations(groups=groups, resolution=control.resolution, policies=control.policies, clock=clock).table(),
    }
    live_tail = LiveTail(logs=logs, groups=groups, clock=clock, new_uuid=ids.new_uuid)
    return Logs(
        streams=live_tail.table(),
        subscriptions=subscriptions,
        metric_filters=metric_filters,
        tell=tell,
        retention=LogRetention(groups=groups),
        queries=queries,
        operations=with_log_errors(operations),
    )
