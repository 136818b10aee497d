"""Lambda Insights of one environment: what its sandbox has used is read before and after each invocation, and written as a record."""

from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.model.function import FunctionVersion
from alonzo.model.invocation import Invocation
from alonzo.model.invocation_lines import InvocationReport
from alonzo.model.log_event import LogEvent
from alonzo.model.trace_header import read_trace_header
from alonzo.observe.lambda_insights import Measured, insights_record
from alonzo.observe.log_delivery import LogOutlet
from alonzo.sandbox.resource_usage import ResourceUsage


class FunctionInsights:
    """Told by the journal of one environment, which runs one invocation at a time."""

    def __init__(self, *, version: FunctionVersion, usage: Callable[[], ResourceUsage], outlet: LogOutlet, clock: Clock) -> None:
        self._version = version
        self._usage = usage
        self._outlet = outlet
        self._clock = clock
        self._before: ResourceUsage | None = None
        self._trace_id: str | None = None

    def note_start(self, invocation: Invocation) -> None:
        """The runtime has it."""
        header = read_trace_header(invocation.trace_header)
        self._trace_id = None if header is None else header.trace_id
        self._before = self._usage()

    def end(self, report: InvocationReport, *, invoked_arn: str) -> None:
        """It is over."""
        before, self._before = self._before, None
        now = self._clock.unix_ms()
        record = insights_record(
            self._version, report, _measured(before, self._usage()), invoked_arn=invoked_arn, trace_id=self._trace_id, unix_ms=now
        )
        self._outlet.write(LogEvent(now, record))


def _measured(before: ResourceUsage | None, after: ResourceUsage) -> Measured:
    """Between two readings. What has ended in between may take what it used along: nothing becomes less than nothing."""
    user = system = network = None
    if before is not None and before.cpu is not None and after.cpu is not None:
        user = max(0.0, after.cpu.user_ms - before.cpu.user_ms)
        system = max(0.0, after.cpu.system_ms - before.cpu.system_ms)
    if before is not None and before.network_bytes is not None and after.network_bytes is not None:
        network = max(0, after.network_bytes - before.network_bytes)
    return Measured(
        cpu_user_ms=user,
        cpu_system_ms=system,
        network_bytes=network,
        tmp_max_bytes=None if after.tmp is None else after.tmp.max_bytes,
        tmp_free_bytes=None if after.tmp is None else after.tmp.free_bytes,
    )
