"""An ordered source in memory, and what its batches are given."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from alonzo.clock import ManualClock
from alonzo.model.event_source_mapping import EventSource, EventSourceMapping, MappingSettings, MappingState
from alonzo.model.invocation import InvocationResult
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.observe.log_delivery import LogOutlet, LogStreamName
from alonzo.sources.failures import GivenUp
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.metrics import SourceMetrics
from alonzo.sources.stream_records import StreamRecord
from alonzo.sources.system_log import SystemLog

HERE = Scope("123456789012", "us-east-1")


def a_mapping(**settings: Any) -> EventSourceMapping:
    """Of a stream."""
    return EventSourceMapping(
        scope=HERE,
        uuid="u",
        source=EventSource.KINESIS,
        event_source_arn="arn:aws:kinesis:us-east-1:123456789012:stream/s",
        function_name="f",
        settings=MappingSettings(**settings),
        enabled=True,
        state=MappingState.ENABLED,
        state_transition_reason="",
        last_modified_unix_ms=0,
    )


def a_record(number: int, *, key: str = "k", arrived_unix_ms: int = 0) -> StreamRecord:
    """Which the function knows by its number."""
    text = str(number)
    return StreamRecord(identifier=text, position=text, content=text.encode(), key=key, arrived_unix_ms=arrived_unix_ms)


class NumberReader:
    """A `StreamReader` whose records are numbers."""

    def event(self, records: Sequence[StreamRecord], window: dict[str, Any] | None) -> bytes:
        return msgspec.json.encode({"records": [int(record.identifier) for record in records], **(window or {})})

    def describe(self, records: Sequence[StreamRecord]) -> tuple[str, dict[str, Any]]:
        return "Info", {"first": records[0].identifier, "last": records[-1].identifier}


@dataclass
class Function:
    """What is invoked: `answer` says what comes of an event; ValueError is the function's error. Also the kit that leads to it."""

    answer: Callable[[dict[str, Any]], Any]
    clock: ManualClock = field(default_factory=ManualClock)
    events: list[dict[str, Any]] = field(default_factory=list)
    given_up: list[GivenUp] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    destination: str | None = None
    metrics: FunctionMetrics = field(default_factory=FunctionMetrics)

    @property
    def kit(self) -> Any:
        """A `PollerKit`, as far as batches need one."""
        return SimpleNamespace(
            invoker=self,
            failures=self,
            metrics=SourceMetrics(a_mapping(), self.metrics),
            log=SystemLog(mapping=a_mapping(), log_group=lambda: None, open_outlet=_no_outlet, clock=self.clock),
            report=self.results.append,
            clock=self.clock,
        )

    async def insist(self, payload: bytes, **_: Any) -> BatchAnswer | None:
        event = json.loads(payload)
        self.events.append(event)
        try:
            result = InvocationResult(json.dumps(self.answer(event)).encode())
        except ValueError as error:
            result = InvocationResult(str(error).encode(), "Unhandled")
        return BatchAnswer(f"request-{len(self.events)}", "$LATEST", result)

    async def deliver(self, given_up: GivenUp) -> None:
        self.given_up.append(given_up)

    @property
    def batches(self) -> list[list[int]]:
        """The records of each event."""
        return [event["records"] for event in self.events]


def _no_outlet(name: LogStreamName) -> LogOutlet:
    raise AssertionError(f"nothing is to be logged: {name}")
