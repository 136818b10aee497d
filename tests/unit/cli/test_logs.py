"""Following a log prints every event once."""

import itertools
from collections.abc import Iterator
from typing import Any

import click
import pytest

from alonzo.cli.logs import AgeType, _iter_events


class MemoryLogs:
    """The few calls that `alonzo logs` makes to CloudWatch Logs; each read shows one more of the given states."""

    class ResourceNotFoundException(Exception):
        """The log group does not exist."""

    def __init__(self, *states: list[tuple[int, str]] | None) -> None:
        self.exceptions = self
        self._states = iter(states)

    def get_paginator(self, operation: str) -> "MemoryLogs":
        assert operation == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> Iterator[dict[str, Any]]:  # noqa: N803 - AWS's names
        assert logGroupName == "/aws/lambda/hello"
        state = next(self._states)
        if state is None:
            raise self.ResourceNotFoundException
        events = [{"timestamp": at, "message": text, "eventId": text} for at, text in state if at >= startTime]
        yield from ({"events": [event]} for event in events)


def messages(logs: MemoryLogs, *, count: int, follow: bool) -> list[str]:
    events = _iter_events(logs, group="/aws/lambda/hello", start_ms=0, follow=follow, interval_seconds=0)
    return [event["message"] for event in itertools.islice(events, count)]


def test_prints_what_is_there_and_ends() -> None:
    assert messages(MemoryLogs([(1, "a"), (2, "b")]), count=9, follow=False) == ["a", "b"]


def test_prints_nothing_for_a_function_that_never_logged() -> None:
    assert messages(MemoryLogs(None), count=9, follow=False) == []


def test_follows_without_repeating_or_losing_events_of_the_same_millisecond() -> None:
    logs = MemoryLogs(None, [(1, "a"), (2, "b")], [(1, "a"), (2, "b"), (2, "c")], [(2, "b"), (2, "c"), (3, "d")])
    assert messages(logs, count=4, follow=True) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("2d", 172_800), ("1w", 604_800)])
def test_reads_ages(text: str, seconds: float) -> None:
    assert AgeType().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "10 m", "10M"])
def test_refuses_what_is_no_age(text: str) -> None:
    with pytest.raises(click.BadParameter):
        AgeType().convert(text, None, None)
