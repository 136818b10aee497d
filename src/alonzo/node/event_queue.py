"""The parts of asynchronous invocation, wired."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from alonzo.clock import Clock
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.invoke.asynchronous.administration import QueueAdministration
from alonzo.invoke.asynchronous.counters import EventCounters
from alonzo.invoke.asynchronous.dispatcher import EventDispatcher
from alonzo.invoke.asynchronous.endings import EventEndings
from alonzo.invoke.asynchronous.event_handling import EventHandling
from alonzo.invoke.asynchronous.outcomes import OutcomeDelivery
from alonzo.invoke.asynchronous.retry_policy import RetryPolicy
from alonzo.invoke.asynchronous.trials import EventTrials
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.node.cluster import Cluster, QueueOwners
from alonzo.node.cluster_views import QueuesElsewhere, answer_about_queues
from alonzo.node.control_plane import ControlPlane
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.store.connection import Connection
from alonzo.store.event_queue import EventQueue
from alonzo.store.failed_events import FailedEvents

_FAILED_MAX_BYTES = 256 * 1024 * 1024
_FAILED_DISK_SHARE = 0.05
_BUSY_PERCENT = 85.0
_MEMORY_FREE_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStores:
    """Where events lie. Made by `open_event_stores`."""

    queue: EventQueue
    failed_events: FailedEvents


@dataclass(frozen=True, slots=True, kw_only=True)
class AsynchronousInvocation:
    """The parts that others need to know."""

    acceptance: EventAcceptance
    dispatcher: EventDispatcher
    administration: QueueAdministration
    counters: EventCounters
    owners: QueueOwners | None

    async def run(self) -> None:
        """Component of one of several workers: has events served where they are to be."""
        assert self.owners is not None
        await self.owners.run(self.dispatcher.wake)


async def open_event_stores(connection: Connection, *, data_directory: Path) -> EventStores:
    """Errors: the store's."""
    max_bytes = min(_FAILED_MAX_BYTES, int(shutil.disk_usage(data_directory).free * _FAILED_DISK_SHARE))
    return EventStores(
        queue=await EventQueue.open(connection), failed_events=await FailedEvents.open(connection, max_bytes=max(max_bytes, 1))
    )


def wire_asynchronous_invocation(
    *,
    stores: EventStores,
    control: ControlPlane,
    invoker: VersionInvoker,
    recursion: RecursionGuard,
    metrics: FunctionMetrics,
    outcomes: Callable[[EventAcceptance], OutcomeDelivery],
    retry_delays_seconds: tuple[float, ...],
    account_concurrency: int,
    cluster: Cluster | None = None,
    clock: Clock,
) -> AsynchronousInvocation:
    """Everything above the stores. `outcomes` makes who is told how events end, and may have new ones to be accepted."""
    counters = EventCounters()
    owners = None if cluster is None else QueueOwners(cluster=cluster)

    def is_switched_off(scope: Scope, function_name: str) -> bool:
        return control.concurrency.function(scope, function_name).reserved == 0

    def wake(function: FunctionReference) -> None:
        if owners is None or owners.is_own(function):
            dispatcher.wake(function)  # it is made below, of parts that need what accepts
        else:
            owners.tell(function)

    acceptance = EventAcceptance(
        queue=stores.queue,
        wake=wake,
        counters=counters,
        metrics=metrics,
        clock=clock,
    )
    handling = EventHandling(
        trials=EventTrials(
            versions=control.resolution,
            configs=control.event_invoke,
            invoker=invoker,
            is_switched_off=is_switched_off,
            recursion=recursion,
            clock=clock,
        ),
        endings=EventEndings(
            outcomes=outcomes(acceptance), failed_events=stores.failed_events, configs=control.event_invoke, counters=counters, clock=clock
        ),
        queue=stores.queue,
        policy=RetryPolicy(retry_delays_seconds),
        configs=control.event_invoke,
        counters=counters,
        metrics=metrics,
        clock=clock,
    )
    dispatcher = EventDispatcher(
        queue=stores.queue,
        handling=handling,
        account_concurrency=account_concurrency,
        is_machine_free=_is_machine_free,
        clock=clock,
        is_served_here=(lambda _: True) if owners is None else owners.is_own,
    )
    administration = QueueAdministration(
        queue=stores.queue,
        failed_events=stores.failed_events,
        dispatcher=dispatcher,
        counters=counters,
        clock=clock,
        others=None if cluster is None else QueuesElsewhere(cluster),
    )
    if cluster is not None:
        answer_about_queues(cluster, administration)
    return AsynchronousInvocation(
        acceptance=acceptance,
        dispatcher=dispatcher,
        owners=owners,
        administration=administration,
        counters=counters,
    )


def _is_machine_free() -> bool:
    """Since it was asked last. More at once then helps events that wait for something else than the processors."""
    memory = psutil.virtual_memory()
    return psutil.cpu_percent(interval=None) < _BUSY_PERCENT and memory.available / memory.total > _MEMORY_FREE_SHARE
