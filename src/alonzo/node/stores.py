"""What of a node outlives its requests: the store and its tables, clients of other services, the companion."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.operation_names import OperationNames
from alonzo.aws.service_model import botocore_data_directory
from alonzo.clock import Clock
from alonzo.edge.audit_trail import AuditTrail
from alonzo.edge.lambda_api.code_links import CodeLinks
from alonzo.images.store import ImageStore
from alonzo.node.cluster import Cluster
from alonzo.node.companion import CompanionAccess, open_companion
from alonzo.node.configuration import Configuration
from alonzo.node.control_plane import ControlPlane, open_control_plane
from alonzo.node.event_queue import EventStores, open_event_stores
from alonzo.node.event_sources import SourceTables, open_source_tables
from alonzo.node.images import open_images
from alonzo.node.metric_tables import MetricTables, open_metric_tables
from alonzo.node.otlp import open_otlp
from alonzo.node.seat import Seat
from alonzo.node.secrets import get_secret
from alonzo.node.triggers import TriggerTables, open_trigger_tables
from alonzo.observe.usage import MonthlyUsage
from alonzo.sources.notices import WriteNotices
from alonzo.store.audit_stream import AuditStore
from alonzo.store.connection import Connection, connect
from alonzo.store.directory_lock import DirectoryLock
from alonzo.store.log_stream import LATENESS_MS, LogStore
from alonzo.store.record_archive import RecordArchive
from alonzo.store.server import EmbeddedServer, has_disk_room
from alonzo.triggers.log_groups import LogGroups

if TYPE_CHECKING:
    from alonzo.observe.otlp import OtlpSender

_LOG_STREAM_MAX_BYTES = 1 << 30
_LOG_STREAM_DISK_SHARE = 0.1
_LATENESS_ELSEWHERE_MS = 60_000
"""Clocks of other machines differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Made by `open_stores`."""

    connection: Connection
    components: list[Coroutine[Any, Any, None]]
    """What keeps them going: to be run while the node lives."""
    logs: LogStore
    log_groups: LogGroups
    events: EventStores
    sources: SourceTables
    notices: WriteNotices
    control: ControlPlane
    images: ImageStore
    usage: RecordArchive[MonthlyUsage]
    metrics: MetricTables
    cluster: Cluster | None
    services: AwsClients
    companion: CompanionAccess | None
    triggers: TriggerTables
    audit: AuditStore
    audit_trail: AuditTrail
    otlp: "OtlpSender | None"

    def has_event_bus(self) -> bool:
        """Whether EventBridge is the companion's and may have rules."""
        return self.companion is not None and self.services.is_companion("eventbridge") and self.companion.is_in_use()


async def open_stores(stack: AsyncExitStack, *, configuration: Configuration, seat: Seat | None, port: int, clock: Clock) -> Stores:
    """Everything that outlives a request. What is to be closed goes onto the stack. SetupError; errors of the store.

    `port`: where the node will serve.
    """
    data = configuration.data_directory
    components: list[Coroutine[Any, Any, None]] = []
    if configuration.nats_url is None:
        server = await EmbeddedServer.start(data_directory=data)
        stack.push_async_callback(server.aclose)
        connection = await connect(server.url, has_room=server.has_room)
        components.append(server.run())
    else:
        data.mkdir(parents=True, exist_ok=True)
        lock = await DirectoryLock.acquire(data / "lock")
        stack.callback(lock.release)
        connection = await connect(configuration.nats_url, has_room=_room(seat))
    stack.push_async_callback(connection.aclose)
    companion = _open_companion(stack, components, configuration=configuration, seat=seat, port=port)
    notices = WriteNotices()
    services = AwsClients(
        endpoints=configuration.aws_endpoints,
        companion_socket=None if companion is None else companion.socket_path,
        on_called=notices.note_call,
    )
    stack.push_async_callback(services.aclose)
    links = CodeLinks(key=await get_secret(connection, "code-links"), clock=clock)
    cluster = None if seat is None else await Cluster.open(connection, seat=seat, clock=clock)
    images = open_images(configuration)
    control = await open_control_plane(
        connection=connection,
        data_directory=data,
        code_links=links,
        services=services,
        resolve_image=images.resolve,
        account_concurrency=configuration.account_concurrency,
        takes_blocked_runtimes=configuration.deprecated_runtimes,
        cluster=cluster,
        clock=clock,
    )
    async with asyncio.TaskGroup() as group:
        opening_events = group.create_task(open_event_stores(connection, data_directory=data))
        opening_usage = group.create_task(RecordArchive.open(connection, name="usage", record_type=MonthlyUsage))
        opening_metrics = group.create_task(open_metric_tables(connection, data_directory=data))
        opening_triggers = group.create_task(open_trigger_tables(connection))
        opening_sources = group.create_task(open_source_tables(connection, configuration=configuration, seat=seat))
        opening_audit = group.create_task(AuditStore.open(connection))
        opening_logs = group.create_task(LogStore.open(connection, max_bytes=_log_stream_bytes(configuration)))
    events, usage, triggers, sources = opening_events.result(), opening_usage.result(), opening_triggers.result(), opening_sources.result()
    metrics = opening_metrics.result()
    followers = (*control.followers, *triggers.followers, *metrics.followers)
    components += [connection.run(), events.queue.run(), *(follow() for follow in followers), *sources.followers()]
    if cluster is not None:
        components += cluster.followers()
    audit = opening_audit.result()
    names = OperationNames(data_directory=botocore_data_directory())
    audit_trail = AuditTrail(appender=audit, names=names, clock=clock)
    components.append(audit_trail.run())
    otlp = open_otlp(configuration)
    if otlp is not None:
        components.append(otlp.run())
    return Stores(
        connection=connection,
        components=components,
        logs=opening_logs.result(),
        log_groups=LogGroups(
            records=control.log_groups,
            logs=opening_logs.result(),
            lateness_ms=LATENESS_MS if configuration.nats_url is None else _LATENESS_ELSEWHERE_MS,
            clock=clock,
        ),
        events=events,
        sources=sources,
        notices=notices,
        control=control,
        images=images,
        usage=usage,
        metrics=metrics,
        cluster=cluster,
        services=services,
        companion=companion,
        triggers=triggers,
        audit=audit,
        audit_trail=audit_trail,
        otlp=otlp,
    )


def _open_companion(
    stack: AsyncExitStack, components: list[Coroutine[Any, Any, None]], *, configuration: Configuration, seat: Seat | None, port: int
) -> CompanionAccess | None:
    """How the companion is reached, if there is one. Of several workers the parent has it."""
    if seat is not None:
        return seat.companion
    companion = open_companion(configuration, port=port)
    if companion is None:
        return None
    stack.push_async_callback(companion.aclose)
    components.append(companion.run())
    return companion.access


def _log_stream_bytes(configuration: Configuration) -> int:
    """How much of functions' logs is kept: unless it is said, they shall never take the room that functions need."""
    if configuration.logs_max_bytes is not None:
        return configuration.logs_max_bytes
    return min(_LOG_STREAM_MAX_BYTES, int(shutil.disk_usage(configuration.data_directory).free * _LOG_STREAM_DISK_SHARE))


def _room(seat: Seat | None) -> Callable[[], bool]:
    directory = None if seat is None else seat.store_directory
    return (lambda: True) if directory is None else (lambda: has_disk_room(directory))
