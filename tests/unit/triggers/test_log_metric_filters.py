"""What metric filters count of the events they are told of, and what they count of minutes without a match."""

import asyncio
from datetime import UTC, datetime

import pytest

from alonzo.clock import ManualClock
from alonzo.model.log_event import LogEvent
from alonzo.model.log_group import MetricFilter
from alonzo.model.scope import Scope
from alonzo.observe.log_delivery import LogStreamName
from alonzo.observe.metrics.recorder import MetricRecorder, MetricSet
from alonzo.triggers.log_metric_filters import WAITING_MAX_EVENTS, LogMetricFilters

SCOPE = Scope("000000000000", "us-east-1")
NAME = LogStreamName(SCOPE, "/app", "stream")
START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp()) * 1_000
ERRORS = MetricFilter(name="errors", pattern="ERROR", created_unix_ms=0, metric="Errors", namespace="App", value="1", default=0.5)


class OneGroup:
    """Has filters in `/app` only."""

    def metric_filters_of(self, scope: Scope, group: str) -> tuple[MetricFilter, ...]:
        return (ERRORS,) if (scope, group) == (SCOPE, "/app") else ()


def event(seconds: int, message: str) -> LogEvent:
    return LogEvent(START_MS + seconds * 1_000, message)


def sums(recorder: MetricRecorder) -> dict[int, tuple[float, float]]:
    """Count and sum by seconds since the start."""
    pending = recorder.pending(MetricSet(SCOPE, "App", ()))
    found = {points.minute - START_MS // 1_000: points.points["Errors"].values for points in pending}
    return {minute: (values.count, values.sum) for minute, values in found.items()}


async def told(filters: LogMetricFilters, *batches: list[LogEvent], group: str = "/app") -> None:
    running = asyncio.create_task(filters.run())
    for events in batches:
        filters.tell(LogStreamName(SCOPE, group, "stream"), events)
    await filters.drain(timeout_seconds=30)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_default_value_is_counted_once_for_a_minute_that_is_over() -> None:
    async def scenario() -> None:
        clock, recorder = ManualClock(START), MetricRecorder()
        filters = LogMetricFilters(filters=OneGroup(), recorder=recorder, clock=clock)
        await told(filters, [event(1, "fine"), event(2, "fine")], [event(3, "fine")])
        assert sums(recorder) == {}
        clock.advance(62)
        await told(filters, [event(61, "fine"), event(62, "an ERROR")])
        assert sums(recorder) == {60: (1, 1)}
        clock.advance(4)
        await told(filters, [event(66, "fine")])
        assert sums(recorder) == {0: (1, 0.5), 60: (1, 1)}
        clock.advance(3_600)
        await told(filters, [event(3_666, "fine")])
        assert sums(recorder) == {0: (1, 0.5), 60: (1, 1)}

    asyncio.run(scenario())


def test_groups_without_filters_wait_for_nothing() -> None:
    recorder = MetricRecorder()
    filters = LogMetricFilters(filters=OneGroup(), recorder=recorder, clock=ManualClock(START))
    asyncio.run(told(filters, [event(1, "ERROR")], group="/other"))
    assert sums(recorder) == {}


def test_what_is_too_much_is_dropped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    recorder = MetricRecorder()
    filters = LogMetricFilters(filters=OneGroup(), recorder=recorder, clock=ManualClock(START))
    filters.tell(NAME, [event(1, "ERROR")] * WAITING_MAX_EVENTS)
    filters.tell(NAME, [event(1, "ERROR")] * 7)
    asyncio.run(told(filters))
    assert sums(recorder) == {0: (WAITING_MAX_EVENTS, WAITING_MAX_EVENTS)}
    assert "7 log events were not counted" in caplog.text
