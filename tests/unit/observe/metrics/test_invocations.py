"""What is counted of several invocations together."""

import msgspec
from bench.versions import a_version

from alonzo.model.invocation_lines import InvocationReport
from alonzo.observe.metrics.invocations import InvocationCounter

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
MIB = 1_048_576


def test_memory_of_environments_of_two_sizes_is_bounded_by_the_size_of_each() -> None:
    """Of `$LATEST`, whose size has just been changed."""
    small = InvocationReport(request_id="1", duration_ms=1.0, memory_size_mib=128, max_memory_bytes=130 * MIB, init_duration_ms=None)
    large = msgspec.structs.replace(small, memory_size_mib=512, max_memory_bytes=400 * MIB)
    counter = InvocationCounter(a_version("f"), is_provisioned=False)
    for report in (small, large, large):
        counter.note(report, invoked_arn=ARN, ended_unix_ms=60_000)
    assert [window.memory for window in counter.take().values()] == [{128: 1, 400: 2}]
