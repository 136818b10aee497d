"""Metric filters of log groups: what is written to the log store is told here (`tell`), matched beside everything else, and counted.

It costs a look-up where a group has no filters. What waits here is in memory and bounded: a flood that filters look at is not counted
whole, and the node's log says so.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from alonzo.clock import Clock
from alonzo.model.invocation_lines import LogEntry, events_of
from alonzo.model.log_event import LogEvent
from alonzo.model.log_group import MetricFilter
from alonzo.model.scope import Scope
from alonzo.observe.filter_patterns.errors import FilterPatternInvalid
from alonzo.observe.log_delivery import LogStreamName
from alonzo.observe.metrics.from_logs import DimensionsUnsupported, LogMetricReader, MetricTransformationInvalid
from alonzo.observe.metrics.recorder import MINUTE_SECONDS, NO_UNIT, MetricRecorder, MetricSet

WAITING_MAX_EVENTS = 60_000
WAITING_MAX_CHARACTERS = 16_000_000
_EVENTS_AT_ONCE = 100
"""Matched without letting others on, as in `log_subscriptions.py`."""

_LATE_SECONDS = 5.0
"""So long after a minute its events are waited for before it counts as one with no match."""

_MINUTES_MAX = 20_000
"""How many minutes of filters with a default value are remembered at once."""

_READERS_REMEMBERED = 512

_log = logging.getLogger(__name__)


class MetricFilters(Protocol):
    """Those of a group (`LogGroups`)."""

    def metric_filters_of(self, scope: Scope, group: str) -> tuple[MetricFilter, ...]: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    name: LogStreamName
    filters: tuple[MetricFilter, ...]
    events: Sequence[LogEvent]
    characters: int


@dataclass(slots=True)
class _Minute:
    """A minute with events, of a filter with a default value."""

    default: float
    of: MetricSet
    metric: str
    unit: str
    has_match: bool = False


class LogMetricFilters:
    """One a node."""

    def __init__(self, *, filters: MetricFilters, recorder: MetricRecorder, clock: Clock) -> None:
        self._filters = filters
        self._recorder = recorder
        self._clock = clock
        self._waiting: deque[_Batch] = deque()
        self._waiting_events = 0
        self._waiting_characters = 0
        self._dropped_count = 0
        self._minutes: dict[tuple[Scope, str, str, int], _Minute] = {}
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def tell(self, name: LogStreamName, entries: Sequence[LogEntry]) -> None:
        """These are in the store now."""
        filters = self._filters.metric_filters_of(name.scope, name.group)
        if not filters:
            return
        events = events_of(entries)
        characters = sum(len(event.message) for event in events)
        if self._waiting_events >= WAITING_MAX_EVENTS or self._waiting_characters >= WAITING_MAX_CHARACTERS:
            self._dropped_count += len(events)
            return
        self._waiting_events += len(events)
        self._waiting_characters += characters
        self._waiting.append(_Batch(name, filters, events, characters))
        self._idle.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Component: count until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._pause_seconds()):
                    await self._arrived.wait()
            except TimeoutError:
                pass
            self._arrived.clear()
            while self._waiting:
                await self._count_all(self._waiting.popleft())
            self._tell_defaults()

    async def drain(self, *, timeout_seconds: float) -> None:
        """Return when everything that was told has been counted, or the time is over. `run` must be running."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d log events are not counted by metric filters", self._waiting_events)

    async def _count_all(self, batch: _Batch) -> None:
        try:
            for each in batch.filters:
                await self._count(batch, each)
        except Exception:  # a batch ends here
            _log.exception("events of %s are not counted", batch.name.group)
        finally:
            self._waiting_events -= len(batch.events)
            self._waiting_characters -= batch.characters
            if self._waiting_events == 0:
                self._idle.set()
                self._say_dropped()

    async def _count(self, batch: _Batch, by: MetricFilter) -> None:
        reader = _reader(by.pattern, by.value, tuple(by.dimensions.items()))
        if reader is None:
            return
        unit = by.unit or NO_UNIT
        for number, event in enumerate(batch.events, start=1):
            found = reader.read(event.message)
            if found is not None and found.value is not None:
                of = MetricSet(batch.name.scope, by.namespace, found.dimensions)
                self._recorder.point(of, by.metric, unit=unit, unix_seconds=event.unix_ms / 1_000).add(found.value)
            if by.default is not None:
                self._note(batch.name, by, by.default, event, has_match=found is not None)
            if number % _EVENTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _note(self, name: LogStreamName, by: MetricFilter, default: float, event: LogEvent, *, has_match: bool) -> None:
        minute = event.unix_ms // 1_000 // MINUTE_SECONDS * MINUTE_SECONDS
        key = (name.scope, name.group, by.name, minute)
        noted = self._minutes.get(key)
        if noted is None:
            if len(self._minutes) >= _MINUTES_MAX:
                return
            noted = self._minutes[key] = _Minute(default, MetricSet(name.scope, by.namespace, ()), by.metric, by.unit or NO_UNIT)
        noted.has_match |= has_match

    def _tell_defaults(self) -> None:
        """Of minutes that are over and in which there were events, but none that the filter chose."""
        newest = self._clock.unix_ms() / 1_000 - MINUTE_SECONDS - _LATE_SECONDS
        for key in [key for key in self._minutes if key[3] <= newest]:
            noted = self._minutes.pop(key)
            if not noted.has_match:
                self._recorder.point(noted.of, noted.metric, unit=noted.unit, unix_seconds=key[3]).add(noted.default)

    def _pause_seconds(self) -> float | None:
        """Until the next minute is over; None: there is none."""
        if not self._minutes:
            return None
        first = min(minute for *_, minute in self._minutes)
        return max(0.0, first + MINUTE_SECONDS + _LATE_SECONDS - self._clock.unix_ms() / 1_000)

    def _say_dropped(self) -> None:
        if self._dropped_count:
            _log.warning("%d log events were not counted by metric filters: they came too fast", self._dropped_count)
            self._dropped_count = 0


@lru_cache(maxsize=_READERS_REMEMBERED)
def _reader(pattern: str, value: str, dimensions: tuple[tuple[str, str], ...]) -> LogMetricReader | None:
    """None of a filter that is none, which an older version may have taken."""
    of = MetricFilter(name="", pattern=pattern, created_unix_ms=0, metric="", namespace="", value=value, dimensions=dict(dimensions))
    try:
        return LogMetricReader(of)
    except (FilterPatternInvalid, MetricTransformationInvalid, DimensionsUnsupported):
        return None
