"""From the records of durable executions to botocore's `GetDurableExecutionResponse`, `Execution`, `Operation` and `Event`."""

from datetime import UTC, datetime
from typing import Any

from alonzo.functions.durable.executions import expected_timeout_unix_ms
from alonzo.model import names
from alonzo.model.durable import (
    DurableEvent,
    DurableExecution,
    DurableOperation,
    ErrorObject,
    EventType,
    OperationType,
)

Members = dict[str, Any]


def listed_execution(execution: DurableExecution) -> Members:
    """As lists show it."""
    return {
        "DurableExecutionArn": execution.id.arn,
        "DurableExecutionName": execution.id.name,
        "FunctionArn": _function_arn(execution),
        "Status": execution.status.value,
        "StartTimestamp": instant(execution.started_unix_ms),
        "EndTimestamp": instant(execution.ended_unix_ms),
        "KMSKeyArn": execution.kms_key_arn,
    }


def described_execution(execution: DurableExecution, *, with_data: bool, now_unix_ms: int) -> Members:
    """As GetDurableExecution shows it. Without data there is no payload, error or reason in it."""
    members = listed_execution(execution) | {
        "Version": execution.id.version,
        "TraceHeader": {"XAmznTraceId": execution.trace_header} if execution.trace_header else None,
        "ExecutionDataIncluded": with_data,
        "DurableConfig": {
            "KMSKeyArn": execution.kms_key_arn,
            "RetentionPeriodInDays": execution.retention_days,
            "ExecutionTimeout": execution.execution_timeout_seconds,
        },
        "PauseDetails": _pause(execution, with_data=with_data),
        "ExpectedExecutionTimeoutTimestamp": instant(expected_timeout_unix_ms(execution, now_unix_ms)),
    }
    del members["KMSKeyArn"]
    if with_data:
        members |= {
            "InputPayload": execution.input_payload,
            "Result": execution.result,
            "Error": error_members(execution.error),
        }
    return members


def operation_members(operation: DurableOperation) -> Members:
    """An operation as functions see it when they replay."""
    outcome = {"Result": operation.result, "Error": error_members(operation.error)}
    details: Members
    match operation.type:
        case OperationType.EXECUTION:
            details = {"ExecutionDetails": {"InputPayload": operation.input_payload}}
        case OperationType.CONTEXT:
            details = {"ContextDetails": {"ReplayChildren": operation.replay_children, **outcome}}
        case OperationType.STEP:
            next_attempt = instant(operation.next_attempt_unix_ms)
            details = {"StepDetails": {"Attempt": operation.attempt, "NextAttemptTimestamp": next_attempt, **outcome}}
        case OperationType.WAIT:
            details = {"WaitDetails": {"ScheduledEndTimestamp": instant(operation.wait_until_unix_ms)}}
        case OperationType.CALLBACK:
            details = {"CallbackDetails": {"CallbackId": operation.callback_id, **outcome}}
        case OperationType.CHAINED_INVOKE:
            details = {"ChainedInvokeDetails": outcome}
    return {
        "Id": operation.id,
        "ParentId": operation.parent_id,
        "Name": operation.name,
        "Type": operation.type.value,
        "SubType": operation.sub_type,
        "StartTimestamp": instant(operation.started_unix_ms),
        "EndTimestamp": instant(operation.ended_unix_ms),
        "Status": operation.status.value,
        **details,
    }


def event_members(event: DurableEvent, *, with_data: bool) -> Members:
    """An event of a history. Without data, payloads are left out and said to be."""
    return {
        "EventType": event.type.value,
        "SubType": event.sub_type,
        "EventId": event.id,
        "Id": event.operation_id,
        "Name": event.name,
        "EventTimestamp": instant(event.unix_ms),
        "ParentId": event.parent_id,
        f"{event.type.value}Details": _event_details(event, with_data=with_data),
    }


def error_members(error: ErrorObject | None) -> Members | None:
    """botocore's `ErrorObject`."""
    if error is None:
        return None
    trace = None if error.stack_trace is None else list(error.stack_trace)
    return {"ErrorMessage": error.message, "ErrorType": error.type, "ErrorData": error.data, "StackTrace": trace}


def instant(unix_ms: int | None) -> datetime | None:
    """For members that are timestamps in the model."""
    return None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC)


def _event_details(event: DurableEvent, *, with_data: bool) -> Members:
    payload = _payload(event.payload, with_data=with_data)
    error = _payload(error_members(event.error), with_data=with_data)
    details: Members
    match event.type:
        case EventType.EXECUTION_STARTED:
            details = {"Input": payload or {}, "ExecutionTimeout": event.duration_seconds}
        case EventType.EXECUTION_PAUSED:
            paused = {"PauseRequestTimestamp": instant(event.requested_unix_ms), "ExecutionTimeoutPaused": event.stops_timeout}
            details = {**paused, "Reason": payload}
        case EventType.EXECUTION_RESUMED:
            details = {"ResumeRequestTimestamp": instant(event.requested_unix_ms), "Reason": payload}
        case EventType.WAIT_STARTED:
            details = {"Duration": event.duration_seconds, "ScheduledEndTimestamp": instant(event.scheduled_end_unix_ms)}
        case EventType.WAIT_SUCCEEDED:
            details = {"Duration": event.duration_seconds}
        case EventType.WAIT_CANCELLED:
            details = {"Error": error}
        case EventType.CALLBACK_STARTED:
            timeouts = {"HeartbeatTimeout": event.heartbeat_timeout_seconds, "Timeout": event.duration_seconds}
            details = {"CallbackId": event.callback_id, **timeouts}
        case EventType.CHAINED_INVOKE_STARTED:
            invoked = {"FunctionName": event.function_name, "TenantId": event.tenant_id, "ExecutedVersion": event.executed_version}
            details = {**invoked, "Input": payload, "DurableExecutionArn": event.chained_execution_arn}
        case EventType.INVOCATION_COMPLETED:
            times = {"StartTimestamp": instant(event.requested_unix_ms), "EndTimestamp": instant(event.unix_ms)}
            details = {**times, "RequestId": event.request_id, "Error": error}
        case EventType.CONTEXT_STARTED | EventType.STEP_STARTED:
            details = {}
        case EventType.STEP_SUCCEEDED | EventType.STEP_FAILED:
            retry = {"CurrentAttempt": event.attempt, "NextAttemptDelaySeconds": event.next_attempt_delay_seconds}
            details = {**_outcome(event, payload, error), "RetryDetails": retry}
        case _:
            details = _outcome(event, payload, error)
    return details


def _outcome(event: DurableEvent, payload: Members | None, error: Members | None) -> Members:
    return {"Result": payload or {}} if event.type.value.endswith("Succeeded") else {"Error": error or {}}


def _payload(content: str | Members | None, *, with_data: bool) -> Members | None:
    if content is None:
        return None
    return {"Payload": content, "Truncated": False} if with_data else {"Truncated": True}


def _pause(execution: DurableExecution, *, with_data: bool) -> Members | None:
    pause = execution.pause
    if pause is None:
        return None
    return {
        "PauseRequestTimestamp": instant(pause.requested_unix_ms),
        "Reason": pause.reason if with_data else None,
        "ExecutionTimeoutPaused": pause.stops_timeout,
    }


def _function_arn(execution: DurableExecution) -> str:
    return f"{names.function_arn(execution.id.scope, execution.id.function_name)}:{execution.id.version}"
