"""InvokeAsync, the operation that came before Invoke's `Event`: deprecated since 2014 and still there.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html.
"""

from typing import Any

from alonzo.edge.event_payload import checked_event_payload
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.edge.trace_headers import TraceHeaders
from alonzo.functions.resolution import Resolution
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.names import refer_to_function


class InvokeAsyncOperations:
    """Its method is the operation: an `OperationHandler`."""

    def __init__(self, *, resolution: Resolution, acceptance: EventAcceptance, trace_headers: TraceHeaders) -> None:
        self._resolution = resolution
        self._acceptance = acceptance
        self._trace_headers = trace_headers

    def table(self) -> OperationTable:
        """The operation by its name in botocore's `lambda` model."""
        return {"InvokeAsync": self.invoke_async}

    async def invoke_async(self, call: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        target = refer_to_function(parameters["FunctionName"], None, call.caller.scope)
        payload = checked_event_payload(bytes(parameters["InvokeArgs"]))
        version = self._resolution.get_invoked(target).runnable
        trace_header = self._trace_headers.of_invocation(version, call.trace_header)
        await self._acceptance.accept(version, target, request_id=call.request_id, payload=payload, trace_header=trace_header)
        return {"Status": 202}
