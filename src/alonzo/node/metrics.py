"""What is measured of functions, wired: where it is counted, kept, and read."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from alonzo import ids
from alonzo.clock import Clock
from alonzo.edge.cloudwatch.alarm_operations import AlarmOperations
from alonzo.edge.cloudwatch.metric_operations import MetricOperations
from alonzo.edge.operations import OperationTable
from alonzo.invoke.admission import Admission, ConcurrencyPeak
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation
from alonzo.model.invocation_lines import LogEntry
from alonzo.model.scope import Scope
from alonzo.node.cluster_views import SharedMetrics
from alonzo.node.metric_keeping import MetricKeeper
from alonzo.node.otlp import metric_export
from alonzo.node.stores import Stores
from alonzo.node.triggers import Triggers
from alonzo.observe.function_metrics import CountSource, FunctionMetrics, Metric, MetricKey, OwnMetrics
from alonzo.observe.log_delivery import LogStreamName
from alonzo.observe.metrics.embedded import EmbeddedMetrics
from alonzo.observe.metrics.functions import FunctionPoints
from alonzo.observe.metrics.invocations import InvocationMeter
from alonzo.observe.metrics.recorder import MetricRecorder
from alonzo.store.records import RecordTable
from alonzo.triggers.alarms.alarms import Alarms
from alonzo.triggers.alarms.records import Alarm


@dataclass(slots=True, kw_only=True)
class MetricParts:
    """Made by `wire_metrics`."""

    recorder: MetricRecorder
    functions: FunctionMetrics
    points: FunctionPoints
    meter: InvocationMeter
    embedded: EmbeddedMetrics
    resource_of: Callable[[Scope, str, str], str]
    """By which name a version has provisioned concurrency: `function:version` or `function:alias`."""
    clock: Clock
    keeper: MetricKeeper = field(init=False)
    counts: CountSource = field(init=False)
    alarms: Alarms = field(init=False)
    _admissions: list[Admission] = field(default_factory=list)

    async def run(self) -> None:
        """Component: until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.keeper.run())
            group.create_task(self.alarms.run())

    def watch_with(self, table: RecordTable[Alarm], triggers: Triggers, *, has_bus: Callable[[], bool]) -> None:
        """Look at alarms, and have them tell whom they are to tell. Before `run`. `has_bus`: whether EventBridge may have listeners."""
        self.alarms = Alarms(
            table=table,
            source=self.keeper,
            deliveries=triggers.deliveries,
            is_own=triggers.is_own,
            has_bus=has_bus,
            new_uuid=ids.new_uuid,
            clock=self.clock,
        )

    def operations(self) -> OperationTable:
        """Of the service `monitoring`."""
        return {
            **MetricOperations(recorder=self.recorder, source=self.keeper, clock=self.clock).table(),
            **AlarmOperations(alarms=self.alarms, clock=self.clock).table(),
        }

    def tell(self, name: LogStreamName, entries: Sequence[LogEntry], chain: str | None) -> None:
        """Be told of log events that were kept: metrics may be embedded in them."""
        self.embedded.tell(name, entries, chain)

    def watch(self, admission: Admission) -> None:
        """Ask it how many invocations have run at once."""
        self._admissions.append(admission)

    def note_throttled(self, version: FunctionVersion, invocation: Invocation) -> None:
        """There was no place for an invocation."""
        self.functions.add_count(Metric.THROTTLES, version.scope, version.name, by=1)
        self.points.note_throttled(version, invocation.invoked_function_arn)

    def gather(self) -> None:
        """Have the recorder know everything by now."""
        self.meter.fold()
        levels: dict[MetricKey, int] = {}
        for admission in self._admissions:
            for peak in admission.take_peaks():
                self._note_peak(peak)
            for now in admission.iter_running():
                levels |= concurrency_levels(now, self.resource_of)
        self.functions.set_levels(levels)

    def _note_peak(self, peak: ConcurrencyPeak) -> None:
        if peak.function_name is not None and peak.version is not None:
            self.points.note_provision(
                peak.scope,
                peak.function_name,
                self.resource_of(peak.scope, peak.function_name, peak.version),
                peak.version,
                running=peak.running,
                provisioned=peak.provisioned,
            )
            return
        self.points.note_concurrency(peak.scope, peak.function_name, "ConcurrentExecutions", peak.running)
        if peak.function_name is None:
            self.points.note_concurrency(peak.scope, None, "UnreservedConcurrentExecutions", peak.unreserved)


def concurrency_levels(now: ConcurrencyPeak, resource_of: Callable[[Scope, str, str], str]) -> dict[MetricKey, int]:
    """What runs now, as gauges."""
    scope, name, version = now.scope, now.function_name, now.version
    if name is None:
        return {
            MetricKey(Metric.CONCURRENT_EXECUTIONS, scope, ""): now.running,
            MetricKey(Metric.UNRESERVED_CONCURRENT_EXECUTIONS, scope, ""): now.unreserved,
        }
    if version is None:
        return {MetricKey(Metric.CONCURRENT_EXECUTIONS, scope, name): now.running}
    resource = resource_of(scope, name, version)
    percent = 100 * now.running // max(now.provisioned, 1)
    return {
        MetricKey(Metric.PROVISIONED_CONCURRENT_EXECUTIONS, scope, name, None, resource, version): now.running,
        MetricKey(Metric.PROVISIONED_CONCURRENCY_UTILIZATION, scope, name, None, resource, version): percent,
    }


def wire_metrics(*, stores: Stores, instance: str, clock: Clock) -> MetricParts:
    """To be run. `instance`: what the node is called among others."""
    recorder = MetricRecorder()
    points = FunctionPoints(recorder=recorder, clock=clock)
    functions = FunctionMetrics(observer=points)
    allocations = stores.control.allocations

    def has_provision(version: FunctionVersion) -> bool:
        key = (version.scope.account_id, version.scope.region, version.name, version.version)
        return any(each == key and allocation.available_count for each, allocation in allocations.own())

    def resource_of(scope: Scope, name: str, version: str) -> str:
        return f"{name}:{stores.control.provisioned.find_qualifier(scope, name, version)}"

    meter = InvocationMeter(recorder=recorder, metrics=functions, has_provision=has_provision)
    parts = MetricParts(
        recorder=recorder,
        functions=functions,
        points=points,
        meter=meter,
        embedded=EmbeddedMetrics(recorder),
        resource_of=resource_of,
        clock=clock,
    )
    parts.keeper = MetricKeeper(
        recorder=recorder,
        store=stores.metrics.values,
        known=stores.metrics.known,
        gather=parts.gather,
        export=None if stores.otlp is None else metric_export(stores.otlp, functions, instance=instance, clock=clock),
        cluster=stores.cluster,
        clock=clock,
    )
    own = OwnMetrics(functions, parts.gather)
    parts.counts = own if stores.cluster is None else SharedMetrics(stores.cluster, functions, parts.gather)
    return parts
