"""The Logs API and the subscriptions to log groups, wired."""

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
from alonzo.node.control_plane import ControlPlane
from alonzo.store.log_stream import LogStore
from alonzo.triggers.log_groups import LogGroups
from alonzo.triggers.log_subscriptions import LogSubscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Made by `wire_logs`."""

    subscriptions: LogSubscriptions
    operations: OperationTable
    """Of the service `logs`."""


def wire_logs(*, logs: LogStore, control: ControlPlane, acceptance: EventAcceptance, trace_headers: TraceHeaders, clock: Clock) -> Logs:
    """`subscriptions` is to be run, and told of what is written."""
    groups = LogGroups(records=control.log_groups, logs=logs, clock=clock)
    subscriptions = LogSubscriptions(
        subscriptions=groups,
        resolution=control.resolution,
        acceptance=acceptance,
        trace_header_for=trace_headers.of_invocation,
        new_uuid=ids.new_uuid,
    )
    operations = {
        **LogOperations(logs=logs, groups=groups).table(),
        **LogWritingOperations(groups=groups, logs=logs, tell=subscriptions.tell, clock=clock).table(),
        **LogSubscriptionOperations(groups=groups, resolution=control.resolution, policies=control.policies, clock=clock).table(),
    }
    return Logs(subscriptions=subscriptions, operations=with_log_errors(operations))
