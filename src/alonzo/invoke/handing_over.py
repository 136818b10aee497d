"""Invocations of versions with provisioned concurrency find an initialized environment wherever one is free.

A worker has only a part of a version's environments. When those are busy, or there are none, the invocation is handed to a worker that has
one to spare; only when nobody has is it run on demand. Streamed responses are run where they were asked for: they are not carried over.
"""

import random
from collections.abc import Awaitable
from typing import Protocol

import msgspec

from alonzo.errors import AlonzoError
from alonzo.invoke.admission import Admission
from alonzo.invoke.errors import NoEnvironment, Throttled
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.pools import EnvironmentPools
from alonzo.model.function import LATEST, FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.quotas import INIT_TIMEOUT_PROVISIONED_MIN_SECONDS
from alonzo.model.scope import Scope
from alonzo.model.trace_header import TraceHeader
from alonzo.store.delegation import DelegateLost, Delegation

_LARGEST_BYTES = 7 * 1024 * 1024
"""Of a payload, and of a result, with all that goes with it."""
_SLACK_SECONDS = 30.0


class ProvisionedHolders(Protocol):
    """Who has environments of a version; see `SharedLimits`."""

    def provisioned_holders(self, scope: Scope, name: str, version: str) -> set[str]: ...


class Versions(Protocol):
    """The versions of functions by now."""

    def find_version(self, scope: Scope, name: str, qualifier: str | None) -> FunctionVersion | None: ...


class _Request(msgspec.Struct, frozen=True):
    scope: Scope
    name: str
    version: str
    request_id: str
    payload: bytes
    invoked_function_arn: str
    trace_header: str
    client_context: str | None
    wants_log_tail: bool
    trace: TraceHeader | None


class _Outcome(msgspec.Struct, frozen=True):
    """`problem`: why there is no result; with `is_refusal` the function has not seen the invocation."""

    payload: bytes = b""
    function_error: str | None = None
    log_tail: bytes = b""
    problem: str | None = None
    is_refusal: bool = False


class HandingOver:
    """A `VersionInvoker` over this worker's own."""

    def __init__(
        self,
        *,
        own: VersionInvoker,
        admission: Admission,
        pools: EnvironmentPools,
        holders: ProvisionedHolders,
        versions: Versions,
        delegation: Delegation,
    ) -> None:
        self._own = own
        self._admission = admission
        self._pools = pools
        self._holders = holders
        self._versions = versions
        self._delegation = delegation
        delegation.take(self._on_asked)

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        """As `Invoker.invoke`."""
        if version.version == LATEST or invocation.sink is not None or self._has_one(version):
            return await self._own.invoke(version, invocation)
        holders = list(self._holders.provisioned_holders(version.scope, version.name, version.version))
        if not holders or len(invocation.payload) > _LARGEST_BYTES:
            return await self._own.invoke(version, invocation)
        random.shuffle(holders)
        request = _encode(version, invocation)
        for worker in holders:
            result = await self._hand_over(worker, request, version)
            if result is not None:
                return result
        return await self._own.invoke(version, invocation)

    async def _hand_over(self, worker: str, request: bytes, version: FunctionVersion) -> InvocationResult | None:
        timeout_seconds = version.timeout_seconds + INIT_TIMEOUT_PROVISIONED_MIN_SECONDS + _SLACK_SECONDS
        try:
            answer = await self._delegation.delegate(worker, request, timeout_seconds=timeout_seconds)
        except DelegateLost as error:
            raise NoEnvironment(str(error)) from error
        if answer is None:
            return None
        outcome = msgspec.msgpack.decode(answer, type=_Outcome)
        if outcome.is_refusal:
            return None
        if outcome.problem is not None:
            raise NoEnvironment(outcome.problem)
        return InvocationResult(outcome.payload, outcome.function_error, outcome.log_tail)

    def _has_one(self, version: FunctionVersion) -> bool:
        return self._admission.has_provisioned_place(version) and self._pools.has_idle_kept(version)

    def _on_asked(self, message: bytes) -> Awaitable[bytes] | None:
        request = msgspec.msgpack.decode(message, type=_Request)
        version = self._versions.find_version(request.scope, request.name, request.version)
        if version is None or not self._has_one(version.runnable):
            return None
        return self._run(version.runnable, request)

    async def _run(self, version: FunctionVersion, request: _Request) -> bytes:
        """What is asked for at the same moment may have taken the environment since: then another worker's may be free."""
        if not self._has_one(version):
            return msgspec.msgpack.encode(_Outcome(problem="its environments are busy", is_refusal=True))
        invocation = Invocation(
            request_id=request.request_id,
            payload=request.payload,
            invoked_function_arn=request.invoked_function_arn,
            trace_header=request.trace_header,
            client_context=request.client_context,
            wants_log_tail=request.wants_log_tail,
            trace=request.trace,
        )
        try:
            result = await self._own.invoke(version, invocation)
            outcome = _Outcome(result.payload, result.function_error, result.log_tail)
        except Throttled as error:
            outcome = _Outcome(problem=str(error), is_refusal=True)
        except AlonzoError as error:
            outcome = _Outcome(problem=str(error))
        return msgspec.msgpack.encode(outcome)


def _encode(version: FunctionVersion, invocation: Invocation) -> bytes:
    return msgspec.msgpack.encode(
        _Request(
            scope=version.scope,
            name=version.name,
            version=version.version,
            request_id=invocation.request_id,
            payload=invocation.payload,
            invoked_function_arn=invocation.invoked_function_arn,
            trace_header=invocation.trace_header,
            client_context=invocation.client_context,
            wants_log_tail=invocation.wants_log_tail,
            trace=invocation.trace,
        )
    )
