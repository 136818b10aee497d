"""The Lambda API's operations on durable executions and their callbacks."""

from datetime import datetime
from typing import Any

from alonzo.aws.pagination import paginate
from alonzo.clock import Clock
from alonzo.edge.lambda_api.durable_execution_responses import (
    Members,
    described_execution,
    event_members,
    instant,
    listed_execution,
    operation_members,
)
from alonzo.edge.operations import CallContext, OperationTable
from alonzo.functions.durable.callbacks import CallbackAnswer, DurableCallbacks
from alonzo.functions.durable.executions import DurableExecutions, ExecutionFilter, execution_sort_key
from alonzo.functions.errors import NotSupported
from alonzo.functions.resolution import Resolution
from alonzo.model.durable import DurableEvent, ErrorObject, ExecutionStatus
from alonzo.model.names import refer_to_function

_PAGE_DEFAULT = 100
"""Source: botocore, GetDurableExecutionHistory ("The default is 100 … A value of 0 uses the default"); the maximum is the model's."""


class DurableExecutionOperations:
    """Each method is one operation: an `OperationHandler`."""

    def __init__(self, *, executions: DurableExecutions, callbacks: DurableCallbacks, resolution: Resolution, clock: Clock) -> None:
        self._executions = executions
        self._callbacks = callbacks
        self._resolution = resolution
        self._clock = clock

    def table(self) -> OperationTable:
        """The operations by their names in botocore's `lambda` model."""
        return {
            "GetDurableExecution": self.get_execution,
            "GetDurableExecutionHistory": self.get_history,
            "GetDurableExecutionState": self.get_state,
            "ListDurableExecutionsByFunction": self.list_executions,
            "StopDurableExecution": self.stop_execution,
            "PauseDurableExecution": self.pause_execution,
            "ResumeDurableExecution": self.resume_execution,
            "DeleteDurableExecution": self.delete_execution,
            "CheckpointDurableExecution": self.checkpoint,
            "SendDurableExecutionCallbackSuccess": self.send_success,
            "SendDurableExecutionCallbackFailure": self.send_failure,
            "SendDurableExecutionCallbackHeartbeat": self.send_heartbeat,
        }

    async def get_execution(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        execution = self._executions.get(call.caller.scope, parameters["DurableExecutionArn"])
        return described_execution(execution, with_data=_with_data(parameters), now_unix_ms=self._clock.unix_ms())

    async def get_history(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        execution = self._executions.get(call.caller.scope, parameters["DurableExecutionArn"])
        newest_first = bool(parameters.get("ReverseOrder"))
        page = paginate(
            self._executions.list_events(execution, newest_first=newest_first),
            sort_key=lambda event: _event_sort_key(event, newest_first=newest_first),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _PAGE_DEFAULT,
        )
        events = [event_members(event, with_data=_with_data(parameters)) for event in page.items]
        return {"Events": events, "NextMarker": page.next_marker}

    async def get_state(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        page = paginate(
            self._executions.iter_operations(call.caller.scope, parameters["DurableExecutionArn"], parameters["CheckpointToken"]),
            sort_key=lambda operation: (f"{operation.sequence:015d}",),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _PAGE_DEFAULT,
        )
        return {"Operations": [operation_members(operation) for operation in page.items], "NextMarker": page.next_marker}

    async def list_executions(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        reference = refer_to_function(parameters["FunctionName"], parameters.get("Qualifier"), call.caller.scope)
        version = self._resolution.get_version(reference).version
        statuses = parameters.get("Statuses")
        wanted = ExecutionFilter(
            version=None if reference.qualifier is None else version,
            name=parameters.get("DurableExecutionName"),
            statuses=frozenset(map(ExecutionStatus, statuses)) if statuses else None,
            started_after_unix_ms=_unix_ms(parameters.get("StartedAfter")),
            started_before_unix_ms=_unix_ms(parameters.get("StartedBefore")),
        )
        oldest_first = bool(parameters.get("ReverseOrder"))
        page = paginate(
            self._executions.list_executions(reference.scope, reference.name, wanted, oldest_first=oldest_first),
            sort_key=lambda execution: execution_sort_key(execution, oldest_first=oldest_first),
            marker=parameters.get("Marker") or None,
            limit=parameters.get("MaxItems") or _PAGE_DEFAULT,
        )
        return {"DurableExecutions": [listed_execution(execution) for execution in page.items], "NextMarker": page.next_marker}

    async def stop_execution(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        error = _error(parameters.get("Error"))
        stopped = await self._executions.stop(call.caller.scope, parameters["DurableExecutionArn"], error)
        return {"StopTimestamp": instant(stopped.ended_unix_ms)}

    async def pause_execution(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        stops_timeout = parameters.get("ExecutionTimeoutPaused")
        await self._executions.pause(
            call.caller.scope,
            parameters["DurableExecutionArn"],
            reason=parameters.get("Reason"),
            stops_timeout=True if stops_timeout is None else stops_timeout,
            client_token=parameters.get("ClientToken"),
        )
        return {}

    async def resume_execution(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._executions.resume(
            call.caller.scope,
            parameters["DurableExecutionArn"],
            reason=parameters.get("Reason"),
            client_token=parameters.get("ClientToken"),
        )
        return {}

    async def delete_execution(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        return {"DeletionRequestTimestamp": instant(await self._executions.delete(call.caller.scope, parameters["DurableExecutionArn"]))}

    async def checkpoint(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        """No function is given a token yet, so that none is the right one."""
        self._executions.check_token(call.caller.scope, parameters["DurableExecutionArn"], parameters["CheckpointToken"])
        raise NotSupported("checkpoints of durable executions")

    async def send_success(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        result = parameters.get("Result")
        answer = CallbackAnswer(result=None if result is None else result.decode("utf-8", "replace"))
        await self._callbacks.answer(call.caller.scope, parameters["CallbackId"], answer)
        return {}

    async def send_failure(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        answer = CallbackAnswer(error=_error(parameters.get("Error")), is_failure=True)
        await self._callbacks.answer(call.caller.scope, parameters["CallbackId"], answer)
        return {}

    async def send_heartbeat(self, call: CallContext, parameters: dict[str, Any]) -> Members:
        await self._callbacks.heartbeat(call.caller.scope, parameters["CallbackId"])
        return {}


def _with_data(parameters: dict[str, Any]) -> bool:
    return parameters.get("IncludeExecutionData") is not False


def _event_sort_key(event: DurableEvent, *, newest_first: bool) -> tuple[str]:
    """Ascending in either direction, as pages need it."""
    return (f"{10**15 - event.id if newest_first else event.id:015d}",)


def _unix_ms(instant_given: datetime | None) -> int | None:
    return None if instant_given is None else round(instant_given.timestamp() * 1000)


def _error(error: dict[str, Any] | None) -> ErrorObject | None:
    if error is None:
        return None
    trace = error.get("StackTrace")
    return ErrorObject(
        message=error.get("ErrorMessage"),
        type=error.get("ErrorType"),
        data=error.get("ErrorData"),
        stack_trace=None if trace is None else tuple(trace),
    )
