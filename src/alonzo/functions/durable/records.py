"""The records of durable executions: tables, keys, and how histories grow."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from alonzo.functions.errors import ResourceConflict
from alonzo.model.durable import DurableCallback, DurableEvent, DurableExecution, DurableOperation, ExecutionId
from alonzo.model.scope import Scope
from alonzo.store.errors import RecordConflict, RecordExists
from alonzo.store.record_index import Versioned
from alonzo.store.records import RecordTable

_ORDER_DIGITS = 10


class DurableExecutionChanged(ResourceConflict):
    """Something else happened to the execution at the same time. The words are ours."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The durable execution was changed by another operation: {arn}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableTables:
    """Executions by `ExecutionId.key`, operations and events by that and their order, callbacks by account, region and digest of the id."""

    executions: RecordTable[DurableExecution]
    operations: RecordTable[DurableOperation]
    events: RecordTable[DurableEvent]
    callbacks: RecordTable[DurableCallback]


class DurableRecords:
    """Reads are look-ups in memory; writes raise the store's errors, too."""

    def __init__(self, tables: DurableTables) -> None:
        self._executions = tables.executions
        self._operations = tables.operations
        self._events = tables.events
        self._callbacks = tables.callbacks

    def find_execution(self, execution_id: ExecutionId) -> Versioned[DurableExecution] | None:
        """The execution with its revision; None when there is none."""
        return self._executions.get_versioned(execution_id.key)

    def iter_executions(self, scope: Scope, function_name: str, version: str | None = None) -> Iterator[DurableExecution]:
        """The executions of a function, or of one version of it, in no order that means anything."""
        prefix = (scope.account_id, scope.region, function_name)
        return (execution for _, execution in self._executions.iter_prefix(prefix if version is None else (*prefix, version)))

    def iter_operations(self, execution_id: ExecutionId) -> Iterator[DurableOperation]:
        """In the order in which they started."""
        return (operation for _, operation in self._operations.iter_prefix(execution_id.key))

    def iter_events(self, execution_id: ExecutionId) -> Iterator[DurableEvent]:
        """In the order in which they happened."""
        return (event for _, event in self._events.iter_prefix(execution_id.key))

    def find_callback(self, scope: Scope, callback_id: str) -> Versioned[DurableCallback] | None:
        """The callback with its revision; None when there is none."""
        return self._callbacks.get_versioned(_callback_key(scope, callback_id))

    def find_operation(self, execution_id: ExecutionId, sequence: int) -> Versioned[DurableOperation] | None:
        """The operation with its revision; None when there is none."""
        return self._operations.get_versioned(_ordered_key(execution_id, sequence))

    async def put_execution(self, execution: DurableExecution) -> None:
        """Write an execution whatever there is."""
        await self._executions.put(execution.id.key, execution)

    async def update_execution(self, execution: DurableExecution, revision: int) -> None:
        """Replace an execution as it was read. `DurableExecutionChanged`."""
        try:
            await self._executions.update(execution.id.key, execution, revision=revision)
        except RecordConflict as error:
            raise DurableExecutionChanged(execution.id.arn) from error

    async def put_operation(self, execution_id: ExecutionId, operation: DurableOperation) -> None:
        """Write an operation whatever there is."""
        await self._operations.put(_ordered_key(execution_id, operation.sequence), operation)

    async def put_callback(self, callback: DurableCallback) -> None:
        """Write a callback whatever there is."""
        await self._callbacks.put(_callback_key(callback.execution.scope, callback.callback_id), callback)

    async def update_callback(self, callback: DurableCallback, revision: int) -> None:
        """Replace a callback as it was read. `RecordConflict`."""
        await self._callbacks.update(_callback_key(callback.execution.scope, callback.callback_id), callback, revision=revision)

    async def append_event(self, execution_id: ExecutionId, event: DurableEvent) -> DurableEvent:
        """Write an event as the last of the history; its `id` is the one it gets."""
        last = max((known.id for known in self.iter_events(execution_id)), default=0)
        while True:
            last += 1
            numbered = msgspec.structs.replace(event, id=last)
            try:
                await self._events.create(_ordered_key(execution_id, last), numbered)
            except RecordExists:
                continue
            return numbered

    async def delete_execution(self, execution_id: ExecutionId) -> None:
        """Delete an execution and what belongs to it; its own record last, so that a deletion cut short can be repeated."""
        for operation in list(self.iter_operations(execution_id)):
            if operation.callback_id is not None:
                await self._callbacks.delete(_callback_key(execution_id.scope, operation.callback_id))
            await self._operations.delete(_ordered_key(execution_id, operation.sequence))
        for event in list(self.iter_events(execution_id)):
            await self._events.delete(_ordered_key(execution_id, event.id))
        await self._executions.delete(execution_id.key)


def _ordered_key(execution_id: ExecutionId, order: int) -> tuple[str, ...]:
    return *execution_id.key, f"{order:0{_ORDER_DIGITS}d}"


def _callback_key(scope: Scope, callback_id: str) -> tuple[str, ...]:
    """Callback ids are up to 1,024 characters, too long for a subject."""
    return scope.account_id, scope.region, hashlib.sha256(callback_id.encode()).hexdigest()
