"""Tells destinations and dead-letter queues how asynchronous invocations have ended.

Whatever cannot be delivered is tried again for a while, then counted and given up, as on AWS. Permissions are not checked.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from alonzo.aws.client.errors import AwsCallFailed, AwsRefused, AwsUnreachable
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.invoke.asynchronous.outcomes import OutcomePutOff, OutcomeUndeliverable
from alonzo.invoke.destinations.errors import DestinationRefused
from alonzo.invoke.destinations.records import invocation_record, is_success
from alonzo.invoke.destinations.retries import Retries, RetriesStopped
from alonzo.invoke.destinations.targets import AwsCall, TargetArn, dead_letter_call, parse_target, record_call
from alonzo.invoke.errors import FunctionNotReady
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model import lineage
from alonzo.model.asynchronous import Condition, EventOutcome
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.function import LATEST, FunctionVersion
from alonzo.model.names import FunctionReference
from alonzo.model.quotas import PAYLOAD_ASYNC_MAX_BYTES
from alonzo.model.scope import Scope
from alonzo.observe.function_metrics import FunctionMetrics, Metric
from alonzo.store.errors import StoreFull, StoreUnavailable

_log = logging.getLogger(__name__)


class AwsServices(Protocol):
    """Other AWS services; see `AwsClients`."""

    async def call(
        self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope, trace_header: str | None = None
    ) -> dict[str, Any]: ...


class EventInvokeSettings(Protocol):
    """Event invoke configurations, as this file needs them."""

    def find(self, reference: FunctionReference) -> EventInvokeConfig | None: ...


class Versions(Protocol):
    """What functions are by now; see `Resolution`."""

    def get_version(self, reference: FunctionReference) -> FunctionVersion: ...

    def get_invoked(self, reference: FunctionReference) -> FunctionVersion: ...


class Acceptance(Protocol):
    """The queue of events; see `EventAcceptance`."""

    async def accept(
        self, version: FunctionVersion, target: FunctionReference, *, request_id: str, payload: bytes, trace_header: str
    ) -> None: ...


class OutcomeDeliveries:
    """One a node."""

    def __init__(
        self,
        *,
        settings: EventInvokeSettings,
        versions: Versions,
        services: AwsServices,
        acceptance: Acceptance,
        recursion: RecursionGuard,
        metrics: FunctionMetrics,
        retries: Retries,
        new_uuid: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._versions = versions
        self._services = services
        self._acceptance = acceptance
        self._recursion = recursion
        self._metrics = metrics
        self._retries = retries
        self._new_uuid = new_uuid

    async def deliver(self, outcome: EventOutcome) -> None:
        """Tell all who are to be told of an outcome. OutcomeUndeliverable when somebody of them could not be, OutcomePutOff.

        At least once: an outcome that is delivered again, after a crash say, is told again.
        """
        destination = self._destination(outcome)
        dead_letter = None if is_success(outcome) else self._dead_letter_target(outcome)
        tellings: list[asyncio.Task[Exception | None]] = []
        async with asyncio.TaskGroup() as group:
            if destination is not None:
                send = partial(self._send_record, destination, outcome, self._new_uuid())
                tellings.append(group.create_task(self._tell(outcome, destination, send, Metric.DESTINATION_DELIVERY_FAILURES)))
            if dead_letter is not None:
                send = partial(self._send_dead_letter, dead_letter, outcome)
                tellings.append(group.create_task(self._tell(outcome, dead_letter, send, Metric.DEAD_LETTER_ERRORS)))
        problems = [problem for telling in tellings if (problem := telling.result()) is not None]
        if any(isinstance(problem, RetriesStopped) for problem in problems):
            raise OutcomePutOff
        if problems:
            raise OutcomeUndeliverable("; ".join(map(str, problems)))

    def _destination(self, outcome: EventOutcome) -> str | None:
        event = outcome.event
        config = self._settings.find(FunctionReference(event.scope, event.function_name, event.qualifier))
        if config is None:
            return None
        return config.on_success_arn if is_success(outcome) else config.on_failure_arn

    def _dead_letter_target(self, outcome: EventOutcome) -> str | None:
        """All versions use what `$LATEST` says (AWS's page on dead-letter queues)."""
        event = outcome.event
        try:
            return self._versions.get_version(FunctionReference(event.scope, event.function_name, LATEST)).dead_letter_target_arn or None
        except FunctionNotFound:
            return None

    async def _tell(self, outcome: EventOutcome, arn: str, send: Callable[[], Awaitable[object]], failures: Metric) -> Exception | None:
        """What was in the way, if anything was to the end."""
        event = outcome.event
        size_bytes = len(event.payload) + len(outcome.payload or b"")
        try:
            await self._retries.run(send, is_worth_retrying=_is_worth_retrying, size_bytes=size_bytes)
        except RetriesStopped as error:
            return error
        except AlonzoError as error:
            problem = str(error)
        except Exception as error:  # the outcome of one event ends here: whatever it was, the queue goes on
            _log.exception("an internal failure while %s was told how an event ended", arn, extra={"request_id": event.request_id})
            problem = repr(error)
        else:
            return None
        self._metrics.count(failures, event.scope, event.function_name)
        return DestinationRefused(f"{arn}: {problem}")

    async def _send_record(self, arn: str, outcome: EventOutcome, unique: str) -> None:
        """`unique` is the same in each try: what takes notice of it takes the record once."""
        target = _parse(arn, outcome)
        record = await asyncio.to_thread(invocation_record, outcome)
        if target.service == "lambda":
            await self._accept_for(target, outcome, record, unique)
        else:
            await self._call(target, record_call(target, outcome, record, unique=unique), outcome)

    async def _send_dead_letter(self, arn: str, outcome: EventOutcome) -> None:
        target = _parse(arn, outcome)
        await self._call(target, dead_letter_call(target, outcome), outcome)

    async def _call(self, target: TargetArn, call: AwsCall | None, outcome: EventOutcome) -> None:
        if call is None:
            raise DestinationRefused(f"{target.service} takes no records of invocations")
        answer = await self._services.call(
            call.service, call.operation, call.parameters, scope=call.scope, trace_header=outcome.event.trace_header
        )
        if not answer.get(call.proof):
            raise AwsUnreachable(f"what listens at the endpoint of {call.service} did not answer as {call.operation} does")
        for entry in answer.get("Entries", ()):  # PutEvents answers 200 whatever became of the event
            if entry.get("ErrorCode"):
                raise AwsRefused(
                    code=entry["ErrorCode"],
                    message=entry.get("ErrorMessage", ""),
                    http_status=200,
                    is_worth_retrying=entry["ErrorCode"] in {"ThrottlingException", "InternalFailure"},
                )

    async def _accept_for(self, target: TargetArn, outcome: EventOutcome, record: bytes, request_id: str) -> None:
        function = target.function()
        if target.scope.account_id != outcome.event.scope.account_id:
            raise DestinationRefused("functions of other accounts cannot be reached yet")
        if len(record) > PAYLOAD_ASYNC_MAX_BYTES:
            raise DestinationRefused(f"the record has {len(record)} bytes, and an event at most {PAYLOAD_ASYNC_MAX_BYTES}")
        try:
            version = self._versions.get_invoked(function).runnable
        except FunctionNotFound as error:
            raise DestinationRefused(str(error)) from error
        trace_header = lineage.advanced(outcome.event.trace_header, lineage.mark_of(function.scope, function.name))
        if outcome.condition is Condition.RECURSIVE_INVOCATION:
            # Functions that are each other's destinations would hand on for ever that they were stopped.
            self._recursion.check(function, trace_header)
        await self._acceptance.accept(version, function, request_id=request_id, payload=record, trace_header=trace_header)


def _parse(arn: str, outcome: EventOutcome) -> TargetArn:
    target = parse_target(arn, outcome.event.scope)
    if target is None:
        raise DestinationRefused("that is no ARN")
    return target


def _is_worth_retrying(error: AlonzoError) -> bool:
    if isinstance(error, AwsCallFailed):
        return error.is_worth_retrying
    return isinstance(error, StoreUnavailable | StoreFull | FunctionNotReady)
