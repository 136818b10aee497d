"""One batch to the function."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.errors import FunctionNotFound
from alonzo.ids import IdSource
from alonzo.invoke.errors import RecursiveInvocation, Throttled
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model import lineage
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.names import FunctionReference
from alonzo.sources.backoff import Backoff
from alonzo.sources.errors import NotInvoked

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 10.0
_TRACE_HEADER_MAX_LENGTH = 1_024


class InvokedVersions(Protocol):
    """What a function, version or alias leads to at the moment; see `Resolution`."""

    def get_invoked(self, reference: FunctionReference) -> FunctionVersion: ...


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came of a batch. `has_failed`: the function itself has said so, or has timed out, or crashed."""

    request_id: str
    executed_version: str
    result: InvocationResult

    @property
    def has_failed(self) -> bool:
        """Whether it is an error of the function."""
        return self.result.function_error is not None


class BatchInvoker:
    """Of one mapping. Everything is looked up anew each time: code, alias and limits may have changed."""

    def __init__(
        self,
        *,
        function: FunctionReference,
        versions: InvokedVersions,
        invoker: VersionInvoker,
        recursion: RecursionGuard,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._function = function
        self._versions = versions
        self._invoker = invoker
        self._recursion = recursion
        self._ids = ids
        self._clock = clock

    async def invoke(self, payload: bytes, *, trace_headers: Sequence[str] = ()) -> BatchAnswer:
        """Run the function once. `NotInvoked`, `RecursiveInvocation`. Cancelled, the environment ends.

        `trace_headers`: those that came with the records; the one whose chain has gone round most often counts.
        """
        function = self._function
        trace_header = self._trace_header(trace_headers)
        self._recursion.check(function, trace_header)
        try:
            version = self._versions.get_invoked(function).runnable
            request_id = self._ids.new_uuid()
            arn = version.function_arn if function.qualifier is None else f"{version.function_arn}:{function.qualifier}"
            invocation = Invocation(request_id=request_id, payload=payload, invoked_function_arn=arn, trace_header=trace_header)
            result = await self._invoker.invoke(version, invocation)
        except RecursiveInvocation:
            raise
        except Throttled as error:
            raise NotInvoked("Function is throttled", is_throttle=True) from error
        except FunctionNotFound as error:
            raise NotInvoked("Function does not exist") from error
        except AlonzoError as error:
            raise NotInvoked(str(error)) from error
        return BatchAnswer(request_id, version.version, result)

    def role_arn(self) -> str:
        """The function's execution role, as records of some sources name it; empty if there is no such function."""
        try:
            return self._versions.get_invoked(self._function).role
        except FunctionNotFound:
            return ""

    def log_group(self) -> str | None:
        """Where the function's logs go; None if there is no such function."""
        try:
            return self._versions.get_invoked(self._function).runnable.logging.log_group
        except FunctionNotFound:
            return None

    async def insist(
        self,
        payload: bytes,
        *,
        stopping: asyncio.Event,
        report: Callable[[str], None] = lambda _: None,
        until_unix_ms: int | None = None,
        trace_headers: Sequence[str] = (),
    ) -> BatchAnswer | None:
        """Invoke, and again after pauses that grow as long as the function cannot be invoked, which `report` is told.

        None when it has not seen the batch and `stopping` is set, or that instant has come. `RecursiveInvocation`.
        """
        backoff = Backoff(first_seconds=_FIRST_PAUSE_SECONDS, longest_seconds=_LONGEST_PAUSE_SECONDS)
        while True:
            try:
                return await self.invoke(payload, trace_headers=trace_headers)
            except NotInvoked as error:
                report(f"PROBLEM: {error}")
            left_seconds = None if until_unix_ms is None else (until_unix_ms - self._clock.unix_ms()) / 1000
            if left_seconds is not None and left_seconds <= 0:
                return None
            if not await backoff.pause(stopping, at_most_seconds=left_seconds):
                return None

    def _trace_header(self, given: Sequence[str]) -> str:
        mark = lineage.mark_of(self._function.scope, self._function.name)
        headers = [header for header in given if len(header) <= _TRACE_HEADER_MAX_LENGTH and header.isascii() and header.isprintable()]
        if headers:
            return lineage.advanced(max(headers, key=lambda header: lineage.count_of(header, mark)), mark)
        random = self._ids.new_hex_id(20)
        return lineage.begun(f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[24:]};Sampled=0", mark)
