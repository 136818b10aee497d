"""Durable executions as clients see them: looked up, listed, stopped, paused, resumed and deleted.

What makes executions advance reads the same records: an execution that is stopped, paused or resumed here says so in its `status`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from alonzo.clock import Clock
from alonzo.functions.durable.records import DurableRecords
from alonzo.functions.errors import InvalidParameter, ResourceConflict, ResourceNotFound
from alonzo.model.durable import (
    AnsweredToken,
    DurableEvent,
    DurableExecution,
    DurableOperation,
    ErrorObject,
    EventType,
    ExecutionStatus,
    Pause,
    execution_id_of,
)
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.record_index import Versioned

EXECUTION_MAX_SECONDS = 366 * 24 * 3600
"""No pause puts off an execution's end beyond this. Source: botocore, PauseDurableExecution."""

_CLIENT_TOKEN_SECONDS = 15 * 60
"""Source: botocore, PauseDurableExecution ("If you repeat a request with the same client token … within 15 minutes")."""

_ERROR_MAX_BYTES = 1_048_576
"""Source: botocore, StopDurableExecution ("The combined size of all error fields is limited to 1 MB")."""


class DurableExecutionNotFound(ResourceNotFound):
    """No such execution. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"Durable execution not found: {arn}")


class ExecutionStatusMismatch(ResourceConflict):
    """The execution is in a state that forbids this. The words are ours."""

    def __init__(self, arn: str, *, status: ExecutionStatus, wanted: str) -> None:
        super().__init__(f"The durable execution cannot be {wanted} in status {status.value}: {arn}")


class CheckpointTokenInvalid(InvalidParameter):
    """The token is not the one that the execution expects, or there is no such execution: the operations on tokens do not tell.

    Source: the SDKs for durable functions look for this beginning of a message.
    """

    def __init__(self) -> None:
        super().__init__("Invalid Checkpoint Token")


class ErrorObjectTooLarge(InvalidParameter):
    """The fields of an error are too large together. The words are ours."""

    def __init__(self) -> None:
        super().__init__(f"The combined size of all error fields must not be larger than {_ERROR_MAX_BYTES} bytes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions of a function are listed; None is no restriction. The instants are exclusive."""

    version: str | None = None
    name: str | None = None
    statuses: frozenset[ExecutionStatus] | None = None
    started_after_unix_ms: int | None = None
    started_before_unix_ms: int | None = None

    def admits(self, execution: DurableExecution) -> bool:
        """Whether an execution is one of these. The version is the look-up's to restrict."""
        after, before = self.started_after_unix_ms, self.started_before_unix_ms
        return (
            (self.name is None or execution.id.name == self.name)
            and (self.statuses is None or execution.status in self.statuses)
            and (after is None or execution.started_unix_ms > after)
            and (before is None or execution.started_unix_ms < before)
        )


class DurableExecutions:
    """The executions of all accounts; a `FunctionDependent`. Writes raise the store's errors and `DurableExecutionChanged`, too."""

    def __init__(self, *, records: DurableRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def get(self, scope: Scope, arn: str) -> DurableExecution:
        """`DurableExecutionNotFound`, as for executions of other accounts and regions."""
        return self._get_versioned(scope, arn).value

    def list_executions(
        self, scope: Scope, function_name: str, wanted: ExecutionFilter, *, oldest_first: bool = False
    ) -> list[DurableExecution]:
        """The executions of a function by when they started."""
        found = self._records.iter_executions(scope, function_name, wanted.version)
        return sorted(filter(wanted.admits, found), key=lambda execution: execution_sort_key(execution, oldest_first=oldest_first))

    def list_events(self, execution: DurableExecution, *, newest_first: bool = False) -> list[DurableEvent]:
        """The history of an execution."""
        return sorted(self._records.iter_events(execution.id), key=lambda event: event.id, reverse=newest_first)

    def iter_operations(self, scope: Scope, arn: str, checkpoint_token: str) -> Iterator[DurableOperation]:
        """The operations of an execution whose function shows its token, in the order of their start. `CheckpointTokenInvalid`."""
        return self._records.iter_operations(self.check_token(scope, arn, checkpoint_token).id)

    def check_token(self, scope: Scope, arn: str, checkpoint_token: str) -> DurableExecution:
        """The execution whose function shows its current token. `CheckpointTokenInvalid`."""
        record = self._find_versioned(scope, arn)
        if record is None or record.value.checkpoint_token != checkpoint_token:
            raise CheckpointTokenInvalid
        return record.value

    async def stop(self, scope: Scope, arn: str, error: ErrorObject | None) -> DurableExecution:
        """End an execution; one that has ended stays as it is. `DurableExecutionNotFound`, `ErrorObjectTooLarge`."""
        check_error_size(error)
        record = self._get_versioned(scope, arn)
        execution, now = record.value, self._clock.unix_ms()
        if execution.status.is_ended or execution.status is ExecutionStatus.DELETING:
            return execution
        stopped = msgspec.structs.replace(
            execution, status=ExecutionStatus.STOPPED, ended_unix_ms=now, error=error, pause=None, checkpoint_token=None
        )
        await self._records.update_execution(stopped, record.revision)
        await self._append(stopped, EventType.EXECUTION_STOPPED, now, error=error)
        return stopped

    async def pause(self, scope: Scope, arn: str, *, reason: str | None, stops_timeout: bool, client_token: str | None) -> DurableExecution:
        """An execution whose function is running is Pausing until its next checkpoint.

        `DurableExecutionNotFound`, `ExecutionStatusMismatch` for what is not Running.
        """
        record = self._get_versioned(scope, arn)
        execution, now = record.value, self._clock.unix_ms()
        if _is_answered(execution, client_token, now):
            return execution
        if execution.status is not ExecutionStatus.RUNNING:
            raise ExecutionStatusMismatch(arn, status=execution.status, wanted="paused")
        paused = msgspec.structs.replace(
            execution,
            status=ExecutionStatus.PAUSING if execution.is_invoked else ExecutionStatus.PAUSED,
            pause=Pause(requested_unix_ms=now, reason=reason, stops_timeout=stops_timeout),
            answered_token=None if client_token is None else AnsweredToken(client_token, now),
        )
        await self._records.update_execution(paused, record.revision)
        if paused.status is ExecutionStatus.PAUSED:
            await self._append(paused, EventType.EXECUTION_PAUSED, now, payload=reason, requested_unix_ms=now, stops_timeout=stops_timeout)
        return paused

    async def resume(self, scope: Scope, arn: str, *, reason: str | None, client_token: str | None) -> DurableExecution:
        """End a pause. `DurableExecutionNotFound`, `ExecutionStatusMismatch` for what is neither Paused nor Pausing."""
        record = self._get_versioned(scope, arn)
        execution, now = record.value, self._clock.unix_ms()
        if _is_answered(execution, client_token, now):
            return execution
        if execution.status not in {ExecutionStatus.PAUSED, ExecutionStatus.PAUSING} or execution.pause is None:
            raise ExecutionStatusMismatch(arn, status=execution.status, wanted="resumed")
        put_off_ms = now - execution.pause.requested_unix_ms if execution.pause.stops_timeout else 0
        resumed = msgspec.structs.replace(
            execution,
            status=ExecutionStatus.RUNNING,
            pause=None,
            paused_before_ms=execution.paused_before_ms + put_off_ms,
            answered_token=None if client_token is None else AnsweredToken(client_token, now),
        )
        await self._records.update_execution(resumed, record.revision)
        if execution.status is ExecutionStatus.PAUSED:
            await self._append(resumed, EventType.EXECUTION_RESUMED, now, payload=reason, requested_unix_ms=now)
        return resumed

    async def delete(self, scope: Scope, arn: str) -> int:
        """Delete an execution that has ended, with its data; returns when that was asked for, in milliseconds since the epoch.

        `DurableExecutionNotFound`, `ExecutionStatusMismatch`.
        """
        record = self._get_versioned(scope, arn)
        execution = record.value
        if execution.status is not ExecutionStatus.DELETING:
            if not execution.status.is_ended:
                raise ExecutionStatusMismatch(arn, status=execution.status, wanted="deleted")
            deleting = msgspec.structs.replace(execution, status=ExecutionStatus.DELETING)
            await self._records.update_execution(deleting, record.revision)
        await self._records.delete_execution(execution.id)
        return self._clock.unix_ms()

    async def forget(self, reference: FunctionReference) -> None:
        """As `FunctionDependent` says: executions go with their version."""
        for execution in list(self._records.iter_executions(reference.scope, reference.name, reference.qualifier)):
            await self._records.delete_execution(execution.id)

    async def _append(self, execution: DurableExecution, kind: EventType, now: int, **members: object) -> None:
        event = DurableEvent(id=0, type=kind, unix_ms=now, name=execution.id.name, operation_id=execution.id.run_id)
        await self._records.append_event(execution.id, msgspec.structs.replace(event, **members))

    def _find_versioned(self, scope: Scope, arn: str) -> Versioned[DurableExecution] | None:
        execution_id = execution_id_of(arn)
        if execution_id is None or execution_id.scope != scope:
            return None
        return self._records.find_execution(execution_id)

    def _get_versioned(self, scope: Scope, arn: str) -> Versioned[DurableExecution]:
        record = self._find_versioned(scope, arn)
        if record is None:
            raise DurableExecutionNotFound(arn)
        return record


def expected_timeout_unix_ms(execution: DurableExecution, now_unix_ms: int) -> int | None:
    """When the execution will time out; None when it has ended. Source: botocore, `ExpectedExecutionTimeoutTimestamp`."""
    if execution.status.is_ended or execution.status is ExecutionStatus.DELETING:
        return None
    latest = execution.started_unix_ms + EXECUTION_MAX_SECONDS * 1000
    pause = execution.pause
    if execution.status is ExecutionStatus.PAUSED and pause is not None and pause.stops_timeout:
        return latest
    pausing_ms = now_unix_ms - pause.requested_unix_ms if pause is not None and pause.stops_timeout else 0
    expected = execution.started_unix_ms + execution.execution_timeout_seconds * 1000 + execution.paused_before_ms + pausing_ms
    return min(expected, latest)


def execution_sort_key(execution: DurableExecution, *, oldest_first: bool) -> tuple[str, ...]:
    """Sorts by start, then ARN; ascending in either direction, as pages need it."""
    started = execution.started_unix_ms
    return f"{started if oldest_first else 10**15 - started:015d}", execution.id.arn


def check_error_size(error: ErrorObject | None) -> None:
    """`ErrorObjectTooLarge`."""
    if error is None:
        return
    texts = [error.message, error.type, error.data, *(error.stack_trace or ())]
    if sum(len(text.encode()) for text in texts if text is not None) > _ERROR_MAX_BYTES:
        raise ErrorObjectTooLarge


def _is_answered(execution: DurableExecution, client_token: str | None, now: int) -> bool:
    """Whether this very request was answered lately."""
    answered = execution.answered_token
    if answered is None or answered.token != client_token:
        return False
    return now - answered.unix_ms < _CLIENT_TOKEN_SECONDS * 1000
