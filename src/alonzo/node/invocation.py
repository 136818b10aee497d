"""The parts that run functions, wired."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psutil

from alonzo.clock import Clock
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.factory import EnvironmentFactory, ServeEndpoint
from alonzo.environment.outcomes import InitFailed
from alonzo.environment.prestarted import PrestartedPrograms
from alonzo.environment.sandboxes import RuntimeSandboxes
from alonzo.errors import AlonzoError
from alonzo.functions.errors import ActivationFailed
from alonzo.images.store import ImageStore
from alonzo.invoke.handing_over import HandingOver
from alonzo.invoke.invoker import Invoker, VersionInvoker
from alonzo.invoke.keep_alive import FixedKeepAlive, KeepAlive, LearnedKeepAlive
from alonzo.invoke.memory_room import MemoryRoom
from alonzo.invoke.new_environments import NewEnvironments
from alonzo.invoke.pools import EnvironmentPools
from alonzo.invoke.processor_room import ProcessorRoom
from alonzo.invoke.provisioned import ProvisionedEnvironments
from alonzo.invoke.snap_start import SnapStartEnvironments
from alonzo.invoke.traced import TracedInvoker
from alonzo.invoke.wakefulness import Wakefulness
from alonzo.model.function import FunctionVersion
from alonzo.node.configuration import DEFAULT_KEEP_ALIVE_SECONDS, Configuration
from alonzo.node.host_setup import Host
from alonzo.node.images import prepare_image
from alonzo.node.limits import wire_limits
from alonzo.node.log_appending import StoredLogs
from alonzo.node.metrics import MetricParts
from alonzo.node.seat import Seat
from alonzo.node.stores import Stores
from alonzo.node.traces import Traces, wire_traces
from alonzo.node.usage_keeping import UsageKeeper
from alonzo.observe.log_delivery import LogDelivery
from alonzo.observe.usage import UsageMeter
from alonzo.sandbox.memory import MemoryReader
from alonzo.sandbox.pacemaker import Pacemaker, pacing_interval
from alonzo.sandbox.processors import ProcessorLoad
from alonzo.store.records import RecordTable

_log = logging.getLogger(__name__)

_SPARE_SANDBOXES = 2
_PRESTARTED_MEMORY_SHARE = 0.05
_PRESTARTED_BYTES = 48 << 20
"""What a Node.js that waits takes, measured."""
_MEMORY_WAIT_SECONDS = 5.0
"""So long an invocation waits for memory: most end sooner, and the SDKs' clients have a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationParts:
    """Made by `wire_invocation`."""

    sandboxes: RuntimeSandboxes
    factory: EnvironmentFactory
    room: MemoryRoom
    tasks: EnvironmentTasks
    delivery: LogDelivery
    usage: UsageKeeper
    traces: Traces
    pools: EnvironmentPools
    pacemaker: Pacemaker
    invoker: VersionInvoker
    provisioned: ProvisionedEnvironments
    snap_start: SnapStartEnvironments


def wire_invocation(
    *,
    configuration: Configuration,
    seat: Seat | None,
    stores: Stores,
    host: Host,
    serve_endpoint: ServeEndpoint,
    serve_responses: ServeEndpoint,
    metrics: MetricParts,
    clock: Clock,
) -> InvocationParts:
    """Nothing runs yet."""
    all_processors = psutil.cpu_count() or 1
    processor_count = all_processors // configuration.workers
    delivery = LogDelivery(appender=StoredLogs(logs=stores.logs, groups=stores.log_groups, clock=clock), clock=clock)
    memory = MemoryReader()
    traces = wire_traces(cluster=stores.cluster, otlp=stores.otlp, clock=clock)
    meter = UsageMeter()
    usage = UsageKeeper(
        meter=meter,
        archive=stores.usage,
        versions=stores.control.records,
        allocations=stores.control.allocations,
        owner="0" if seat is None else f"{seat.cluster} {seat.number}",
        clock=clock,
    )

    def memory_available() -> float:
        return memory.read().available_share

    prestarted = None
    if configuration.prewarm:
        prestarted = PrestartedPrograms(
            limit=_prestarted_max(memory.read().total, configuration.workers), memory_available=memory_available, clock=clock
        )
    sandboxes = RuntimeSandboxes(
        interpreters=host.interpreters,
        places=host.places,
        settings=host.settings,
        users=host.users,
        strict=configuration.strict_runtimes,
        spare_count=_SPARE_SANDBOXES,
        zygote_count=max(1, processor_count),
        packages=host.settings.packages,
        prestarted=prestarted,
        images=stores.images.directory,
    )
    tasks = EnvironmentTasks()
    factory = EnvironmentFactory(
        sandboxes=sandboxes,
        settings=host.settings,
        tmp=host.tmp_images,
        delivery=delivery,
        usage=meter,
        traces=traces.store,
        metrics=metrics.meter,
        insights=configuration.insights,
        serve_endpoint=serve_endpoint,
        serve_responses=serve_responses,
        tasks=tasks,
        clock=clock,
    )
    pools = EnvironmentPools(
        keep_alive=_keep_alive(configuration.keep_alive_seconds, clock),
        memory_available=memory_available,
        shed_spares=prestarted.shed if prestarted is not None else lambda: 0,
    )
    room = MemoryRoom(read=memory.read, evict=pools.make_room, wait_seconds=_MEMORY_WAIT_SECONDS, clock=clock)
    limits = wire_limits(control=stores.control, cluster=stores.cluster, account_limit=configuration.account_concurrency, clock=clock)
    metrics.watch(limits.admission)
    new_environments = NewEnvironments(
        code=stores.control.code_directories, images=stores.images, environments=factory, pools=pools, room=room
    )
    snap_start = SnapStartEnvironments(
        versions=stores.control.functions, environments=new_environments, memory_available=memory_available, clock=clock
    )
    pacemaker = Pacemaker(interval_seconds=pacing_interval(configuration.workers))
    invoker: VersionInvoker = Invoker(
        versions=stores.control.functions,
        new_environments=new_environments,
        snapshots=snap_start,
        pools=pools,
        admission=limits.admission,
        processors=ProcessorRoom(
            processor_count=processor_count,
            is_full=ProcessorLoad(processor_count=all_processors).is_full,
            has_idle=pools.has_idle,
            pace=pacemaker.ask,
            clock=clock,
        ),
        wakefulness=Wakefulness(processor_count=processor_count),
        on_throttled=metrics.note_throttled,
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
    return InvocationParts(
        sandboxes=sandboxes,
        factory=factory,
        room=room,
        tasks=tasks,
        delivery=delivery,
        usage=usage,
        traces=traces,
        pools=pools,
        pacemaker=pacemaker,
        invoker=TracedInvoker(invoker=invoker, keep=traces.store.keep_own, clock=clock),
        provisioned=provisioned,
        snap_start=snap_start,
    )


def activation_with(parts: InvocationParts, images: ImageStore) -> Callable[[FunctionVersion], Awaitable[None]]:
    """What makes versions Active."""

    async def activate(version: FunctionVersion) -> None:
        if version.code.image_uri is not None:
            await prepare_image(images, version)
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


async def warm_up(records: RecordTable[FunctionVersion], factory: EnvironmentFactory) -> None:
    """After a restart: have the runtimes of the functions that are there ready before they are invoked."""
    one_of_each = {version.runtime or version.package_type: version for _, version in records.iter_prefix(()) if not version.custom_runtime}
    for version in one_of_each.values():
        try:
            await factory.prepare(version)
        except AlonzoError as error:
            _log.warning("functions on %s cannot run: %s", version.runtime or "images", error)


def _keep_alive(fixed_seconds: float | None, clock: Clock) -> KeepAlive:
    if fixed_seconds is None:
        return LearnedKeepAlive(default_seconds=DEFAULT_KEEP_ALIVE_SECONDS, clock=clock)
    return FixedKeepAlive(seconds=fixed_seconds, clock=clock)


def note_change(parts: InvocationParts, key: tuple[str, ...], current: FunctionVersion | None) -> None:
    """A version is there, has changed, or is gone."""
    parts.pools.retire((key[0], key[1], key[2], key[3]), current and current.runnable)
    if current is None:
        parts.room.forget(key[0], key[1], key[2])


def _prestarted_max(memory_bytes: int, workers: int) -> int:
    """How many programs may wait for functions in one of so many processes, by what all of them take of the machine's memory."""
    return int(memory_bytes * _PRESTARTED_MEMORY_SHARE / _PRESTARTED_BYTES / workers)
