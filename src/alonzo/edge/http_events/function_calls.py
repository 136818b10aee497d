"""Functions invoked for HTTP requests: what all doors do alike between an event and its answer."""

from collections.abc import Awaitable
from typing import Any

import msgspec

from alonzo.edge.trace_headers import TraceHeaders
from alonzo.errors import AlonzoError
from alonzo.functions.resolution import Resolution
from alonzo.ids import IdSource
from alonzo.invoke.invoker import VersionInvoker
from alonzo.invoke.recursion import RecursionGuard
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult, ResponseSink
from alonzo.model.names import FunctionReference
from alonzo.model.quotas import PAYLOAD_SYNC_MAX_BYTES


class EventTooLarge(AlonzoError):
    """The event is larger than an invocation's payload may be."""

    def __init__(self) -> None:
        super().__init__(f"the event is larger than {PAYLOAD_SYNC_MAX_BYTES} bytes")


class FunctionCall(msgspec.Struct, frozen=True, gc=False):
    """A function about to be invoked: which version an alias has led to, and with what."""

    version: FunctionVersion
    invocation: Invocation


class FunctionCalls:
    """On the hot path of function URLs and APIs: look-ups in memory, nothing else."""

    def __init__(
        self, *, resolution: Resolution, invoker: VersionInvoker, ids: IdSource, trace_headers: TraceHeaders, recursion: RecursionGuard
    ) -> None:
        self._resolution = resolution
        self._invoker = invoker
        self._ids = ids
        self._trace_headers = trace_headers
        self._recursion = recursion

    def new_request_id(self) -> str:
        """For a request that is to become a call."""
        return self._ids.new_uuid()

    def resolve(self, reference: FunctionReference) -> FunctionVersion:
        """What is to be run. `FunctionNotFound`."""
        return self._resolution.get_invoked(reference).runnable

    def trace_header(self, reference: FunctionReference, version: FunctionVersion, given: bytes | None) -> str:
        """The tracing header that the function gets, `given` the client's. `RecursiveInvocation`."""
        trace_header = self._trace_headers.of_invocation(version, given)
        if given is not None:
            self._recursion.check(reference, trace_header)
        return trace_header

    def call_of(
        self,
        reference: FunctionReference,
        version: FunctionVersion,
        event: Any,
        *,
        request_id: str,
        trace_header: str,
        sink: ResponseSink | None = None,
    ) -> FunctionCall:
        """`event`: whatever JSON can say, or JSON itself as bytes. `EventTooLarge`."""
        payload = event if isinstance(event, bytes) else msgspec.json.encode(event)
        if len(payload) > PAYLOAD_SYNC_MAX_BYTES:
            raise EventTooLarge
        arn = version.function_arn if reference.qualifier is None else f"{version.function_arn}:{reference.qualifier}"
        invocation = Invocation(request_id=request_id, payload=payload, invoked_function_arn=arn, trace_header=trace_header, sink=sink)
        return FunctionCall(version, invocation)

    def run(self, call: FunctionCall) -> Awaitable[InvocationResult]:
        """As `VersionInvoker.invoke`, with its errors."""
        return self._invoker.invoke(call.version, call.invocation)
