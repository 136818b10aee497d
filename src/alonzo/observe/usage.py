"""What functions have used that AWS would bill: counted where invocations are reported, summed by what a price depends on.

Counting is put off and done for some invocations at a time: one after the other they cost a third of what each costs between two others.
Nothing is written here.
"""

from collections.abc import Iterator

import msgspec

from alonzo.model.function import FunctionVersion
from alonzo.model.invocation_lines import InvocationReport
from alonzo.model.scope import Scope
from alonzo.observe.held_counters import take_held

COUNTED_AT_ONCE = 128
"""So many reports are kept at most until they are counted: 30 KB."""


class UsageKey(msgspec.Struct, frozen=True):
    """What is billed alike: one version with one size. `storage_mib`: its /tmp."""

    scope: Scope
    name: str
    version: str
    architecture: str
    memory_mib: int
    storage_mib: int
    runtime: str
    is_provisioned: bool
    """Invocations in environments of provisioned concurrency have a price of their own."""


class Usage(msgspec.Struct, kw_only=True):
    """Sums. Durations in milliseconds; `max_memory_mib`: the most that an invocation was seen to use, 0 where that is not counted."""

    requests: int = 0
    errors: int = 0
    duration_ms: float = 0.0
    billed_ms: int = 0
    init_count: int = 0
    init_ms: float = 0.0
    restore_count: int = 0
    max_memory_mib: int = 0
    provisioned_ms: float = 0.0
    """Environments of provisioned concurrency, times how long they were there."""

    def add(self, other: "Usage") -> None:
        """Both together."""
        self.requests += other.requests
        self.errors += other.errors
        self.duration_ms += other.duration_ms
        self.billed_ms += other.billed_ms
        self.init_count += other.init_count
        self.init_ms += other.init_ms
        self.restore_count += other.restore_count
        self.max_memory_mib = max(self.max_memory_mib, other.max_memory_mib)
        self.provisioned_ms += other.provisioned_ms


class MonthlyUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What one node has counted in a month (`2026-11`, UTC) of what is billed alike. `tags`: the function's, when it was used last."""

    month: str
    key: UsageKey
    usage: Usage
    tags: dict[str, str] = {}


class UsageCounter:
    """Counts the invocations of one key. Made by `UsageMeter`."""

    __slots__ = ("__weakref__", "_noted", "_usage")

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._noted: list[InvocationReport] = []

    def note(self, report: InvocationReport) -> None:
        """An invocation has ended."""
        self._noted.append(report)
        if len(self._noted) >= COUNTED_AT_ONCE:
            self._count()

    def take(self) -> Usage | None:
        """What has come together since the last time."""
        self._count()
        usage, self._usage = self._usage, None
        return usage

    def _count(self) -> None:
        if not self._noted:
            return
        noted, self._noted = self._noted, []
        usage = self._usage = self._usage or Usage()
        usage.requests += len(noted)
        usage.duration_ms += sum([report.duration_ms for report in noted])
        usage.billed_ms += sum([report.billed_ms for report in noted])
        usage.errors += sum([report.is_error for report in noted])
        inits = [report.init_duration_ms for report in noted if report.init_duration_ms is not None]
        usage.init_count += len(inits)
        usage.init_ms += sum(inits)
        usage.restore_count += sum([report.restore_duration_ms is not None for report in noted])
        largest = max(noted, key=_used_bytes)
        usage.max_memory_mib = max(usage.max_memory_mib, largest.max_memory_mib or 0)


def _used_bytes(report: InvocationReport) -> int:
    return report.max_memory_bytes or 0


class UsageMeter:
    """One a node. What it has counted is taken from it now and then, and kept by somebody else."""

    def __init__(self) -> None:
        self._counters: dict[UsageKey, UsageCounter] = {}

    def counter(self, version: FunctionVersion, *, is_provisioned: bool) -> UsageCounter:
        """What the invocations of an environment are counted with; environments of the same key share it."""
        key = usage_key(version, is_provisioned=is_provisioned)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = UsageCounter()
        return counter

    def take(self) -> Iterator[tuple[UsageKey, Usage]]:
        """What has been counted since it was taken last."""
        taken = [(key, usage) for key, counter in self._counters.items() if (usage := counter.take()) is not None]
        self._counters = take_held(self._counters)
        return iter(taken)


def usage_key(version: FunctionVersion, *, is_provisioned: bool) -> UsageKey:
    """What the price of its invocations depends on."""
    return UsageKey(
        scope=version.scope,
        name=version.name,
        version=version.version,
        architecture=version.architectures[0],
        memory_mib=version.memory_mib,
        storage_mib=version.ephemeral_storage_mib,
        runtime=version.runtime or "",
        is_provisioned=is_provisioned,
    )
