"""Invocations as metrics of AWS/Lambda: counted where they are reported, beside the path; spread over their dimensions a minute later.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html, and `monitoring-metrics-view.html` for dimensions.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from alonzo.model.function import FunctionVersion
from alonzo.model.invocation_lines import InvocationReport, used_mib
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import Duration, FunctionMetrics, Metric
from alonzo.observe.held_counters import take_held
from alonzo.observe.metrics.distribution import Distribution
from alonzo.observe.metrics.recorder import LAMBDA_NAMESPACE, MINUTE_SECONDS, Dimensions, MetricRecorder, MetricSet
from alonzo.observe.usage import COUNTED_AT_ONCE

_MINUTE_MS = MINUTE_SECONDS * 1_000
_QUALIFIED_ARN_COLONS = 7


class _Window(msgspec.Struct, gc=False):
    """What one version has done in a minute, asked for by one name."""

    invocations: int = 0
    errors: int = 0
    duration: Distribution = msgspec.field(default_factory=Distribution)
    memory: dict[int, int] = {}
    """How often which value was seen: there are few of them."""
    init: Distribution | None = None

    def add(self, reports: Sequence[InvocationReport]) -> None:
        """Count these invocations. Environments of `$LATEST` with another size may still run after it was changed."""
        self.invocations += len(reports)
        self.duration.add_all([report.duration_ms for report in reports])
        self.errors += sum([report.is_error for report in reports])
        for (used_bytes, limit_mib), count in Counter([(report.max_memory_bytes, report.memory_size_mib) for report in reports]).items():
            if used_bytes is not None:
                memory_mib = used_mib(used_bytes, limit_mib)
                self.memory[memory_mib] = self.memory.get(memory_mib, 0) + count
        inits = [report.init_duration_ms for report in reports if report.init_duration_ms is not None]
        if inits:
            if self.init is None:
                self.init = Distribution()
            self.init.add_all(inits)


class InvocationCounter:
    """Of environments of one version. Made by `InvocationMeter`. Counting is put off, as in `UsageCounter`."""

    __slots__ = ("__weakref__", "_noted", "_windows", "is_provisioned", "version")

    def __init__(self, version: FunctionVersion, *, is_provisioned: bool) -> None:
        self.version = version
        self.is_provisioned = is_provisioned
        self._windows: dict[tuple[str, int], _Window] = {}
        self._noted: list[tuple[InvocationReport, str, int]] = []

    def note(self, report: InvocationReport, *, invoked_arn: str, ended_unix_ms: int) -> None:
        """An invocation has ended. It counts for the minute in which it began, as on AWS."""
        self._noted.append((report, invoked_arn, ended_unix_ms))
        if len(self._noted) >= COUNTED_AT_ONCE:
            self._count()

    def take(self) -> dict[tuple[str, int], _Window]:
        """What has come together since the last time."""
        self._count()
        windows, self._windows = self._windows, {}
        return windows

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        reports: dict[tuple[str, int], list[InvocationReport]] = {}
        for report, invoked_arn, ended_unix_ms in noted:
            key = (invoked_arn, int(ended_unix_ms - report.duration_ms) // _MINUTE_MS)
            reports.setdefault(key, []).append(report)
        for key, together in reports.items():
            window = self._windows.get(key)
            if window is None:
                window = self._windows[key] = _Window()
            window.add(together)


class InvocationMeter:
    """One a node. `has_provision`: whether a version has provisioned concurrency, which an invocation on demand has then spilled over."""

    def __init__(self, *, recorder: MetricRecorder, metrics: FunctionMetrics, has_provision: Callable[[FunctionVersion], bool]) -> None:
        self._recorder = recorder
        self._metrics = metrics
        self._has_provision = has_provision
        self._counters: dict[tuple[Scope, str, str, bool], InvocationCounter] = {}

    def counter(self, version: FunctionVersion, *, is_provisioned: bool) -> InvocationCounter:
        """What the invocations of an environment are counted with; environments of the same version share it."""
        key = (version.scope, version.name, version.version, is_provisioned)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = InvocationCounter(version, is_provisioned=is_provisioned)
        return counter

    def fold(self) -> None:
        """Hand on what has been counted since the last time."""
        self._fold_all()
        self._counters = take_held(self._counters)

    def _fold_all(self) -> None:
        for counter in list(self._counters.values()):
            for (invoked_arn, minute), window in counter.take().items():
                self._fold(counter, invoked_arn, minute * MINUTE_SECONDS, window)

    def _fold(self, counter: InvocationCounter, invoked_arn: str, minute: int, window: _Window) -> None:
        version, metrics = counter.version, self._metrics
        scope, name = version.scope, version.name
        metrics.add_count(Metric.INVOCATIONS, scope, name, by=window.invocations)
        metrics.add_count(Metric.ERRORS, scope, name, by=window.errors)
        metrics.add_durations(Duration.INVOCATION, scope, name, window.duration)
        if window.init is not None:
            metrics.add_durations(Duration.INIT, scope, name, window.init)
        if window.memory:
            metrics.note_most(Metric.MAX_MEMORY_USED, scope, name, max(window.memory))
        resource = resource_of(version, invoked_arn)
        metrics.add_resource_count(Metric.RESOURCE_INVOCATIONS, scope, name, resource, version.version, by=window.invocations)
        metrics.add_resource_count(Metric.RESOURCE_ERRORS, scope, name, resource, version.version, by=window.errors)
        is_spillover = not counter.is_provisioned and self._has_provision(version)
        if counter.is_provisioned:
            metrics.add_count(Metric.PROVISIONED_CONCURRENCY_INVOCATIONS, scope, name, by=window.invocations)
        elif is_spillover:
            metrics.add_count(Metric.PROVISIONED_CONCURRENCY_SPILLOVER_INVOCATIONS, scope, name, by=window.invocations)
        for dimensions in dimensions_of(version, invoked_arn):
            of = MetricSet(scope, LAMBDA_NAMESPACE, dimensions)

            def point(metric: str, unit: str, of: MetricSet = of) -> Distribution:
                return self._recorder.point(of, metric, unit=unit, unix_seconds=minute)

            point("Invocations", "Count").add(1.0, window.invocations)
            errors = point("Errors", "Count")
            if window.errors:
                errors.add(1.0, window.errors)
            if window.invocations > window.errors:
                errors.add(0.0, window.invocations - window.errors)
            point("Throttles", "Count").add(0.0, window.invocations)
            point("Duration", "Milliseconds").merge(window.duration)
            for memory_mib, count in window.memory.items():
                point("MaxMemoryUsed", "Megabytes").add(memory_mib, count)
            if window.init is not None:
                point("InitDuration", "Milliseconds").merge(window.init)
            if counter.is_provisioned:
                point("ProvisionedConcurrencyInvocations", "Count").add(1.0, window.invocations)
            elif is_spillover:
                point("ProvisionedConcurrencySpilloverInvocations", "Count").add(1.0, window.invocations)


def dimensions_of(version: FunctionVersion, invoked_arn: str) -> Iterator[Dimensions]:
    """Of all together, of the function, of what was invoked, and, where that was an alias, of the version that it led to."""
    name, resource = version.name, resource_of(version, invoked_arn)
    yield ()
    yield (("FunctionName", name),)
    yield from resource_dimensions(name, resource, version.version)


def resource_of(version: FunctionVersion, invoked_arn: str) -> str:
    """What was invoked: the function, or it with a version or an alias."""
    parts = invoked_arn.split(":")
    return version.name if len(parts) <= _QUALIFIED_ARN_COLONS else f"{version.name}:{parts[_QUALIFIED_ARN_COLONS]}"


def resource_dimensions(name: str, resource: str, executed_version: str) -> Iterator[Dimensions]:
    """Of what was invoked, and, where that was an alias, of the version that it led to."""
    yield (("FunctionName", name), ("Resource", resource))
    if resource not in (name, f"{name}:{executed_version}"):
        yield (("ExecutedVersion", executed_version), ("FunctionName", name), ("Resource", resource))


def function_dimensions(name: str) -> tuple[Dimensions, Dimensions]:
    """Of what is counted of a function as such: of all together, and of it."""
    return (), (("FunctionName", name),)
