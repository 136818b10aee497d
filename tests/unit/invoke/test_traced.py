"""The service's segment: told of every request whose trace is recorded, and of no other."""

import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alonzo.clock import ManualClock
from alonzo.invoke.traced import TracedInvoker
from alonzo.model import lineage
from alonzo.model.function import ACTIVE_TRACING, FunctionVersion
from alonzo.model.invocation import Invocation, InvocationResult
from alonzo.model.trace_header import read_trace_header
from alonzo.observe.traces.lambda_segments import Run

from .test_pools import a_version

VERSION = msgspec.structs.replace(a_version(), tracing_mode=ACTIVE_TRACING)
FIELDS = [
    "Root=1-6750ae7a-000000000000000000000001",
    "Parent=0000000000000001",
    "Sampled=0",
    "Sampled=1",
    "SAMPLED = 1",
    "sampled=0",
    "Sampled=?",
]
OTHERS = ["Lineage=943dcfc8:0", "lineage=943dcfc8:0", "Lineage=x", "Self=Sampled=0", "Mine=1", "", " "]


class Function:
    def __init__(self) -> None:
        self.seen: list[Invocation] = []

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        assert version == VERSION
        self.seen.append(invocation)
        return InvocationResult(b"{}")


@given(st.lists(st.sampled_from(FIELDS + OTHERS), max_size=7))
def test_what_a_header_says_decides_wherever_in_it_that_stands(fields: list[str]) -> None:
    header = lineage.advanced(";".join(fields), "943dcfc8")
    said = read_trace_header(header)
    function, told = Function(), list[Run | bytes]()
    invoker = TracedInvoker(invoker=function, keep=lambda _, run: told.append(run), clock=ManualClock())
    invocation = Invocation(request_id="r", payload=b"{}", invoked_function_arn="arn", trace_header=header)
    asyncio.run(answered(invoker, invocation))
    (seen,) = function.seen
    assert bool(told) == (seen.trace is not None) == (said is not None and said.is_sampled is True)
    assert seen.trace_header == header


async def answered(invoker: TracedInvoker, invocation: Invocation) -> None:
    assert await invoker.invoke(VERSION, invocation) == InvocationResult(b"{}")
