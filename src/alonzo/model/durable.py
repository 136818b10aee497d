"""Durable executions: what is recorded of them.

An execution is one record; its operations (steps, waits, callbacks, chained invocations) and the events of its history are one record each,
so that a long execution does not rewrite all it has. Names and values are those of botocore's shapes `Operation` and `Event`.
"""

import re
from enum import StrEnum

import msgspec

from alonzo.model import names
from alonzo.model.scope import Scope

_EXECUTION_ARN = re.compile(
    r"arn:(?P<partition>[a-zA-Z0-9-]+):lambda:(?P<region>[a-zA-Z0-9-]+):(?P<account>\d{12}):function:(?P<function>[a-zA-Z0-9_-]+)"
    r":(?P<version>\$LATEST(?:\.PUBLISHED)?|[0-9]+)/durable-execution/(?P<name>[a-zA-Z0-9_-]+)/(?P<run>[a-zA-Z0-9_-]+)",
    re.ASCII,
)
"""Source: botocore shape `DurableExecutionArn`."""


class ExecutionStatus(StrEnum):
    """Source: botocore shape `ExecutionStatus`."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"
    DELETING = "DELETING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"

    @property
    def is_ended(self) -> bool:
        """Whether nothing can happen to the execution any more but its deletion."""
        return self in {ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.STOPPED}


class OperationType(StrEnum):
    """Source: botocore shape `OperationType`."""

    EXECUTION = "EXECUTION"
    CONTEXT = "CONTEXT"
    STEP = "STEP"
    WAIT = "WAIT"
    CALLBACK = "CALLBACK"
    CHAINED_INVOKE = "CHAINED_INVOKE"


class OperationStatus(StrEnum):
    """Source: botocore shape `OperationStatus`."""

    STARTED = "STARTED"
    PENDING = "PENDING"
    READY = "READY"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"


class EventType(StrEnum):
    """Source: botocore shape `EventType`."""

    EXECUTION_STARTED = "ExecutionStarted"
    EXECUTION_SUCCEEDED = "ExecutionSucceeded"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_TIMED_OUT = "ExecutionTimedOut"
    EXECUTION_STOPPED = "ExecutionStopped"
    EXECUTION_PAUSED = "ExecutionPaused"
    EXECUTION_RESUMED = "ExecutionResumed"
    CONTEXT_STARTED = "ContextStarted"
    CONTEXT_SUCCEEDED = "ContextSucceeded"
    CONTEXT_FAILED = "ContextFailed"
    WAIT_STARTED = "WaitStarted"
    WAIT_SUCCEEDED = "WaitSucceeded"
    WAIT_CANCELLED = "WaitCancelled"
    STEP_STARTED = "StepStarted"
    STEP_SUCCEEDED = "StepSucceeded"
    STEP_FAILED = "StepFailed"
    CHAINED_INVOKE_STARTED = "ChainedInvokeStarted"
    CHAINED_INVOKE_SUCCEEDED = "ChainedInvokeSucceeded"
    CHAINED_INVOKE_FAILED = "ChainedInvokeFailed"
    CHAINED_INVOKE_TIMED_OUT = "ChainedInvokeTimedOut"
    CHAINED_INVOKE_STOPPED = "ChainedInvokeStopped"
    CALLBACK_STARTED = "CallbackStarted"
    CALLBACK_SUCCEEDED = "CallbackSucceeded"
    CALLBACK_FAILED = "CallbackFailed"
    CALLBACK_TIMED_OUT = "CallbackTimedOut"
    INVOCATION_COMPLETED = "InvocationCompleted"


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, in the words of whoever says so. Source: botocore shape `ErrorObject`."""

    message: str | None = None
    type: str | None = None
    data: str | None = None
    stack_trace: tuple[str, ...] | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A pause that was asked for and has not ended."""

    requested_unix_ms: int
    reason: str | None = None
    stops_timeout: bool = True
    """Whether the execution's timeout stands still meanwhile."""


class AnsweredToken(msgspec.Struct, frozen=True):
    """A client token with which a pause or resumption was asked for, and when: asked again soon, nothing happens again."""

    token: str
    unix_ms: int


class ExecutionId(msgspec.Struct, frozen=True, kw_only=True):
    """Which execution: the parts of its ARN."""

    scope: Scope
    function_name: str
    version: str
    name: str
    run_id: str

    @property
    def arn(self) -> str:
        """As clients name it."""
        return f"{names.function_arn(self.scope, self.function_name)}:{self.version}/durable-execution/{self.name}/{self.run_id}"

    @property
    def key(self) -> tuple[str, ...]:
        """Of the execution's record; those of its operations and events begin with it."""
        return self.scope.account_id, self.scope.region, self.function_name, self.version, self.name, self.run_id


class DurableExecution(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a durable function. Payloads are JSON as the client or the function wrote it."""

    id: ExecutionId
    status: ExecutionStatus = ExecutionStatus.RUNNING
    started_unix_ms: int
    ended_unix_ms: int | None = None
    execution_timeout_seconds: int
    retention_days: int
    kms_key_arn: str | None = None
    trace_header: str | None = None
    input_payload: str | None = None
    result: str | None = None
    error: ErrorObject | None = None
    checkpoint_token: str | None = None
    """The one that the next checkpoint must show; None while the function is not running."""
    pause: Pause | None = None
    paused_before_ms: int = 0
    """How long earlier pauses have put off the timeout."""
    answered_token: AnsweredToken | None = None

    @property
    def is_invoked(self) -> bool:
        """Whether the function is running for it right now."""
        return self.checkpoint_token is not None


class DurableOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of an execution. Which of the members after `ended_unix_ms` are there depends on the type."""

    sequence: int
    """In which order operations started, from 1."""
    id: str
    type: OperationType
    status: OperationStatus
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    started_unix_ms: int
    ended_unix_ms: int | None = None
    input_payload: str | None = None
    replay_children: bool | None = None
    result: str | None = None
    error: ErrorObject | None = None
    attempt: int | None = None
    next_attempt_unix_ms: int | None = None
    wait_until_unix_ms: int | None = None
    callback_id: str | None = None


class DurableEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of an execution's history. Which of the members after `sub_type` are there depends on the type."""

    id: int
    """In which order events happened, from 1."""
    type: EventType
    unix_ms: int
    operation_id: str | None = None
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    payload: str | None = None
    """The input of what started, the result of what succeeded, the reason of a pause or its end."""
    error: ErrorObject | None = None
    attempt: int | None = None
    next_attempt_delay_seconds: int | None = None
    duration_seconds: int | None = None
    """How long a wait is to take; of executions, callbacks: the timeout."""
    heartbeat_timeout_seconds: int | None = None
    scheduled_end_unix_ms: int | None = None
    callback_id: str | None = None
    function_name: str | None = None
    tenant_id: str | None = None
    executed_version: str | None = None
    chained_execution_arn: str | None = None
    requested_unix_ms: int | None = None
    """When a pause, its end or an invocation began to be asked for."""
    request_id: str | None = None
    stops_timeout: bool | None = None


class DurableCallback(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to those who only have a callback id. It stays after it was answered, to tell latecomers so."""

    callback_id: str
    execution: ExecutionId
    operation_sequence: int
    is_open: bool = True
    expires_unix_ms: int | None = None
    heartbeat_timeout_seconds: int | None = None
    last_heartbeat_unix_ms: int

    def is_expired(self, unix_ms: int) -> bool:
        """Whether it came to its end, or its heartbeats stopped, by that instant."""
        if self.expires_unix_ms is not None and unix_ms >= self.expires_unix_ms:
            return True
        seconds = self.heartbeat_timeout_seconds
        return seconds is not None and unix_ms >= self.last_heartbeat_unix_ms + seconds * 1000


def execution_id_of(arn: str) -> ExecutionId | None:
    """What an execution's ARN names; None when it is not of that form."""
    match = _EXECUTION_ARN.fullmatch(arn)
    if match is None:
        return None
    scope = Scope(match["account"], match["region"], match["partition"])
    return ExecutionId(scope=scope, function_name=match["function"], version=match["version"], name=match["name"], run_id=match["run"])
