"""What a throttle does to a poller: it waits longer and longer, with the same batch."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.sources.streams import HERE

from alonzo.clock import SystemClock
from alonzo.ids import IdSource
from alonzo.invoke.errors import Throttled
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.names import FunctionReference
from alonzo.sources.invoking import BatchInvoker

_SOON_SECONDS = 0.05 + 0.1 + 0.2
"""Three pauses, each as short as chance can make it."""


class ThrottledFunction:
    """It may not run the first times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.payloads: list[bytes] = []
        self.log_group = ""

    def get_invoked(self, _: FunctionReference) -> Any:
        return SimpleNamespace(runnable=SimpleNamespace(function_arn="arn", version="$LATEST"))

    def check(self, *_: object) -> None:
        """It goes round in no loop."""

    async def invoke(self, _: object, invocation: Invocation) -> InvocationResult:
        self.payloads.append(invocation.payload)
        if self.left:
            self.left -= 1
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        return InvocationResult(b"null")


def _invoker(function: Any) -> BatchInvoker:
    return BatchInvoker(
        function=FunctionReference(HERE, "f"), versions=function, invoker=function, recursion=function, ids=IdSource(), clock=SystemClock()
    )


def test_a_batch_waits_longer_with_every_throttle_and_is_processed_at_last() -> None:
    function, told = ThrottledFunction(3), list[str]()
    began_at = time.monotonic()
    answer = asyncio.run(_invoker(function).insist(b"batch", stopping=asyncio.Event(), report=told.append))
    assert time.monotonic() - began_at >= _SOON_SECONDS
    assert answer is not None
    assert (function.payloads, told) == ([b"batch"] * 4, ["PROBLEM: Function is throttled"] * 3)


@pytest.mark.parametrize("until_unix_ms", [0, None])
def test_a_batch_that_has_become_too_old_or_whose_poller_stops_is_not_insisted_on(until_unix_ms: int | None) -> None:
    function, stopping = ThrottledFunction(1_000), asyncio.Event()
    if until_unix_ms is None:
        stopping.set()
    assert asyncio.run(_invoker(function).insist(b"batch", stopping=stopping, until_unix_ms=until_unix_ms)) is None
    assert len(function.payloads) == 1
