"""Outcomes, and what delivers them: everything real but the control plane, which is a dictionary."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from alonzo.aws.client.clients import AwsClients
from alonzo.aws.client.endpoints import AwsEndpoints
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.settings.recursion import RecursiveLoop
from alonzo.ids import new_uuid
from alonzo.invoke.asynchronous.outcomes import OutcomeUndeliverable
from alonzo.invoke.destinations.delivery import OutcomeDeliveries
from alonzo.invoke.destinations.retries import Retries
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.asynchronous import AcceptedEvent, Condition, EventOutcome
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics, Metric

HERE = Scope("123456789012", "us-east-1")
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=0badcafe:0"
ENDED_UNIX_MS = 1_573_755_365_568
"""2019-11-14T18:16:05.568Z"""


def an_outcome(condition: Condition = Condition.RETRIES_EXHAUSTED, *, event: dict[str, Any] | None = None, **changes: Any) -> EventOutcome:
    """Of the function `source`: by default it has failed three times."""
    accepted = AcceptedEvent(
        scope=HERE,
        request_id="e4b46cbf-b738-4c7a-8880-a18cdf61200e",
        function_name="source",
        qualifier=None,
        payload=b'{"order": ["a", "b"]}',
        trace_header=TRACE,
        accepted_unix_ms=ENDED_UNIX_MS - 180_000,
    )
    outcome = EventOutcome(
        event=msgspec.structs.replace(accepted, **(event or {})),
        condition=condition,
        invoke_count=3,
        executed_version="$LATEST",
        function_error=None if condition is Condition.SUCCESS else "Unhandled",
        payload=b'{"ok": true}' if condition is Condition.SUCCESS else b'{"errorMessage": "oh", "errorType": "ValueError"}',
        ended_unix_ms=ENDED_UNIX_MS,
    )
    return msgspec.structs.replace(outcome, **changes)


class MemoryControlPlane:
    """Functions and their settings, by name."""

    def __init__(self) -> None:
        self.configs: dict[FunctionReference, EventInvokeConfig] = {}
        self.dead_letters: dict[str, str | None] = {"source": None}
        self.loops = RecursiveLoop.TERMINATE

    def configure(self, *, on_success: str | None = None, on_failure: str | None = None, qualifier: str | None = None) -> None:
        """The destinations of `source`."""
        self.configs[FunctionReference(HERE, "source", qualifier)] = EventInvokeConfig(
            scope=HERE,
            function_name="source",
            qualifier=qualifier or "$LATEST",
            on_success_arn=on_success,
            on_failure_arn=on_failure,
            last_modified_unix_ms=0,
        )

    def find(self, reference: FunctionReference) -> EventInvokeConfig | None:
        return self.configs.get(reference)

    def get(self, reference: FunctionReference) -> RecursiveLoop:
        del reference
        return self.loops

    def get_version(self, reference: FunctionReference) -> Any:
        if reference.name not in self.dead_letters:
            raise FunctionNotFound(reference.arn)
        version = SimpleNamespace(name=reference.name, dead_letter_target_arn=self.dead_letters[reference.name])
        version.runnable = version
        return version

    get_invoked = get_version


@dataclass(frozen=True)
class Accepted:
    """An event that was handed to the queue."""

    target: FunctionReference
    request_id: str
    payload: bytes
    trace_header: str


class Delivering:
    """An `OutcomeDeliveries` and all that it is given."""

    def __init__(self, endpoints: AwsEndpoints, *, pauses_seconds: tuple[float, ...], waiting_max_bytes: int) -> None:
        self.control = MemoryControlPlane()
        self.metrics = FunctionMetrics()
        self.accepted: list[Accepted] = []
        self.clients = AwsClients(endpoints=endpoints)
        self.has_failed = asyncio.Event()
        self.retries = Retries(pauses_seconds=pauses_seconds, waiting_max_bytes=waiting_max_bytes, random=lambda: 0.0)
        role: Any = self.control
        role_of_queue: Any = self
        self.deliveries = OutcomeDeliveries(
            settings=role,
            versions=role,
            services=self,
            acceptance=role_of_queue,
            recursion=RecursionGuard(settings=role, metrics=self.metrics),
            metrics=self.metrics,
            retries=self.retries,
            new_uuid=new_uuid,
        )

    async def deliver(self, outcome: EventOutcome, *, problem: str | None = None) -> None:
        """And expect that it works, or that it does not because of that problem."""
        if problem is None:
            await self.deliveries.deliver(outcome)
        else:
            with pytest.raises(OutcomeUndeliverable, match=problem):
                await self.deliveries.deliver(outcome)

    def counts(self) -> dict[Metric, int]:
        """Of `source`."""
        return {key.metric: count for key, count in self.metrics.iter_counts() if key.function_name == "source"}

    async def call(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """The real clients, whose failures are counted."""
        try:
            return await self.clients.call(*arguments, **options)
        except AlonzoError:
            self.has_failed.set()
            raise

    async def accept(self, version: Any, target: FunctionReference, *, request_id: str, payload: bytes, trace_header: str) -> None:
        """As the queue of events does it."""
        assert version.name == target.name
        self.accepted.append(Accepted(target, request_id, payload, trace_header))


def delivering(
    scenario: Callable[[Delivering], Coroutine[Any, Any, None]],
    *,
    endpoint_url: str | None,
    pauses_seconds: tuple[float, ...] = (0.05,),
    waiting_max_bytes: int = 1 << 20,
    **of_services: str,
) -> None:
    """Run a scenario in an event loop of its own; the clients are closed at its end."""

    async def play() -> None:
        there = Delivering(AwsEndpoints(endpoint_url, of_services), pauses_seconds=pauses_seconds, waiting_max_bytes=waiting_max_bytes)
        try:
            await scenario(there)
        finally:
            await there.clients.aclose()

    asyncio.run(play())
