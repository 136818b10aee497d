from typing import Any

import pytest

from alonzo.aws.service_model import ServiceModels
from alonzo.edge.lambda_api.durable_execution_responses import described_execution, event_members, listed_execution, operation_members
from alonzo.model.durable import (
    DurableEvent,
    DurableExecution,
    DurableOperation,
    ErrorObject,
    EventType,
    ExecutionId,
    ExecutionStatus,
    OperationStatus,
    OperationType,
    Pause,
)
from alonzo.model.scope import Scope

EXECUTION = DurableExecution(
    id=ExecutionId(scope=Scope("111111111111", "us-east-1"), function_name="f", version="1", name="order", run_id="run"),
    status=ExecutionStatus.PAUSED,
    started_unix_ms=1_000,
    execution_timeout_seconds=60,
    retention_days=14,
    trace_header="Root=1",
    input_payload="{}",
    error=ErrorObject(message="m", stack_trace=("a",)),
    pause=Pause(requested_unix_ms=2_000, reason="night"),
)


def members_of(shape_name: str, answer: dict[str, Any]) -> None:
    """Every member of the answer is one of the shape's, down to the last, and none that is required is missing."""
    model = ServiceModels().get("lambda")
    shape = model.shape(shape_name)
    given = {name: value for name, value in answer.items() if value is not None}
    assert set(given) <= set(shape.members), shape_name
    assert set(shape.required) <= set(given), shape_name
    for name, value in given.items():
        if isinstance(value, dict):
            members_of(shape.members[name].shape, value)


@pytest.mark.parametrize("with_data", [True, False])
def test_executions_are_what_the_model_says(*, with_data: bool) -> None:
    described = described_execution(EXECUTION, with_data=with_data, now_unix_ms=3_000)
    members_of("GetDurableExecutionResponse", described)
    members_of("Execution", listed_execution(EXECUTION))
    assert ("InputPayload" in described) is with_data
    assert described["PauseDetails"]["Reason"] == ("night" if with_data else None)
    assert described["FunctionArn"] == "arn:aws:lambda:us-east-1:111111111111:function:f:1"


@pytest.mark.parametrize("kind", list(OperationType))
def test_operations_are_what_the_model_says(kind: OperationType) -> None:
    operation = DurableOperation(
        sequence=1, id="op", type=kind, status=OperationStatus.SUCCEEDED, started_unix_ms=1, result="1", callback_id="cb", attempt=1
    )
    members_of("Operation", operation_members(operation))


@pytest.mark.parametrize("with_data", [True, False])
@pytest.mark.parametrize("kind", list(EventType))
def test_events_are_what_the_model_says(kind: EventType, *, with_data: bool) -> None:
    event = DurableEvent(
        id=1,
        type=kind,
        unix_ms=1_000,
        payload="secret",
        error=ErrorObject(message="secret"),
        attempt=1,
        duration_seconds=5,
        scheduled_end_unix_ms=6_000,
        callback_id="cb",
        function_name="g",
        requested_unix_ms=500,
        request_id="r",
        stops_timeout=True,
    )
    members = event_members(event, with_data=with_data)
    members_of("Event", members)
    assert with_data or "secret" not in str(members)


@pytest.mark.parametrize("kind", [EventType, OperationType, OperationStatus, ExecutionStatus])
def test_the_values_are_those_of_botocore(kind: Any) -> None:
    assert set(ServiceModels().get("lambda").shape(kind.__name__).enum or ()) == set(kind)
