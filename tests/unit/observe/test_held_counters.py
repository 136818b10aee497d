"""Counters are kept while an environment counts with them, and what they have counted in any case."""

from typing import Any
from unittest.mock import Mock

from bench.versions import a_version

from alonzo.model.invocation_lines import InvocationReport
from alonzo.observe.function_metrics import Metric
from alonzo.observe.held_counters import take_held
from alonzo.observe.metrics.invocations import InvocationMeter
from alonzo.observe.usage import UsageMeter

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
REPORT = InvocationReport(request_id="1", duration_ms=1.0, memory_size_mib=128, max_memory_bytes=None, init_duration_ms=None)


class Counter:
    """Anything that can be referred to weakly."""


def test_those_that_nobody_holds_go() -> None:
    held = Counter()
    counters = {"held": held, "left": Counter()}
    assert take_held(counters) == {"held": held}
    assert counters == {}


def test_invocations_of_functions_that_are_gone_are_counted_and_leave_nothing() -> None:
    metrics: Any = Mock()
    meter = InvocationMeter(recorder=Mock(), metrics=metrics, has_provision=lambda _: False)
    for number in range(100):
        meter.counter(a_version(f"f{number}"), is_provisioned=False).note(REPORT, invoked_arn=ARN, ended_unix_ms=60_000)
    living = meter.counter(a_version("living"), is_provisioned=False)
    meter.fold()
    assert sum(call.args[0] is Metric.INVOCATIONS for call in metrics.add_count.call_args_list) == 100
    assert [counter.version.name for counter in meter._counters.values()] == ["living"]
    assert meter.counter(a_version("living"), is_provisioned=False) is living


def test_what_functions_that_are_gone_have_used_is_taken_and_leaves_nothing() -> None:
    meter = UsageMeter()
    for number in range(100):
        meter.counter(a_version(f"f{number}"), is_provisioned=False).note(REPORT)
    living = meter.counter(a_version("living"), is_provisioned=False)
    assert sum(usage.requests for _, usage in meter.take()) == 100
    assert list(meter._counters.values()) == [living]
