"""One node, wired: every part made here and handed to those that need it, started in order, ended in the opposite order."""

import asyncio
import logging
import random
import shutil
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from alonzo import __version__, ids
from alonzo.aws.client.clients import AwsClients
from alonzo.aws.identity import CallerDirectory
from alonzo.aws.service_model import ServiceModels
from alonzo.clock import Clock, SystemClock
from alonzo.edge.app import Application, OwnRoutes
from alonzo.edge.aws_api import AwsApi
from alonzo.edge.changed_code import FUNCTIONS_PATH, ChangedCodeEndpoint
from alonzo.edge.companion_endpoint import COMPANION_PATH, CompanionEndpoint
from alonzo.edge.error_table import to_api_error
from alonzo.edge.health import health_routes
from alonzo.edge.http_events.function_calls import FunctionCalls
from alonzo.edge.ingestion_endpoint import INGESTION_PATH
from alonzo.edge.invoke_endpoint import InvokeEndpoint
from alonzo.edge.lambda_api.code_links import CODE_PATH_PREFIX, CodeDownloads, CodeLinks
from alonzo.edge.lambda_api.invoke_async_operations import InvokeAsyncOperations
from alonzo.edge.metrics_page import METRICS_PATH, metrics_page
from alonzo.edge.other_services import OtherServices
from alonzo.edge.patience import HttpTimeouts
from alonzo.edge.queue_routes import QUEUES_PATH, QueueEndpoint
from alonzo.edge.server import HttpServer
from alonzo.edge.service_proxy import ServiceProxy
from alonzo.edge.stream_endpoint import STREAM_PATH_PREFIX, StreamEndpoint
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.edge.usage_routes import USAGE_PATH, UsageEndpoint
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.factory import EnvironmentFactory
from alonzo.environment.outcomes import InitFailed
from alonzo.environment.prestarted import PrestartedPrograms
from alonzo.environment.sandboxes import RuntimeSandboxes
from alonzo.errors import AlonzoError
from alonzo.functions.activation import Activations
from alonzo.functions.errors import ActivationFailed
from alonzo.invoke.destinations.retries import PAUSES_SECONDS, WAITING_MAX_BYTES, Retries
from alonzo.invoke.handing_over import HandingOver
from alonzo.invoke.invoker import Invoker, VersionInvoker
from alonzo.invoke.keep_alive import FixedKeepAlive, KeepAlive, LearnedKeepAlive
from alonzo.invoke.memory_room import MemoryRoom
from alonzo.invoke.new_environments import NewEnvironments
from alonzo.invoke.pools import EnvironmentPools
from alonzo.invoke.provisioned import ProvisionedEnvironments
from alonzo.invoke.recursion import RecursionGuard
from alonzo.invoke.snap_start import SnapStartEnvironments
from alonzo.invoke.wakefulness import Wakefulness
from alonzo.model.function import FunctionVersion
from alonzo.node.cluster import Cluster
from alonzo.node.cluster_views import SharedMetrics
from alonzo.node.companion import COMPANION_SERVICES, CompanionAccess, open_companion
from alonzo.node.configuration import DEFAULT_KEEP_ALIVE_SECONDS, Configuration
from alonzo.node.control_plane import ControlPlane, open_control_plane
from alonzo.node.destinations import wire_destinations
from alonzo.node.door import Door, HandedDoor, ListeningDoor
from alonzo.node.event_queue import AsynchronousInvocation, EventStores, open_event_stores, wire_asynchronous_invocation
from alonzo.node.event_sources import SourceTables, open_source_tables, wire_event_sources
from alonzo.node.front_doors import FrontDoorParts, GatewayWrites, wire_front_doors
from alonzo.node.host_setup import Host, set_up_host
from alonzo.node.limits import wire_limits
from alonzo.node.log_appending import StoredLogs
from alonzo.node.logs import Logs, wire_logs
from alonzo.node.programs import Programs
from alonzo.node.seat import Seat
from alonzo.node.secrets import get_secret
from alonzo.node.tls import open_tls_context
from alonzo.node.triggers import Triggers, TriggerTables, home_of, life_of, open_trigger_tables, wire_ingestion, wire_triggers
from alonzo.node.usage_keeping import UsageKeeper
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.observe.log_delivery import LogDelivery
from alonzo.observe.process_metrics import read_process
from alonzo.observe.usage import MonthlyUsage, UsageMeter
from alonzo.sandbox.memory import MemoryReader
from alonzo.sources.notices import WriteNotices
from alonzo.store.connection import Connection, connect
from alonzo.store.directory_lock import DirectoryLock
from alonzo.store.log_stream import LogStore
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer, has_disk_room

_log = logging.getLogger(__name__)

_LOG_STREAM_MAX_BYTES = 1 << 30
_LOG_STREAM_DISK_SHARE = 0.1
_SPARE_SANDBOXES = 2
_PRESTARTED_MEMORY_SHARE = 0.05
_PRESTARTED_BYTES = 48 << 20
"""What a Node.js that waits takes, measured."""
_DRAIN_SECONDS = 30.0
_SHUTDOWN_SECONDS = 5.0
"""More than extensions get of it (`model/quotas.py`)."""
_MEMORY_WAIT_SECONDS = 5.0
"""So long an invocation waits for memory: most end sooner, and the SDKs' clients have a minute."""
_HTTP_TIMEOUTS = HttpTimeouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    connection: Connection
    components: list[Coroutine[Any, Any, None]]
    """What keeps them going: to be run while the node lives."""
    logs: LogStore
    events: EventStores
    sources: SourceTables
    notices: WriteNotices
    control: ControlPlane
    usage: RecordTable[MonthlyUsage]
    cluster: Cluster | None
    services: AwsClients
    companion: CompanionAccess | None
    triggers: TriggerTables


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invocation:
    """The parts that run functions."""

    sandboxes: RuntimeSandboxes
    factory: EnvironmentFactory
    room: MemoryRoom
    tasks: EnvironmentTasks
    delivery: LogDelivery
    usage: UsageKeeper
    pools: EnvironmentPools
    invoker: VersionInvoker
    provisioned: ProvisionedEnvironments
    snap_start: SnapStartEnvironments


class Node:
    """`run` is its whole life. `programs`: what is being found on the host meanwhile; `seat`: it is one of several workers."""

    def __init__(self, configuration: Configuration, *, programs: Awaitable[Programs], seat: Seat | None = None) -> None:
        self._configuration = configuration
        self._programs = programs
        self._seat = seat
        self._clock: Clock = SystemClock()

    async def run(self, *, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
        """Start, tell `on_ready` the endpoint's URL, serve until `stop` is set, drain and end. Cancelling ends at once.

        Raises SetupError when something that the user must mend is in the way.
        """
        configuration = self._configuration
        async with AsyncExitStack() as stack:
            door: Door = ListeningDoor(configuration) if self._seat is None else HandedDoor(self._seat)
            stack.callback(door.abandon)
            stores = await self._open_stores(stack, port=door.port)
            async with asyncio.TaskGroup() as keepers:
                tasks = [keepers.create_task(component) for component in stores.components]
                host = await set_up_host(configuration, programs=await self._programs, endpoint_port=door.port)
                stack.callback(host.settings.cgroups.remove)
                await self._serve(resources=stack, stores=stores, host=host, door=door, stop=stop, on_ready=on_ready)
                for task in tasks:
                    task.cancel()

    async def _open_stores(self, stack: AsyncExitStack, *, port: int) -> _Stores:
        configuration = self._configuration
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
            connection = await connect(configuration.nats_url, has_room=_room(self._seat))
        stack.push_async_callback(connection.aclose)
        companion = self._open_companion(stack, components, port=port)
        notices = WriteNotices()
        services = AwsClients(
            endpoints=configuration.aws_endpoints,
            companion_socket=None if companion is None else companion.socket_path,
            on_called=notices.note_call,
        )
        stack.push_async_callback(services.aclose)
        links = CodeLinks(key=await get_secret(connection, "code-links"), clock=self._clock)
        cluster = None if self._seat is None else await Cluster.open(connection, seat=self._seat, clock=self._clock)
        control = await open_control_plane(
            connection=connection,
            data_directory=data,
            code_links=links,
            services=services,
            account_concurrency=configuration.account_concurrency,
            takes_blocked_runtimes=configuration.deprecated_runtimes,
            cluster=cluster,
            clock=self._clock,
        )
        events = await open_event_stores(connection, data_directory=data)
        usage = await RecordTable.open(connection, name="usage", record_type=MonthlyUsage)
        triggers = await open_trigger_tables(connection)
        followers = (*control.followers, *triggers.followers)
        sources = await open_source_tables(connection, configuration=configuration, seat=self._seat)
        components += [connection.run(), events.queue.run(), usage.run(), *(follow() for follow in followers), *sources.followers()]
        if cluster is not None:
            components += cluster.followers()
        return _Stores(
            connection=connection,
            components=components,
            logs=await LogStore.open(connection, max_bytes=_log_stream_bytes(data)),
            events=events,
            sources=sources,
            notices=notices,
            control=control,
            usage=usage,
            cluster=cluster,
            services=services,
            companion=companion,
            triggers=triggers,
        )

    def _open_companion(self, stack: AsyncExitStack, components: list[Coroutine[Any, Any, None]], *, port: int) -> CompanionAccess | None:
        """How the companion is reached, if there is one. Of several workers the parent has it."""
        if self._seat is not None:
            return self._seat.companion
        companion = open_companion(self._configuration, port=port)
        if companion is None:
            return None
        stack.push_async_callback(companion.aclose)
        components.append(companion.run())
        return companion.access

    async def _serve(
        self,
        *,
        resources: AsyncExitStack,
        stores: _Stores,
        host: Host,
        door: Door,
        stop: asyncio.Event,
        on_ready: Callable[[str], None],
    ) -> None:
        control = stores.control
        servers: list[HttpServer] = []

        async def serve_endpoint(endpoint: socket.socket) -> Callable[[], None]:
            return (await servers[0].serve_socket(endpoint)).close

        parts = self._wire_invocation(stores=stores, host=host, serve_endpoint=serve_endpoint)
        metrics, notices = FunctionMetrics(), stores.notices
        retries = Retries(pauses_seconds=PAUSES_SECONDS, waiting_max_bytes=WAITING_MAX_BYTES, random=random.random)
        recursion = RecursionGuard(settings=control.recursion, metrics=metrics)
        asynchronous = wire_asynchronous_invocation(
            stores=stores.events,
            control=control,
            invoker=parts.invoker,
            recursion=recursion,
            outcomes=lambda acceptance: wire_destinations(
                control=control, services=stores.services, acceptance=acceptance, recursion=recursion, metrics=metrics, retries=retries
            ),
            retry_delays_seconds=self._configuration.async_retry_delays_seconds,
            account_concurrency=self._configuration.account_concurrency,
            cluster=stores.cluster,
            clock=self._clock,
        )
        triggers = wire_triggers(
            tables=stores.triggers,
            home=home_of(self._configuration.data_directory, self._seat),
            life=life_of(stores.companion, persist=self._configuration.persist),
            control=control,
            acceptance=asynchronous.acceptance,
            services=stores.services,
            cluster=stores.cluster,
            clock=self._clock,
        )
        logs = wire_logs(logs=stores.logs, control=control, acceptance=asynchronous.acceptance, clock=self._clock)
        parts.delivery.listen(logs.subscriptions.tell)
        application, proxy = self._wire_edge(
            stores=stores,
            parts=parts,
            asynchronous=asynchronous,
            triggers=triggers,
            recursion=recursion,
            metrics=metrics,
            notices=notices,
            logs=logs,
            resources=resources,
        )
        server = HttpServer(application=application, timeouts=_HTTP_TIMEOUTS, tls=open_tls_context(self._configuration))
        sources = wire_event_sources(
            tables=stores.sources,
            control=control,
            invoker=parts.invoker,
            services=stores.services,
            recursion=recursion,
            metrics=metrics,
            notices=notices,
            retries=retries,
            configuration=self._configuration,
            cluster=stores.cluster,
            seat=self._seat,
            clock=self._clock,
        )
        servers.append(server)
        activations = Activations(records=control.records, code_directories=control.code_directories, activate=_activation(parts))
        stop_retiring = control.functions.subscribe(lambda key, current: _note_change(parts, key, current))
        async with aclosing(proxy), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(component)
                for component in (parts.delivery.run(), parts.sandboxes.run(), parts.pools.run(), activations.run(), server.run())
            ]
            tasks += [group.create_task(parts.tasks.run()), group.create_task(parts.usage.run())]
            tasks.append(group.create_task(_warm_up(control.records, parts.factory)))
            tasks.append(group.create_task(asynchronous.dispatcher.run()))
            tasks.append(group.create_task(triggers.run()))
            tasks.append(group.create_task(logs.subscriptions.run()))
            existing = [version for _, version in control.records.iter_prefix(())]
            keepers = [group.create_task(component) for component in (parts.provisioned.run(), parts.snap_start.run(existing))]
            if stores.cluster is not None:
                tasks += [group.create_task(stores.cluster.run()), group.create_task(asynchronous.run())]
                await stores.cluster.join()
            tasks.append(group.create_task(sources.run()))
            await door.open(server)
            on_ready(url_of(self._configuration.host, door.port))
            await stop.wait()
            retries.stop()
            await door.close()
            async with asyncio.TaskGroup() as drains:
                drains.create_task(server.drain(timeout_seconds=_DRAIN_SECONDS))
                drains.create_task(asynchronous.dispatcher.drain(timeout_seconds=_DRAIN_SECONDS))
                drains.create_task(sources.pollers.drain(timeout_seconds=_DRAIN_SECONDS))
                if stores.cluster is not None:
                    drains.create_task(stores.cluster.delegation.drain(timeout_seconds=_DRAIN_SECONDS))
            stop_retiring()
            for keeper in keepers:
                keeper.cancel()  # first: it would replace what the pools end
            parts.pools.close()
            await parts.pools.drain(timeout_seconds=_SHUTDOWN_SECONDS)
            await parts.delivery.flush()
            await logs.subscriptions.drain(timeout_seconds=_SHUTDOWN_SECONDS)
            if stores.cluster is not None:
                await stores.cluster.leave()
            for task in tasks:
                task.cancel()

    def _services(self, own: Iterable[str]) -> list[str]:
        """What can be asked for here."""
        others = COMPANION_SERVICES if self._configuration.has_companion else ()
        return sorted({*own, *others, *self._configuration.aws_endpoints.of_services})

    def _wire_invocation(
        self, *, stores: _Stores, host: Host, serve_endpoint: Callable[[socket.socket], Awaitable[Callable[[], None]]]
    ) -> _Invocation:
        clock, processor_count = self._clock, (psutil.cpu_count() or 1) // self._configuration.workers
        delivery = LogDelivery(appender=StoredLogs(logs=stores.logs), clock=clock)
        memory = MemoryReader()
        meter = UsageMeter()
        usage = UsageKeeper(
            meter=meter,
            table=stores.usage,
            versions=stores.control.records,
            allocations=stores.control.allocations,
            owner="0" if self._seat is None else f"{self._seat.cluster} {self._seat.number}",
            clock=clock,
        )

        def memory_available() -> float:
            return memory.read().available_share

        prestarted = None
        if self._configuration.prewarm:
            prestarted = PrestartedPrograms(
                limit=_prestarted_max(memory.read().total, self._configuration.workers), memory_available=memory_available, clock=clock
            )
        sandboxes = RuntimeSandboxes(
            interpreters=host.interpreters,
            places=host.places,
            settings=host.settings,
            users=host.users,
            strict=self._configuration.strict_runtimes,
            spare_count=_SPARE_SANDBOXES,
            zygote_count=max(1, processor_count),
            packages=host.settings.packages,
            prestarted=prestarted,
        )
        tasks = EnvironmentTasks()
        factory = EnvironmentFactory(
            sandboxes=sandboxes,
            settings=host.settings,
            tmp=host.tmp_images,
            delivery=delivery,
            usage=meter,
            serve_endpoint=serve_endpoint,
            tasks=tasks,
            clock=clock,
        )
        pools = EnvironmentPools(
            keep_alive=_keep_alive(self._configuration.keep_alive_seconds, clock),
            memory_available=memory_available,
            shed_spares=prestarted.shed if prestarted is not None else lambda: 0,
        )
        room = MemoryRoom(read=memory.read, evict=pools.make_room, wait_seconds=_MEMORY_WAIT_SECONDS, clock=clock)
        limits = wire_limits(
            control=stores.control, cluster=stores.cluster, account_limit=self._configuration.account_concurrency, clock=clock
        )
        new_environments = NewEnvironments(code=stores.control.code_directories, environments=factory, pools=pools, room=room)
        snap_start = SnapStartEnvironments(
            versions=stores.control.functions, environments=new_environments, memory_available=memory_available, clock=clock
        )
        invoker: VersionInvoker = Invoker(
            versions=stores.control.functions,
            new_environments=new_environments,
            snapshots=snap_start,
            pools=pools,
            admission=limits.admission,
            wakefulness=Wakefulness(processor_count=processor_count),
            shared=limits.shared,
        )
        if limits.shared is not None and stores.cluster is not None:
            invoker = HandingOver(
                own=invoker,
                admission=limits.admission,
                pools=pools,
                holders=limits.shared,
                versions=stores.control.functions,
                delegation=stores.cluster.delegation,
            )
        provisioned = ProvisionedEnvironments(
            settings=limits.provisioned,
            allocations=stores.control.allocations,
            versions=stores.control.functions,
            create=new_environments.create,
            pools=pools,
            clock=clock,
        )
        return _Invocation(
            sandboxes=sandboxes,
            factory=factory,
            room=room,
            tasks=tasks,
            delivery=delivery,
            usage=usage,
            pools=pools,
            invoker=invoker,
            provisioned=provisioned,
            snap_start=snap_start,
        )

    def _wire_edge(
        self,
        *,
        stores: _Stores,
        parts: _Invocation,
        asynchronous: AsynchronousInvocation,
        triggers: Triggers,
        recursion: RecursionGuard,
        metrics: FunctionMetrics,
        notices: WriteNotices,
        logs: Logs,
        resources: AsyncExitStack,
    ) -> tuple[Application, ServiceProxy]:
        control = stores.control
        models, callers, id_source = ServiceModels(), CallerDirectory(), ids.IdSource()
        trace_headers = TraceHeaders(ids=id_source)
        invoke = InvokeEndpoint(
            resolution=control.resolution,
            invoker=parts.invoker,
            acceptance=asynchronous.acceptance,
            callers=callers,
            models=models,
            translate_error=to_api_error,
            ids=id_source,
            trace_headers=trace_headers,
            recursion=recursion,
        )
        invoke_async = InvokeAsyncOperations(resolution=control.resolution, acceptance=asynchronous.acceptance, trace_headers=trace_headers)
        operations = {
            "lambda": {**control.operations, **invoke_async.table()},
            "logs": logs.operations,
        }
        aws_api = AwsApi(
            models=models,
            operations=operations,
            callers=callers,
            translate_error=to_api_error,
            new_request_id=ids.new_uuid,
            before_answer=None if stores.cluster is None else stores.cluster.agree,
        )
        writes = GatewayWrites()
        proxy = ServiceProxy(
            requests=OtherServices(own=operations.keys(), models=models, callers=callers),
            endpoints=self._configuration.aws_endpoints,
            companion_socket=None if stores.companion is None else stores.companion.socket_path,
            own=aws_api,
            new_request_id=ids.new_uuid,
            on_request=notices.note,
            on_write=writes.note,
        )
        pages = {
            **health_routes(
                version=__version__, services=self._services(operations), clock=self._clock, count_workers=_worker_count(stores.cluster)
            ),
            METRICS_PATH: metrics_page(metrics if stores.cluster is None else SharedMetrics(stores.cluster, metrics), read_process),
        }
        own_routes = OwnRoutes(
            exact={path: proxy.beside(page) for path, page in pages.items()},
            prefixes={
                CODE_PATH_PREFIX: CodeDownloads(links=control.code_links, blobs=control.blobs),
                USAGE_PATH: UsageEndpoint(read=parts.usage.read, callers=callers, translate_error=to_api_error, clock=self._clock),
                FUNCTIONS_PATH: ChangedCodeEndpoint(
                    functions=control.functions,
                    code_signing=control.code_signing,
                    blobs=control.blobs,
                    callers=callers,
                    translate_error=to_api_error,
                    before_answer=None if stores.cluster is None else stores.cluster.agree,
                ),
                QUEUES_PATH: QueueEndpoint(administration=asynchronous.administration, callers=callers, translate_error=to_api_error),
                INGESTION_PATH: wire_ingestion(
                    token=self._configuration.events_token,
                    control=control,
                    acceptance=asynchronous.acceptance,
                    services=stores.services,
                    callers=callers,
                    trace_headers=trace_headers,
                ),
                COMPANION_PATH: CompanionEndpoint(
                    token=None if stores.companion is None else stores.companion.token, rules=triggers.rules, schedules=triggers.schedules
                ),
                STREAM_PATH_PREFIX: StreamEndpoint(invoke=invoke, invoker=parts.invoker, otherwise=proxy),
            },
        )
        calls = FunctionCalls(
            resolution=control.resolution, invoker=parts.invoker, ids=id_source, trace_headers=trace_headers, recursion=recursion
        )
        front_doors = wire_front_doors(
            FrontDoorParts(
                control=control,
                calls=calls,
                acceptance=asynchronous.acceptance,
                services=stores.services,
                writes=writes,
                aws_api=proxy,
                clock=self._clock,
            ),
            resources,
        )
        return Application(invoke=invoke, front_doors=front_doors, own_routes=own_routes, aws_api=proxy), proxy


def _activation(parts: _Invocation) -> Callable[[FunctionVersion], Awaitable[None]]:
    async def activate(version: FunctionVersion) -> None:
        if version.code.image_uri is not None:
            raise ActivationFailed("Alonzo does not run container images yet.", reason_code="InvalidImage")
        if version.custom_runtime is not None:
            raise ActivationFailed(f"There is no runtime {version.custom_runtime.arn} here.", reason_code="InvalidRuntime")
        try:
            await parts.factory.prepare(version)
        except AlonzoError as error:
            raise ActivationFailed(str(error), reason_code="InvalidRuntime") from error
        if version.uses_snap_start:
            try:
                await parts.snap_start.publish(version)
            except InitFailed as error:
                raise ActivationFailed("An error occurred during function initialization.", reason_code="FunctionError") from error

    return activate


async def _warm_up(records: RecordTable[FunctionVersion], factory: EnvironmentFactory) -> None:
    """After a restart: have the runtimes of the functions that are there ready before they are invoked."""
    one_of_each = {version.runtime: version for _, version in records.iter_prefix(()) if version.runtime is not None}
    for version in one_of_each.values():
        try:
            await factory.prepare(version)
        except AlonzoError as error:
            _log.warning("functions on %s cannot run: %s", version.runtime, error)


def _log_stream_bytes(data_directory: Path) -> int:
    """How much of functions' logs is kept: they shall never take the room that functions need."""
    return min(_LOG_STREAM_MAX_BYTES, int(shutil.disk_usage(data_directory).free * _LOG_STREAM_DISK_SHARE))


def _keep_alive(fixed_seconds: float | None, clock: Clock) -> KeepAlive:
    if fixed_seconds is None:
        return LearnedKeepAlive(default_seconds=DEFAULT_KEEP_ALIVE_SECONDS, clock=clock)
    return FixedKeepAlive(seconds=fixed_seconds, clock=clock)


def _note_change(parts: _Invocation, key: tuple[str, ...], current: FunctionVersion | None) -> None:
    parts.pools.retire((key[0], key[1], key[2], key[3]), current and current.runnable)
    if current is None:
        parts.room.forget(key[0], key[1], key[2])


def _prestarted_max(memory_bytes: int, workers: int) -> int:
    """How many programs may wait for functions in one of so many processes, by what all of them take of the machine's memory."""
    return int(memory_bytes * _PRESTARTED_MEMORY_SHARE / _PRESTARTED_BYTES / workers)


def _worker_count(cluster: Cluster | None) -> Callable[[], int] | None:
    return None if cluster is None else lambda: len(cluster.members.names)


def _room(seat: Seat | None) -> Callable[[], bool]:
    directory = None if seat is None else seat.store_directory
    return (lambda: True) if directory is None else (lambda: has_disk_room(directory))


def url_of(host: str, port: int) -> str:
    """Where clients reach a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
