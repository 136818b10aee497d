"""Who is told how asynchronous invocations end, wired."""

from alonzo import ids
from alonzo.aws.client.clients import AwsClients
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.invoke.destinations.delivery import OutcomeDeliveries
from alonzo.invoke.destinations.retries import Retries
from alonzo.invoke.recursion import RecursionGuard
from alonzo.node.control_plane import ControlPlane
from alonzo.observe.function_metrics import FunctionMetrics


def wire_destinations(
    *,
    control: ControlPlane,
    services: AwsClients,
    acceptance: EventAcceptance,
    recursion: RecursionGuard,
    metrics: FunctionMetrics,
    retries: Retries,
) -> OutcomeDeliveries:
    """`services` and `retries` stay the caller's to close and to stop."""
    return OutcomeDeliveries(
        settings=control.event_invoke,
        versions=control.resolution,
        services=services,
        acceptance=acceptance,
        recursion=recursion,
        metrics=metrics,
        retries=retries,
        new_uuid=ids.new_uuid,
    )
