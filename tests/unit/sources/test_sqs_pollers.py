"""How many pollers a queue has, over a queue in memory."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.sources.streams import a_mapping

from alonzo.clock import SystemClock
from alonzo.model.event_source_mapping import ProvisionedPollers, ScalingLimit
from alonzo.model.invocation import InvocationResult
from alonzo.observe.function_metrics import FunctionMetrics
from alonzo.sources.errors import NotInvoked
from alonzo.sources.invoking import BatchAnswer
from alonzo.sources.metrics import SourceMetrics
from alonzo.sources.notices import WriteNotices
from alonzo.sources.sqs import SqsSource

ARN = "arn:aws:sqs:us-east-1:123456789012:q"


class MemoryQueue:
    """What the pollers ask, of SQS and of the function; invocations end when the test says so."""

    def __init__(self, count: int) -> None:
        self.messages = [{"MessageId": str(number), "ReceiptHandle": str(number), "Body": str(number)} for number in range(count)]
        self.waiting_count = 0
        self.running_count = 0
        self.most_running = 0
        self.deleted: list[str] = []
        self.go_on = asyncio.Event()
        self.is_throttled = False
        self.throttle_count = 0

    def is_companion(self, service: str) -> bool:
        del service
        return False

    async def call(self, service: str, operation: str, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        del service
        match operation:
            case "GetQueueAttributes":
                return {"Attributes": {"VisibilityTimeout": "30"}}
            case "DeleteMessageBatch":
                self.deleted += [entry["ReceiptHandle"] for entry in parameters["Entries"]]
                return {}
            case _:
                if not self.messages:
                    self.waiting_count += 1
                    try:
                        await asyncio.Event().wait()
                    finally:
                        self.waiting_count -= 1
                count = parameters["MaxNumberOfMessages"]
                received, self.messages = self.messages[:count], self.messages[count:]
                return {"Messages": received}

    async def invoke(self, payload: bytes, **_: Any) -> BatchAnswer:
        del payload
        if self.is_throttled:
            self.throttle_count += 1
            raise NotInvoked("throttled", is_throttle=True)
        self.running_count += 1
        self.most_running = max(self.most_running, self.running_count)
        await self.go_on.wait()
        self.running_count -= 1
        return BatchAnswer("r", "$LATEST", InvocationResult(b"null"))


async def _polled(queue: MemoryQueue, until: Any, **settings: Any) -> None:
    """Poll until something is so, then stop."""
    mapping = a_mapping(batch_size=1, **settings)
    kit: Any = SimpleNamespace(
        services=queue,
        invoker=queue,
        metrics=SourceMetrics(mapping, FunctionMetrics()),
        report=lambda _: None,
        notices=WriteNotices(),
        clock=SystemClock(),
    )

    source = SqsSource(msgspec.structs.replace(mapping, event_source_arn=ARN), kit)
    unit: Any = SimpleNamespace(name="queue", stopping=asyncio.Event())
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(source.poll(unit))
        while not until():  # noqa: ASYNC110 - of several things that nobody announces
            await asyncio.sleep(0.001)
        unit.stopping.set()
        queue.go_on.set()


@pytest.mark.parametrize(("settings", "waiting"), [({}, 1), ({"provisioned_pollers": ProvisionedPollers(minimum=3, maximum=5)}, 3)])
def test_so_many_wait_for_messages(settings: dict[str, Any], waiting: int) -> None:
    async def run() -> None:
        queue = MemoryQueue(20)
        queue.go_on.set()
        await _polled(queue, lambda: len(queue.deleted) == 20 and queue.waiting_count == waiting, **settings)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({}, 60),
        ({"scaling": ScalingLimit(7)}, 7),
        ({"provisioned_pollers": ProvisionedPollers(minimum=2, maximum=3)}, 30),
    ],
)
def test_so_many_are_processed_at_once(settings: dict[str, Any], most: int) -> None:
    async def run() -> None:
        queue = MemoryQueue(60)
        await _polled(queue, lambda: queue.running_count == most, **settings)
        assert queue.most_running == most
        assert sorted(queue.deleted) == sorted(str(number) for number in range(60) if str(number) in queue.deleted)
        assert len(queue.deleted) + len(queue.messages) == 60

    asyncio.run(run())


def test_a_function_that_is_throttled_slows_its_pollers_down() -> None:
    async def run() -> None:
        queue = MemoryQueue(1_000)
        queue.is_throttled = True
        await _polled(queue, lambda: queue.throttle_count >= 12)
        assert len(queue.messages) > 950
        assert not queue.deleted

    asyncio.run(run())
