"""The Logs API and the subscriptions to log groups, wired."""

from collections.abc import Sequence
from dataclasses import dataclass

from alonzo import ids
from alonzo.clock import Clock
from alonzo.edge.log_errors import with_log_errors
from alonzo.edge.log_subscription_operations import LogSubscriptionOperations
from alonzo.edge.log_writing import LogWritingOperations
from alonzo.edge.logs_api import LogOperations
from alonzo.edge.operations import OperationTable
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.log_event import LogEvent
from alonzo.node.control_plane import ControlPlane
from alonzo.observe.log_delivery import Listener, LogStreamName
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups
from alonzo.triggers.log_subscriptions import LogSubscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Made by `wire_logs`."""

    subscriptions: LogSubscriptions
    tell: Listener
    """To be told of events that were kept."""
    operations: OperationTable
    """Of the service `logs`."""


def wire_logs(*, logs: LogStore, control: ControlPlane, acceptance: EventAcceptance, read_metrics: Listener, clock: Clock) -> Logs:
    """`subscriptions` is to be run. `read_metrics` is told of what is written, too."""
    groups = LogGroups(records=control.log_groups, logs=logs, clock=clock)
    subscriptions = LogSubscriptions(
        subscriptions=groups,
        resolution=control.resolution,
        acceptance=acceptance,
        trace_header_for=TraceHeaders(ids=ids.IdSource()).of_invocation,
        new_uuid=ids.new_uuid,
    )

    def tell(name: LogStreamName, events: Sequence[LogEvent], chain: str | None) -> None:
        subscriptions.tell(name, events, chain)
        read_metrics(name, events, chain)

    operations = {
        **LogOperations(logs=logs, groups=groups).table(),
        **LogWritingOperations(groups=groups, logs=logs, tell=tell, clock=clock).table(),
        **LogSubscriptionOperations(groups=groups, resolution=control.resolution, policies=control.policies, clock=clock).table(),
    }
    return Logs(subscriptions=subscriptions, tell=tell, operations=with_log_errors(operations))
