"""What pushes events to functions, wired: EventBridge's rules and schedules, and what their targets get."""

import asyncio
import hashlib
import platform
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alonzo import ids
from alonzo.aws.client.clients import AwsClients
from alonzo.aws.identity import CallerDirectory
from alonzo.clock import Clock
from alonzo.edge.error_table import to_api_error
from alonzo.edge.ingestion_endpoint import IngestionEndpoint
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.function import FunctionVersion
from alonzo.node.cluster import Cluster
from alonzo.node.companion import CompanionAccess
from alonzo.node.control_plane import ControlPlane
from alonzo.node.host_setup import node_name
from alonzo.node.seat import Seat
from alonzo.node.tables import Component
from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable
from alonzo.triggers.delivery import Delivery, TargetDeliveries
from alonzo.triggers.rules import EventRules
from alonzo.triggers.schedule import Progress
from alonzo.triggers.schedules import Schedules


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerTables:
    """Made by `open_trigger_tables`."""

    deliveries: RecordTable[Delivery]
    schedules: RecordTable[Progress]

    @property
    def followers(self) -> tuple[Component, ...]:
        """What keeps them up to date."""
        return (self.deliveries.run, self.schedules.run)


async def open_trigger_tables(connection: Connection) -> TriggerTables:
    """Errors: the store's."""
    async with asyncio.TaskGroup() as group:
        deliveries = group.create_task(RecordTable.open(connection, name="deliveries", record_type=Delivery))
        schedules = group.create_task(RecordTable.open(connection, name="schedules", record_type=Progress))
    return TriggerTables(deliveries=deliveries.result(), schedules=schedules.result())


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggers:
    """Made by `wire_triggers`."""

    deliveries: TargetDeliveries
    rules: EventRules
    schedules: Schedules
    is_own: Callable[[str], bool]
    """Of several workers, whether this one sees to what has that name."""

    async def run(self) -> None:
        """Component: until cancelled. It does nothing as long as nothing is there to be done."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.deliveries.run())
            group.create_task(self.schedules.run())


def home_of(data_directory: Path, seat: Seat | None) -> str:
    """What names those that share a companion, at their next start, too: a node alone, or all workers of one `alonzo up`."""
    return f"{platform.node()}/{node_name(data_directory) if seat is None else seat.cluster}"


def life_of(companion: CompanionAccess | None, *, persist: bool) -> str:
    """A companion that keeps nothing has forgotten its schedules when the next one starts; its token is of this start alone."""
    return "kept" if persist or companion is None else hashlib.sha256(companion.token.encode()).hexdigest()[:16]


def wire_triggers(
    *,
    tables: TriggerTables,
    home: str,
    life: str,
    control: ControlPlane,
    acceptance: EventAcceptance,
    services: AwsClients,
    trace_headers: TraceHeaders,
    cluster: Cluster | None,
    clock: Clock,
) -> Triggers:
    """`home`: what names those that share a companion. `life`: what names as much of its time as it remembers what was in it."""
    is_own = _ownership(cluster)

    def new_trace_header(version: FunctionVersion) -> str:
        return trace_headers.of_invocation(version, None)

    deliveries = TargetDeliveries(
        versions=control.resolution,
        acceptance=acceptance,
        services=services,
        waiting=tables.deliveries,
        home=home,
        is_own=is_own,
        new_trace_header=new_trace_header,
        random=random.random,
        clock=clock,
    )
    schedules = Schedules(
        table=tables.schedules,
        home=home,
        life=life,
        deliveries=deliveries,
        services=services,
        own_name="" if cluster is None else cluster.members.own_name,
        is_own=is_own,
        is_alive=lambda name: cluster is not None and name in cluster.members.names,
        clock=clock,
    )
    if cluster is not None:
        cluster.members.subscribe(deliveries.look)
        cluster.members.subscribe(schedules.look)
    rules = EventRules(deliveries=deliveries, new_uuid=ids.new_uuid, clock=clock)
    return Triggers(deliveries=deliveries, rules=rules, schedules=schedules, is_own=is_own)


def _ownership(cluster: Cluster | None) -> Callable[[str], bool]:
    """Of several workers, the one for which a hash of both names is highest: when somebody goes, only what was theirs moves."""
    if cluster is None:
        return lambda _: True
    members = cluster.members

    def is_own(name: str) -> bool:
        names = members.names
        if members.own_name not in names:
            return False  # it is about to join, or to leave
        return max(names, key=lambda each: hashlib.blake2b(f"{name}/{each}".encode(), digest_size=8).digest()) == members.own_name

    return is_own


def wire_ingestion(
    *,
    token: str | None,
    control: ControlPlane,
    acceptance: EventAcceptance,
    services: AwsClients,
    callers: CallerDirectory,
    trace_headers: TraceHeaders,
) -> IngestionEndpoint:
    """What takes events from outside."""
    return IngestionEndpoint(
        token=token,
        resolution=control.resolution,
        acceptance=acceptance,
        services=services,
        callers=callers,
        trace_headers=trace_headers,
        translate_error=to_api_error,
        new_uuid=ids.new_uuid,
    )
