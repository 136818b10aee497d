"""Callbacks of durable executions: answers from outside to operations that wait for them."""

from dataclasses import dataclass
from typing import Any

import msgspec

from alonzo.clock import Clock
from alonzo.errors import AlonzoError
from alonzo.functions.durable.executions import check_error_size
from alonzo.functions.durable.records import DurableRecords
from alonzo.functions.errors import ResourceNotFound
from alonzo.model.durable import DurableCallback, DurableEvent, ErrorObject, EventType, ExecutionStatus, OperationStatus
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict
from alonzo.store.record_index import Versioned


class CallbackNotFound(ResourceNotFound):
    """No callback with this id. The words are ours."""

    def __init__(self, callback_id: str) -> None:
        super().__init__(f"Callback not found: {callback_id}")


class CallbackClosed(AlonzoError):
    """The callback was answered, or nobody waits for it any more. Source of the words: botocore shape `CallbackTimeoutException`."""

    def __init__(self) -> None:
        super().__init__("The callback ID token has either expired or the callback associated with the token has already been closed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """A result as text (JSON, usually), or with `error` a failure."""

    result: str | None = None
    error: ErrorObject | None = None
    is_failure: bool = False


class DurableCallbacks:
    """Writes raise the store's errors, too."""

    def __init__(self, *, records: DurableRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def answer(self, scope: Scope, callback_id: str, answer: CallbackAnswer) -> None:
        """Close a callback, and with it its operation. Of two answers at once one counts.

        `CallbackNotFound`, `CallbackClosed`, `ErrorObjectTooLarge`.
        """
        check_error_size(answer.error)
        await self._close_operation(await self._change(scope, callback_id, is_open=False), answer)

    async def heartbeat(self, scope: Scope, callback_id: str) -> None:
        """Put off the end of a callback that expects signs of life. `CallbackNotFound`, `CallbackClosed`."""
        await self._change(scope, callback_id, last_heartbeat_unix_ms=self._clock.unix_ms())

    def _get_open(self, scope: Scope, callback_id: str) -> Versioned[DurableCallback]:
        record = self._records.find_callback(scope, callback_id)
        if record is None:
            raise CallbackNotFound(callback_id)
        execution = self._records.find_execution(record.value.execution)
        is_awaited = execution is not None and not execution.value.status.is_ended and execution.value.status != ExecutionStatus.DELETING
        if not is_awaited or not record.value.is_open or record.value.is_expired(self._clock.unix_ms()):
            raise CallbackClosed
        return record

    async def _change(self, scope: Scope, callback_id: str, **members: Any) -> DurableCallback:
        """Again after somebody else's change, as long as the callback is open."""
        while True:
            record = self._get_open(scope, callback_id)
            callback = msgspec.structs.replace(record.value, **members)
            try:
                await self._records.update_callback(callback, record.revision)
            except RecordConflict:
                continue
            return callback

    async def _close_operation(self, callback: DurableCallback, answer: CallbackAnswer) -> None:
        """Nobody else writes the operation: its callback was ours to close."""
        now = self._clock.unix_ms()
        record = self._records.find_operation(callback.execution, callback.operation_sequence)
        if record is None:
            raise CallbackClosed
        operation = msgspec.structs.replace(
            record.value,
            status=OperationStatus.FAILED if answer.is_failure else OperationStatus.SUCCEEDED,
            ended_unix_ms=now,
            result=answer.result,
            error=answer.error,
        )
        await self._records.put_operation(callback.execution, operation)
        event = DurableEvent(
            id=0,
            type=EventType.CALLBACK_FAILED if answer.is_failure else EventType.CALLBACK_SUCCEEDED,
            unix_ms=now,
            operation_id=operation.id,
            parent_id=operation.parent_id,
            name=operation.name,
            sub_type=operation.sub_type,
            payload=answer.result,
            error=answer.error,
            callback_id=callback.callback_id,
        )
        await self._records.append_event(callback.execution, event)
