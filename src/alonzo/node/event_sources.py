"""The pollers of event source mappings, wired, and the table of the kinds of sources."""

import asyncio
import importlib
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from alonzo import ids
from alonzo.aws.client.clients import AwsClients
from alonzo.clock import Clock
from alonzo.event_sources.filter_sealing import FilterSealing
from alonzo.event_sources.transitions import MappingTransitions
from alonzo.invoke.destinations.retries import Retries
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.event_source_mapping import EventSource, EventSourceMapping
from alonzo.model.names import FunctionReference
from alonzo.node.cluster import Cluster
from alonzo.node.configuration import Configuration
from alonzo.node.control_plane import ControlPlane
from alonzo.node.host_setup import node_name
from alonzo.node.seat import Seat
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.observe.log_delivery import LogDelivery
from alonzo.sources.event_pollers import EventPollers
from alonzo.sources.failures import FailureDelivery
from alonzo.sources.holders import Heartbeat, Holders
from alonzo.sources.invoking import BatchInvoker
from alonzo.sources.leases import UnitLeases, UnitRecord, mapping_key
from alonzo.sources.metrics import SourceMetrics
from alonzo.sources.notices import WriteNotices
from alonzo.sources.processing_results import OK, ProcessingResults
from alonzo.sources.sealed_filters import opening_sealed
from alonzo.sources.source import PollerKit, Source, SourceOpener
from alonzo.sources.system_log import SystemLog
from alonzo.store.connection import Connection
from alonzo.store.records import RecordTable

_KINDS: Mapping[EventSource, str] = MappingProxyType(
    {
        EventSource.SQS: "sqs",
        EventSource.SQS_FIFO: "sqs",
        EventSource.KINESIS: "kinesis",
        EventSource.DYNAMODB_STREAMS: "dynamodb_streams",
        EventSource.MSK: "kafka.source",
        EventSource.SELF_MANAGED_KAFKA: "kafka.source",
        EventSource.MQ: "mq.source",
        EventSource.DOCUMENT_DB: "document_db.source",
    }
)
"""The module under `alonzo.sources` whose `open_source` is the kind's `SourceOpener`; imported when a mapping of the kind is enabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTables:
    """Records of pollers. Made by `open_source_tables`; `beats` only where nodes share a store that know nothing of each other."""

    units: RecordTable[UnitRecord]
    beats: RecordTable[Heartbeat] | None

    def followers(self) -> list[Coroutine[Any, Any, None]]:
        """What keeps them up to date."""
        return [self.units.run()] if self.beats is None else [self.units.run(), self.beats.run()]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSources:
    """The components."""

    pollers: EventPollers
    transitions: MappingTransitions
    results: ProcessingResults

    async def run(self) -> None:
        """Component: until cancelled; `pollers.drain` before."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.transitions.run())
            group.create_task(self.results.run())
            group.create_task(self.pollers.run())


async def open_source_tables(connection: Connection, *, configuration: Configuration, seat: Seat | None) -> SourceTables:
    """Errors: the store's."""
    is_shared = configuration.nats_url is not None if seat is None else seat.store_directory is None
    return SourceTables(
        units=await RecordTable.open(connection, name="source-units", record_type=UnitRecord),
        beats=await RecordTable.open(connection, name="source-holders", record_type=Heartbeat) if is_shared else None,
    )


def wire_event_sources(
    *,
    tables: SourceTables,
    control: ControlPlane,
    invoker: VersionInvoker,
    services: AwsClients,
    recursion: RecursionGuard,
    metrics: FunctionMetrics,
    delivery: LogDelivery,
    notices: WriteNotices,
    retries: Retries,
    configuration: Configuration,
    cluster: Cluster | None,
    seat: Seat | None,
    clock: Clock,
) -> EventSources:
    """`services` and `retries` stay the caller's to close and to stop."""
    id_source = ids.IdSource()
    holders = Holders(
        cluster=node_name(configuration.data_directory) if seat is None else seat.cluster,
        own_name=ids.new_hex_id(8) if seat is None else seat.name,
        members=None if cluster is None else cluster.members,
        beats=tables.beats,
        clock=clock,
    )
    leases = UnitLeases(table=tables.units, holders=holders)
    results = ProcessingResults(control.mappings)
    unseal = FilterSealing(services).unseal
    transitions = MappingTransitions(records=control.mappings, is_polled=leases.is_polled, clock=clock)

    def make_kit(mapping: EventSourceMapping) -> PollerKit:
        key, source_metrics = mapping_key(mapping), SourceMetrics(mapping, metrics)
        batch_invoker = BatchInvoker(
            function=FunctionReference(mapping.scope, mapping.function_name, mapping.qualifier),
            versions=control.resolution,
            invoker=invoker,
            recursion=recursion,
            ids=id_source,
            clock=clock,
        )
        log = SystemLog(mapping=mapping, log_group=batch_invoker.log_group, open_outlet=delivery.open_outlet, clock=clock)

        def report(result: str) -> None:
            if result != OK:
                log.warn(result)
            results.report(key, result)

        return PollerKit(
            services=services,
            brokers=configuration.brokers,
            invoker=batch_invoker,
            failures=FailureDelivery(
                mapping=mapping, services=services, retries=retries, metrics=source_metrics, new_uuid=ids.new_uuid, clock=clock
            ),
            metrics=source_metrics,
            log=log,
            report=report,
            notices=notices,
            started_unix_ms=lambda: leases.started_unix_ms(mapping),
            clock=clock,
        )

    pollers = EventPollers(
        mappings=control.mappings,
        units=tables.units,
        leases=leases,
        holders=holders,
        transitions=transitions,
        openers={source: opening_sealed(_importing(module), unseal) for source, module in _KINDS.items()},
        make_kit=make_kit,
    )
    return EventSources(pollers=pollers, transitions=transitions, results=results)


def _importing(module: str) -> SourceOpener:
    async def open_source(mapping: EventSourceMapping, kit: PollerKit) -> Source:
        # In a thread: clients of brokers take a fifth of a second to be imported.
        opener: SourceOpener = (await asyncio.to_thread(importlib.import_module, f"alonzo.sources.{module}")).open_source
        return await opener(mapping, kit)

    return open_source
