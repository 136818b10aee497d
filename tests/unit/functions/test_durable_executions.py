"""What becomes of executions whose records are there. Whatever makes them advance is not part of this."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alonzo.clock import ManualClock
from alonzo.functions.durable.callbacks import CallbackAnswer, CallbackClosed, CallbackNotFound, DurableCallbacks
from alonzo.functions.durable.executions import (
    EXECUTION_MAX_SECONDS,
    CheckpointTokenInvalid,
    DurableExecutionNotFound,
    DurableExecutions,
    ErrorObjectTooLarge,
    ExecutionFilter,
    ExecutionStatusMismatch,
    expected_timeout_unix_ms,
)
from alonzo.functions.durable.records import DurableRecords, DurableTables
from alonzo.model.durable import (
    DurableCallback,
    DurableEvent,
    DurableExecution,
    DurableOperation,
    ErrorObject,
    EventType,
    ExecutionId,
    ExecutionStatus,
    OperationStatus,
    OperationType,
    execution_id_of,
)
from alonzo.model.names import FunctionReference
from alonzo.model.scope import Scope
from alonzo.store.connection import connect
from alonzo.store.records import RecordTable
from alonzo.store.server import EmbeddedServer

SCOPE = Scope("111111111111", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:111111111111:function:f:1/durable-execution/order/run-0"


@dataclass(frozen=True, slots=True)
class Plane:
    records: DurableRecords
    executions: DurableExecutions
    callbacks: DurableCallbacks
    clock: ManualClock

    async def put(self, number: int = 0, *, version: str = "1", name: str = "order", **members: Any) -> DurableExecution:
        execution_id = ExecutionId(scope=SCOPE, function_name="f", version=version, name=name, run_id=f"run-{number}")
        started = self.clock.unix_ms() + number * 1000
        execution = DurableExecution(id=execution_id, started_unix_ms=started, execution_timeout_seconds=60, retention_days=14)
        execution = msgspec.structs.replace(execution, **members)
        await self.records.put_execution(execution)
        return execution

    async def put_callback(self, execution: DurableExecution, **members: Any) -> None:
        operation = DurableOperation(
            sequence=1,
            id="op",
            type=OperationType.CALLBACK,
            status=OperationStatus.STARTED,
            started_unix_ms=execution.started_unix_ms,
            callback_id="cb",
        )
        await self.records.put_operation(execution.id, operation)
        now = self.clock.unix_ms()
        callback = DurableCallback(callback_id="cb", execution=execution.id, operation_sequence=1, last_heartbeat_unix_ms=now)
        await self.records.put_callback(msgspec.structs.replace(callback, **members))


Scenario = Callable[[Plane], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scenario], None]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Plane]:
        async with AsyncExitStack() as stack:
            nats = await stack.enter_async_context(await EmbeddedServer.start(data_directory=tmp_path))
            connection = await stack.enter_async_context(await connect(nats.url))
            tables = DurableTables(
                executions=await RecordTable.open(connection, name="durable-executions", record_type=DurableExecution),
                operations=await RecordTable.open(connection, name="durable-operations", record_type=DurableOperation),
                events=await RecordTable.open(connection, name="durable-events", record_type=DurableEvent),
                callbacks=await RecordTable.open(connection, name="durable-callbacks", record_type=DurableCallback),
            )
            records, clock = DurableRecords(tables), ManualClock()
            yield Plane(records, DurableExecutions(records=records, clock=clock), DurableCallbacks(records=records, clock=clock), clock)

    async def run(scenario: Scenario) -> None:
        async with opened() as plane:
            await scenario(plane)

    return lambda scenario: asyncio.run(run(scenario))


def test_an_arn_names_an_execution() -> None:
    execution_id = execution_id_of(ARN)
    assert execution_id is not None
    assert execution_id.arn == ARN
    assert (execution_id.version, execution_id.name, execution_id.run_id) == ("1", "order", "run-0")
    assert execution_id_of("arn:aws:lambda:us-east-1:111111111111:function:f") is None


def test_lists_are_filtered_and_sorted(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        base = plane.clock.unix_ms()
        await plane.put(0)
        await plane.put(1, version="2", status=ExecutionStatus.FAILED)
        await plane.put(2, name="other")

        def listed(wanted: ExecutionFilter, **options: bool) -> list[str]:
            return [execution.id.run_id for execution in plane.executions.list_executions(SCOPE, "f", wanted, **options)]

        assert listed(ExecutionFilter()) == ["run-2", "run-1", "run-0"]
        assert listed(ExecutionFilter(), oldest_first=True) == ["run-0", "run-1", "run-2"]
        assert listed(ExecutionFilter(version="1")) == ["run-2", "run-0"]
        assert listed(ExecutionFilter(name="order")) == ["run-1", "run-0"]
        assert listed(ExecutionFilter(statuses=frozenset({ExecutionStatus.FAILED}))) == ["run-1"]
        assert listed(ExecutionFilter(started_after_unix_ms=base, started_before_unix_ms=base + 2000)) == ["run-1"]
        assert list(plane.executions.list_executions(Scope("2" * 12, "us-east-1"), "f", ExecutionFilter())) == []
        with pytest.raises(DurableExecutionNotFound):
            plane.executions.get(Scope("111111111111", "eu-west-1"), ARN)

    play(scenario)


def test_an_execution_is_stopped_once(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        await plane.put(checkpoint_token="t")
        error = ErrorObject(message="enough")
        stopped = await plane.executions.stop(SCOPE, ARN, error)
        assert (stopped.status, stopped.error, stopped.checkpoint_token) == (ExecutionStatus.STOPPED, error, None)
        plane.clock.advance(5)
        assert await plane.executions.stop(SCOPE, ARN, None) == stopped
        history = plane.executions.list_events(stopped)
        assert [(event.id, event.type, event.error) for event in history] == [(1, EventType.EXECUTION_STOPPED, error)]
        with pytest.raises(ErrorObjectTooLarge):
            await plane.executions.stop(SCOPE, ARN, ErrorObject(data="x" * 1_048_577))

    play(scenario)


def test_a_pause_puts_off_the_timeout(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        execution = await plane.put()
        started = execution.started_unix_ms
        assert expected_timeout_unix_ms(execution, started) == started + 60_000
        paused = await plane.executions.pause(SCOPE, ARN, reason="night", stops_timeout=True, client_token="a")
        assert paused.status is ExecutionStatus.PAUSED
        assert expected_timeout_unix_ms(paused, started) == started + EXECUTION_MAX_SECONDS * 1000
        plane.clock.advance(30)
        assert await plane.executions.pause(SCOPE, ARN, reason="night", stops_timeout=True, client_token="a") == paused
        with pytest.raises(ExecutionStatusMismatch, match="cannot be paused in status PAUSED"):
            await plane.executions.pause(SCOPE, ARN, reason=None, stops_timeout=True, client_token="b")
        resumed = await plane.executions.resume(SCOPE, ARN, reason="day", client_token="c")
        assert resumed.status is ExecutionStatus.RUNNING
        assert expected_timeout_unix_ms(resumed, plane.clock.unix_ms()) == started + 90_000
        assert await plane.executions.resume(SCOPE, ARN, reason="day", client_token="c") == resumed
        plane.clock.advance(16 * 60)
        with pytest.raises(ExecutionStatusMismatch, match="cannot be resumed in status RUNNING"):
            await plane.executions.resume(SCOPE, ARN, reason="day", client_token="c")
        history = plane.executions.list_events(resumed, newest_first=True)
        assert [event.type for event in history] == [EventType.EXECUTION_RESUMED, EventType.EXECUTION_PAUSED]

    play(scenario)


def test_a_running_function_reaches_its_next_checkpoint_first(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        await plane.put(checkpoint_token="t")
        paused = await plane.executions.pause(SCOPE, ARN, reason=None, stops_timeout=False, client_token=None)
        assert paused.status is ExecutionStatus.PAUSING
        resumed = await plane.executions.resume(SCOPE, ARN, reason=None, client_token=None)
        assert (resumed.status, resumed.checkpoint_token) == (ExecutionStatus.RUNNING, "t")
        assert plane.executions.list_events(resumed) == []

    play(scenario)


def test_only_what_has_ended_is_deleted(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        execution = await plane.put()
        await plane.put_callback(execution)
        with pytest.raises(ExecutionStatusMismatch):
            await plane.executions.delete(SCOPE, ARN)
        await plane.executions.stop(SCOPE, ARN, None)
        await plane.executions.delete(SCOPE, ARN)
        with pytest.raises(DurableExecutionNotFound):
            plane.executions.get(SCOPE, ARN)
        assert list(plane.records.iter_events(execution.id)) == []
        with pytest.raises(CallbackNotFound):
            await plane.callbacks.heartbeat(SCOPE, "cb")

    play(scenario)


def test_executions_go_with_their_version(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        for number, version in enumerate(("1", "2", "3")):
            await plane.put(number, version=version)
        await plane.executions.forget(FunctionReference(SCOPE, "f", "2"))
        assert [execution.id.version for execution in plane.records.iter_executions(SCOPE, "f")] == ["1", "3"]
        await plane.executions.forget(FunctionReference(SCOPE, "f"))
        assert list(plane.records.iter_executions(SCOPE, "f")) == []

    play(scenario)


def test_only_the_current_token_shows_the_operations(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        execution = await plane.put(checkpoint_token="now")
        await plane.put_callback(execution)
        assert [operation.id for operation in plane.executions.iter_operations(SCOPE, ARN, "now")] == ["op"]
        with pytest.raises(CheckpointTokenInvalid):
            plane.executions.iter_operations(SCOPE, ARN, "before")

    play(scenario)


@pytest.mark.parametrize("is_failure", [False, True])
def test_a_callback_is_answered_once(play: Callable[[Scenario], None], *, is_failure: bool) -> None:
    async def scenario(plane: Plane) -> None:
        execution = await plane.put()
        await plane.put_callback(execution)
        answer = CallbackAnswer(error=ErrorObject(type="No"), is_failure=True) if is_failure else CallbackAnswer(result='"yes"')
        await plane.callbacks.answer(SCOPE, "cb", answer)
        operation = next(plane.records.iter_operations(execution.id))
        assert operation.status is (OperationStatus.FAILED if is_failure else OperationStatus.SUCCEEDED)
        assert (operation.result, operation.error) == (answer.result, answer.error)
        event = next(plane.records.iter_events(execution.id))
        assert event.type is (EventType.CALLBACK_FAILED if is_failure else EventType.CALLBACK_SUCCEEDED)
        with pytest.raises(CallbackClosed):
            await plane.callbacks.answer(SCOPE, "cb", answer)

    play(scenario)


def test_heartbeats_keep_a_callback_open(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        await plane.put_callback(await plane.put(), heartbeat_timeout_seconds=10, expires_unix_ms=plane.clock.unix_ms() + 25_000)
        for _ in range(2):
            plane.clock.advance(9)
            await plane.callbacks.heartbeat(SCOPE, "cb")
        plane.clock.advance(9)
        with pytest.raises(CallbackClosed):
            await plane.callbacks.heartbeat(SCOPE, "cb")

    play(scenario)


def test_a_callback_of_an_execution_that_has_ended_is_closed(play: Callable[[Scenario], None]) -> None:
    async def scenario(plane: Plane) -> None:
        await plane.put_callback(await plane.put())
        await plane.executions.stop(SCOPE, ARN, None)
        with pytest.raises(CallbackClosed):
            await plane.callbacks.answer(SCOPE, "cb", CallbackAnswer(result="1"))

    play(scenario)
