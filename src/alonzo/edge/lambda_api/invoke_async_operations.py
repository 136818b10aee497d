"""InvokeAsync, the operation that came before Invoke's `Event`: deprecated since 2014 and still there.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html.
"""

from collections.abc import Callable
from typing import Any

from alonzo.edge.event_payload import checked_event_payload
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.resolution import Resolution
from alonzo.invoke.asynchronous.acceptance import EventAcceptance
from alonzo.model.names import refer_to_function


class InvokeAsyncOperations:
    """Its method is the operation: an `OperationHandler`. `new_trace_header`: an X-Ray root for each event."""

    def __init__(self, *, resolution: Resolution, acceptance: EventAcceptance, new_trace_header: Callable[[], str]) -> None:
        self._resolution = resolution
        self._acceptance = acceptance
        self._new_trace_header = new_trace_header

    def table(self) -> OperationTable:
        """The operation by its name in botocore's `lambda` model."""
        return {"InvokeAsync": self.invoke_async}

    async def invoke_async(self, call: CallContext, parameters: dict[str, Any]) -> dict[str, Any]:
        target = refer_to_function(parameters["FunctionName"], None, call.caller.scope)
        payload = checked_event_payload(bytes(parameters["InvokeArgs"]))
        version = self._resolution.get_invoked(target).runnable
        await self._acceptance.accept(version, target, request_id=call.request_id, payload=payload, trace_header=self._new_trace_header())
        return {"Status": 202}
