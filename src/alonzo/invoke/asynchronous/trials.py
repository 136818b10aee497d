"""Running an event's function once, or finding out why it is not run."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.invoke.asynchronous.queued_event import QueuedEvent
from alonzo.invoke.asynchronous.retry_policy import EventLimits, is_too_old
from alonzo.invoke.asynchronous.throttle_gate import ThrottleGate
from alonzo.invoke.errors import RecursiveInvocation, Throttled
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.event_invoke_config import EventInvokeConfig
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult, Queued
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope

_log = logging.getLogger(__name__)


class InvokedVersions(Protocol):
    """What a function, version or alias leads to at the moment; see `Resolution`."""

    def get_invoked(self, reference: FunctionReference) -> FunctionVersion: ...


class EventConfigs(Protocol):
    """What is configured for asynchronous invocation; see `EventInvokeConfigs`."""

    def find(self, reference: FunctionReference) -> EventInvokeConfig | None: ...


@dataclass(frozen=True, slots=True)
class Ran:
    """The function has answered, if only with an error."""

    version: FunctionVersion
    result: InvocationResult
    ran_ms: int = 0
    """How long its caller waited for the answer."""


@dataclass(frozen=True, slots=True)
class CouldNotRun:
    """The system is to blame: try again."""

    error: Exception


@dataclass(frozen=True, slots=True)
class TooOld:
    """It waited too long."""

    version: FunctionVersion


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Its reserved concurrency is 0: AWS sends such events to the failure destination at once.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html.
    """

    version: FunctionVersion


@dataclass(frozen=True, slots=True)
class Looping:
    """The chain of requests that the event belongs to has invoked the function too often."""

    version: FunctionVersion


@dataclass(frozen=True, slots=True)
class Gone:
    """The function, version or alias was deleted."""


Trial = Ran | CouldNotRun | TooOld | SwitchedOff | Looping | Gone


class EventTrials:
    """Invokes as callers do; see `Invoker`. `is_switched_off`: whether a function may have no invocation at all."""

    def __init__(
        self,
        *,
        versions: InvokedVersions,
        configs: EventConfigs,
        invoker: VersionInvoker,
        is_switched_off: Callable[[Scope, str], bool],
        recursion: RecursionGuard,
        clock: Clock,
    ) -> None:
        self._versions = versions
        self._configs = configs
        self._invoker = invoker
        self._is_switched_off = is_switched_off
        self._recursion = recursion
        self._clock = clock

    async def run(self, queued: QueuedEvent, gate: ThrottleGate, *, on_throttled: Callable[[], None]) -> Trial:
        """Wait for concurrency if need be, then run. Everything is looked up anew each time: code, alias and limits may have changed."""
        is_first = True
        while True:
            await gate.enter(is_first=is_first)
            version = self._find_version(queued)
            if version is None:
                return Gone()
            hindrance = self._find_hindrance(queued, version)
            if hindrance is not None:
                return hindrance
            began_at = self._clock.monotonic()
            try:
                result = await self._invoker.invoke(version, _invocation(queued, version))
            except Throttled:
                gate.refuse()
                on_throttled()
                is_first = False
                continue
            except AlonzoError as error:
                gate.leave()
                return CouldNotRun(error)
            except Exception as error:
                _log.exception("an event could not be run", extra={"request_id": queued.event.request_id})
                gate.leave()
                return CouldNotRun(error)
            gate.leave()
            return Ran(version, result, round((self._clock.monotonic() - began_at) * 1_000))

    def _find_hindrance(self, queued: QueuedEvent, version: FunctionVersion) -> TooOld | SwitchedOff | Looping | None:
        """Why the event is not to be run, not now and not later."""
        if is_too_old(
            accepted_unix_ms=queued.event.accepted_unix_ms,
            now_unix_ms=self._clock.unix_ms(),
            limits=EventLimits.of(self._configs.find(queued.target)),
        ):
            return TooOld(version)
        if self._is_switched_off(version.scope, version.name):
            return SwitchedOff(version)
        try:
            self._recursion.check(queued.target, queued.event.trace_header)
        except RecursiveInvocation:
            return Looping(version)
        return None

    def _find_version(self, queued: QueuedEvent) -> FunctionVersion | None:
        try:
            return self._versions.get_invoked(queued.target).runnable
        except FunctionNotFound:
            return None


def _invocation(queued: QueuedEvent, version: FunctionVersion) -> Invocation:
    event = queued.event
    return Invocation(
        request_id=event.request_id,
        payload=event.payload,
        invoked_function_arn=version.function_arn if event.qualifier is None else f"{version.function_arn}:{event.qualifier}",
        trace_header=event.trace_header,
        client_context=event.client_context,
        queued=Queued(event.accepted_unix_ms, queued.invoke_count + queued.system_error_count + 1),
    )
