"""Functions called for services that stand before them (API Gateway, load balancers): found by ARN, permitted by their policies.

Whoever waits may give up before the function ends (API Gateway after 29 or 30 seconds). The function is not disturbed by that, as on AWS:
such calls run on here, until the node ends.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from enum import Enum, auto
from functools import lru_cache, partial
from typing import Any, cast

from alonzo.edge.call_limits import CallLimit, CallLimits
from alonzo.edge.http_events.function_calls import EventTooLarge, FunctionCall, FunctionCalls
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.functions.policies.evaluation import Requester, is_allowed
from alonzo.functions.policies.functions import FunctionPolicies
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.invoke.errors import RecursiveInvocation, Throttled
from alonzo.model.invocation import InvocationResult
from alonzo.model.names import FunctionReference
from alonzo.model.policy import ResourcePolicy
from alonzo.model.scope import Scope

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:(?P<name>[A-Za-z0-9_.-]+)"
    r"(?::(?P<qualifier>[A-Za-z0-9_$.-]+))?"
)
_PERMISSIONS_REMEMBERED = 4_096
_START_SECONDS = 25.0
"""What may pass beside the function's own timeout, at most: INIT twice, a wait for memory."""

_log = logging.getLogger(__name__)


class CallRefusal(Enum):
    """Why a function was not run, or gave no answer in time."""

    NOT_FOUND = auto()
    NOT_PERMITTED = auto()
    THROTTLED = auto()
    TOO_LARGE = auto()
    UNAVAILABLE = auto()
    TIMED_OUT = auto()


class FunctionNotCalled(AlonzoError):
    """There is no answer of the function. The message is for the API's author, not for the client."""

    def __init__(self, refusal: CallRefusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class ServiceCalls:
    """Resource handling: `aclose` ends the calls that nobody waits for any more."""

    def __init__(self, *, calls: FunctionCalls, acceptance: EventAcceptance, policies: FunctionPolicies) -> None:
        self._calls = calls
        self._acceptance = acceptance
        self._policies = policies
        self._permissions: dict[tuple[FunctionReference, str, str], tuple[ResourcePolicy | None, bool]] = {}
        """What a policy says is worked out once, until it changes."""
        self._running: set[asyncio.Task[None]] = set()
        self._limits = CallLimits()

    async def call(
        self,
        arn: str,
        event: Any,
        *,
        service: str | None,
        source_arn: str,
        timeout_seconds: float,
        trace_header: str | None = None,
        on_late: Callable[[FunctionNotCalled], None] | None = None,
    ) -> InvocationResult:
        """Run a function and wait for its answer. `FunctionNotCalled`; what the function does wrong is a result.

        `event`: whatever JSON can say, or JSON itself as bytes.

        `service`: who calls, by its principal (`apigateway.amazonaws.com`), on behalf of what (`source_arn`); None: a role that may.

        `on_late` is told when the time is up, and this goes on until the function's end, which saves a task: whoever waits must then be
        answered there and then. Without it that is raised here.
        """
        _, call = self._prepare(arn, event, service=service, source_arn=source_arn, trace_header=trace_header)
        limit: CallLimit | None = None
        if call.version.timeout_seconds + _START_SECONDS > timeout_seconds:
            if on_late is None:
                return await self._run_with_limit(call, timeout_seconds)
            limit = self._limits.begin(timeout_seconds, partial(_tell, on_late, call, timeout_seconds))
        try:
            return await self._calls.run(call)
        except AlonzoError as error:
            raise _not_called(error) from error
        finally:
            if limit is not None:
                self._limits.end(limit)

    async def accept(self, arn: str, event: Any, *, service: str | None, source_arn: str, trace_header: str | None = None) -> None:
        """Have a function run later, whatever happens. As `call`, without an answer."""
        reference, call = self._prepare(arn, event, service=service, source_arn=source_arn, trace_header=trace_header)
        invocation = call.invocation
        try:
            await self._acceptance.accept(
                call.version,
                reference,
                request_id=invocation.request_id,
                payload=invocation.payload,
                trace_header=invocation.trace_header,
            )
        except AlonzoError as error:
            raise FunctionNotCalled(CallRefusal.UNAVAILABLE, str(error)) from error

    async def aclose(self) -> None:
        """Cancel what still runs."""
        self._limits.close()
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _prepare(
        self, arn: str, event: Any, *, service: str | None, source_arn: str, trace_header: str | None
    ) -> tuple[FunctionReference, FunctionCall]:
        reference = refer_to_arn(arn)
        if reference is None:
            raise FunctionNotCalled(CallRefusal.NOT_FOUND, f"{arn} is no function's ARN")
        if service is not None:
            self._check_permission(reference, service, source_arn)
        try:
            version = self._calls.resolve(reference)
            header = self._calls.trace_header(reference, version, None if trace_header is None else trace_header.encode())
            call = self._calls.call_of(reference, version, event, request_id=self._calls.new_request_id(), trace_header=header)
        except FunctionNotFound as error:
            raise FunctionNotCalled(CallRefusal.NOT_FOUND, f"there is no function {arn}") from error
        except EventTooLarge as error:
            raise FunctionNotCalled(CallRefusal.TOO_LARGE, f"{error}, for {arn}") from error
        except RecursiveInvocation as error:
            raise FunctionNotCalled(CallRefusal.UNAVAILABLE, str(error)) from error
        return reference, call

    def _check_permission(self, reference: FunctionReference, service: str, source_arn: str) -> None:
        policy, key = self._policies.find(reference), (reference, service, source_arn)
        known = self._permissions.get(key)
        if known is None or known[0] is not policy:
            conditions = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_arn.split(":", 5)[4]}
            known = (policy, is_allowed(policy, "lambda:InvokeFunction", Requester(service=service), conditions))
            if len(self._permissions) >= _PERMISSIONS_REMEMBERED:
                self._permissions.clear()
            self._permissions[key] = known
        if not known[1]:
            message = f"the policy of {reference.arn} does not allow {service} to invoke it for {source_arn}"
            raise FunctionNotCalled(CallRefusal.NOT_PERMITTED, message)

    async def _run_with_limit(self, call: FunctionCall, timeout_seconds: float) -> InvocationResult:
        """The task sets a future rather than being waited for: that takes two turns of the event loop less."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[InvocationResult] = loop.create_future()
        self._running.add(loop.create_task(self._run_into(answer, call)))
        limit = self._limits.begin(timeout_seconds, partial(_give_up, answer, call, timeout_seconds))
        try:
            return await answer
        finally:
            self._limits.end(limit)

    async def _run_into(self, answer: asyncio.Future[InvocationResult], call: FunctionCall) -> None:
        try:
            result = await self._calls.run(call)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:
            if not answer.done():
                answer.set_exception(_not_called(error) if isinstance(error, AlonzoError) else error)
            elif not isinstance(error, AlonzoError):
                _log.exception("a call failed", extra={"request_id": call.invocation.request_id})
        else:
            if not answer.done():
                answer.set_result(result)
        finally:
            self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))


def _give_up(answer: asyncio.Future[InvocationResult], call: FunctionCall, timeout_seconds: float) -> None:
    if not answer.done():
        answer.set_exception(_too_late(call, timeout_seconds))


def _tell(on_late: Callable[[FunctionNotCalled], None], call: FunctionCall, timeout_seconds: float) -> None:
    on_late(_too_late(call, timeout_seconds))


def _not_called(error: AlonzoError) -> FunctionNotCalled:
    refusal = CallRefusal.THROTTLED if isinstance(error, Throttled) else CallRefusal.UNAVAILABLE
    return FunctionNotCalled(refusal, str(error))


def _too_late(call: FunctionCall, timeout_seconds: float) -> FunctionNotCalled:
    message = f"{call.version.function_arn} has not answered within {timeout_seconds:g} s"
    return FunctionNotCalled(CallRefusal.TIMED_OUT, message)


@lru_cache(maxsize=1_024)
def refer_to_arn(arn: str) -> FunctionReference | None:
    """The function, version or alias of an ARN; None if it is none of a function."""
    match = _ARN.fullmatch(arn)
    if match is None:
        return None
    scope = Scope(account_id=match["account"], region=match["region"], partition=match["partition"])
    return FunctionReference(scope, match["name"], match["qualifier"])
