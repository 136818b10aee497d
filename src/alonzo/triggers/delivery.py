"""Hands events to the targets of rules and schedules, and tries again as their retry policies say.

The first try is made at once. What may succeed later is written down before anything else happens, so it survives the node, and is tried
again until it is delivered, too old, or has been tried often enough; then it goes to the target's dead-letter queue, or nowhere, as on AWS.
Functions get their events through the durable queue of asynchronous invocations, where Lambda's own retries begin.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html and `eb-rule-dlq.html`.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from alonzo.aws.client.errors import AwsCallFailed, AwsRefused, AwsUnreachable
from alonzo.clock import Clock
from alonzo.functions.errors import FunctionNotFound
from alonzo.invoke.destinations.targets import AwsCall, TargetArn, parse_target
from alonzo.invoke.errors import FunctionNotReady
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionReference
from alonzo.model.quotas import PAYLOAD_ASYNC_MAX_BYTES
from alonzo.model.scope import Scope
from alonzo.store.errors import StoreError, StoreFull, StoreUnavailable
from alonzo.store.records import RecordTable
from alonzo.triggers.errors import DeliveryFailed
from alonzo.triggers.target import RetryPolicy
from alonzo.triggers.target_calls import CallDetails, call_of, message_to_queue, universal_function_call

ATTEMPT_NUMBER = "<aws.scheduler.attempt-number>"

_WAITING_MAX = 1_000
"""Deliveries that wait for another try are in memory, too. What does not fit goes to its dead-letter queue."""

_PAUSE_SECONDS, _PAUSE_MAX_SECONDS = 1.0, 600.0
_LOOK_AGAIN_SECONDS = 10.0
_AT_ONCE = 16
_STORE_PAUSE_SECONDS = 1.0
_ATTRIBUTE_MAX_LENGTH = 1_000
_NOT_FOUND_CODES = ("NotFound", "NonExistent", "DoesNotExist")

_log = logging.getLogger(__name__)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event for one target. `id` is the same in every try, and what a function knows as its request id.

    `attributes`: what the dead-letter queue is told of the rule or schedule. `dead_letter_body`: what it gets. `begun_at`, `due_at`: in
    Unix seconds. `failures`: tries that came to nothing.
    """

    id: str
    scope: Scope
    target_arn: str
    payload: str
    details: CallDetails
    dead_letter_body: str
    dead_letter_arn: str | None
    attributes: dict[str, str]
    policy: RetryPolicy
    begun_at: float
    failures: int = 0
    due_at: float = 0.0


class Versions(Protocol):
    """What functions are by now; see `Resolution`."""

    def get_invoked(self, reference: FunctionReference) -> FunctionVersion: ...


class Acceptance(Protocol):
    """The queue of events; see `EventAcceptance`."""

    async def accept(
        self, version: FunctionVersion, target: FunctionReference, *, request_id: str, payload: bytes, trace_header: str
    ) -> None: ...


class AwsServices(Protocol):
    """Other AWS services; see `AwsClients`."""

    async def call(self, service: str, operation: str, parameters: dict[str, Any], *, scope: Scope) -> dict[str, Any]: ...


class TargetDeliveries:
    """`waiting` is keyed by `home`, which names what shares a companion, and the delivery's id.

    `is_own`: whether this worker sees to an id. `new_trace_header`: of a function that is invoked. `random`: from 0 to below 1.
    """

    def __init__(
        self,
        *,
        versions: Versions,
        acceptance: Acceptance,
        services: AwsServices,
        waiting: RecordTable[Delivery],
        home: str,
        is_own: Callable[[str], bool],
        new_trace_header: Callable[[FunctionVersion], str],
        random: Callable[[], float],
        clock: Clock,
    ) -> None:
        self._versions = versions
        self._acceptance = acceptance
        self._services = services
        self._waiting = waiting
        self._home = home
        self._is_own = is_own
        self._new_trace_header = new_trace_header
        self._random = random
        self._clock = clock
        self._wake = asyncio.Event()
        self._busy: set[tuple[str, ...]] = set()
        waiting.subscribe(lambda *_: self.look())

    async def deliver(self, delivery: Delivery) -> None:
        """Return when the event is delivered, or written down to be tried again, or given up. Errors: the store's."""
        failed = await self._try(delivery)
        if failed is not None:
            await self._waiting.put((self._home, failed.id), failed)

    def look(self) -> None:
        """Something has changed: what waits, or who sees to it."""
        self._wake.set()

    async def run(self) -> None:
        """Component: tries again what waits, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = self._clock.now().timestamp()
                own = [
                    (key, waiting)
                    for key, waiting in self._waiting.iter_prefix((self._home,))
                    if key not in self._busy and self._is_own(waiting.id)
                ]
                due = [(key, waiting) for key, waiting in own if waiting.due_at <= now]
                for key, waiting in due[: _AT_ONCE - len(self._busy)]:
                    self._busy.add(key)
                    group.create_task(self._have_tried_again(key, waiting))
                await self._rest(min((waiting.due_at - now for _, waiting in own if waiting.due_at > now), default=None))

    async def _have_tried_again(self, key: tuple[str, ...], delivery: Delivery) -> None:
        try:
            await self._try_again(key, delivery)
        finally:
            self._busy.discard(key)
            self.look()

    async def _rest(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(None if seconds is None else min(seconds, _LOOK_AGAIN_SECONDS)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _try_again(self, key: tuple[str, ...], delivery: Delivery) -> None:
        try:
            failed = await self._try(delivery)
            if failed is None:
                await self._waiting.delete(key)
            else:
                await self._waiting.put(key, failed)
        except StoreError as error:
            _log.warning("a delivery to %s waits for the store: %s", delivery.target_arn, error)
            await asyncio.sleep(_STORE_PAUSE_SECONDS)
        except Exception:  # one delivery's try ends here: whatever it was, the others go on
            _log.exception("an internal failure while %s was given an event", delivery.target_arn, extra={"request_id": delivery.id})
            await asyncio.sleep(_STORE_PAUSE_SECONDS)

    async def _try(self, delivery: Delivery) -> Delivery | None:
        """What is to be tried again, if anything is."""
        try:
            await self._send(delivery)
        except DeliveryFailed as failure:
            return await self._note_failure(delivery, failure)
        return None

    async def _note_failure(self, delivery: Delivery, failure: DeliveryFailed) -> Delivery | None:
        now = self._clock.now().timestamp()
        failures = delivery.failures + 1
        exhausted = None
        if failures > delivery.policy.maximum_retry_attempts:
            exhausted = "MaximumRetryAttempts"
        elif now - delivery.begun_at >= delivery.policy.maximum_event_age_in_seconds:
            exhausted = "MaximumEventAgeInSeconds"
        if failure.is_worth_retrying and exhausted is None:
            if failures > 1 or sum(1 for _ in self._waiting.iter_prefix((self._home,))) < _WAITING_MAX:
                pause_seconds = min(_PAUSE_SECONDS * 2.0 ** min(failures - 1, 20), _PAUSE_MAX_SECONDS) * (0.5 + self._random() / 2)
                _log.info("%s did not take an event, and gets it again: %s", delivery.target_arn, failure)
                return msgspec.structs.replace(delivery, failures=failures, due_at=now + pause_seconds)
            _log.warning("more than %d events wait for their targets", _WAITING_MAX)
        await self._give_up(delivery, failure, retries=failures - 1, exhausted=exhausted if failure.is_worth_retrying else None)
        return None

    async def _give_up(self, delivery: Delivery, failure: DeliveryFailed, *, retries: int, exhausted: str | None) -> None:
        if delivery.dead_letter_arn is None:
            _log.warning("no event to %s: %s", delivery.target_arn, failure)
            return
        attributes = delivery.attributes | {
            "TARGET_ARN": delivery.target_arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure)[:_ATTRIBUTE_MAX_LENGTH],
            "RETRY_ATTEMPTS": str(retries),
        }
        if exhausted is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        described = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        try:
            target = _parse(delivery.dead_letter_arn, delivery.scope)
            await self._call(message_to_queue(target, delivery.dead_letter_body, attributes=described))
        except DeliveryFailed as error:
            _log.warning("no event to %s (%s), and none to its dead-letter queue: %s", delivery.target_arn, failure, error)

    async def _send(self, delivery: Delivery) -> None:
        target = _parse(delivery.target_arn, delivery.scope)
        payload = delivery.payload.replace(ATTEMPT_NUMBER, str(delivery.failures + 1))
        universal = universal_function_call(target, payload, delivery.scope)
        if universal is not None:
            target, payload = universal
        if target.service == "lambda":
            await self._invoke(target, payload, request_id=delivery.id)
        else:
            await self._call(call_of(target, payload, delivery.details, unique=delivery.id))

    async def _invoke(self, target: TargetArn, payload: str, *, request_id: str) -> None:
        content = payload.encode()
        function = target.function()
        if len(content) > PAYLOAD_ASYNC_MAX_BYTES:
            message = f"the event has {len(content)} bytes, and a function takes at most {PAYLOAD_ASYNC_MAX_BYTES}"
            raise DeliveryFailed(message, code="SDK_CLIENT_ERROR", is_worth_retrying=False)
        try:
            msgspec.json.decode(content)
            version = self._versions.get_invoked(function).runnable
            trace_header = self._new_trace_header(version)
            await self._acceptance.accept(version, function, request_id=request_id, payload=content, trace_header=trace_header)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DeliveryFailed(f"the event is no JSON: {error}", code="SDK_CLIENT_ERROR", is_worth_retrying=False) from error
        except FunctionNotFound as error:
            raise DeliveryFailed(str(error), code="NO_RESOURCE", is_worth_retrying=False) from error
        except (FunctionNotReady, StoreFull, StoreUnavailable) as error:
            raise DeliveryFailed(str(error), code="SDK_CLIENT_ERROR", is_worth_retrying=True) from error

    async def _call(self, call: AwsCall) -> None:
        try:
            answer = await self._services.call(call.service, call.operation, call.parameters, scope=call.scope)
            if call.proof and not answer.get(call.proof):
                raise AwsUnreachable(f"what listens at the endpoint of {call.service} did not answer as {call.operation} does")
        except AwsCallFailed as error:
            code = _code_of(error)
            raise DeliveryFailed(str(error), code=code, is_worth_retrying=error.is_worth_retrying) from error
        for entry in answer.get("Entries", ()):
            if entry.get("ErrorCode"):
                message = f"{entry['ErrorCode']}: {entry.get('ErrorMessage', '')}"
                raise DeliveryFailed(message, code=entry["ErrorCode"], is_worth_retrying=entry["ErrorCode"] == "InternalFailure")


def _parse(arn: str, scope: Scope) -> TargetArn:
    target = parse_target(arn, scope)
    if target is None:
        raise DeliveryFailed(f"{arn} is no ARN", code="NO_RESOURCE", is_worth_retrying=False)
    return target


def _code_of(error: AwsCallFailed) -> str:
    if isinstance(error, AwsRefused):
        return "NO_RESOURCE" if any(part in error.code for part in _NOT_FOUND_CODES) else error.code
    return "SDK_CLIENT_ERROR"
