"""How invocations end: the caller's answer, the log's last lines and what extensions are told, in their order."""

import asyncio

from alonzo.clock import Clock
from alonzo.environment.extension_host import ExtensionHost
from alonzo.environment.journal import End, Journal
from alonzo.environment.outcomes import Fault
from alonzo.environment.running import RunningInvocation
from alonzo.environment.settling import SettlingInvocation, faulty_end
from alonzo.model.invocation import InvocationResult


class Conclusions:
    """One environment's. `host`: its extensions, once there are some."""

    def __init__(self, *, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self.host: ExtensionHost | None = None
        self.settled: asyncio.Future[None] | None = None
        """Done when extensions are done with an invocation that has been answered; None where nothing of the kind is to be waited for."""

    def conclude(self, running: RunningInvocation, result: InvocationResult, end: End) -> None:
        """Answer, then write the log, unless the caller wants to see it."""
        invocation = running.invocation
        if invocation.wants_log_tail:
            self._journal.write_end(end)
            result = self._journal.with_tail(result, invocation)
        running.resolve(result)
        if not invocation.wants_log_tail:
            self._journal.write_end_soon(end)  # after the caller's task, which has just been woken

    def answer_before_extensions(
        self, host: ExtensionHost, running: RunningInvocation, result: InvocationResult, status: str, error_type: str | None
    ) -> None:
        """The caller gets its answer now, unless it wants to see the log to its end; the invocation goes on."""
        host.settle(running, result, status, error_type)
        if not running.invocation.wants_log_tail:
            self.settled = asyncio.get_running_loop().create_future()
            running.resolve(result)

    def conclude_settling(self, settling: SettlingInvocation) -> None:
        """Extensions have done with it, too."""
        self._journal.write_end(settling.end(self._clock))
        settling.running.resolve(self._journal.with_tail(settling.result, settling.running.invocation))
        self._note_settled()

    def fail(self, running: RunningInvocation, fault: Fault) -> None:
        """An invocation ends with a fault of the platform's words."""
        if self.host is not None:
            self.host.note_fault(running, fault)
        invocation = running.invocation
        self._journal.write_fault(fault, faulty_end(running, fault, self._clock))
        running.resolve(self._journal.with_tail(fault.result(invocation.request_id), invocation))

    def fail_settling(self, settling: SettlingInvocation, fault: Fault) -> None:
        """The same after it has been answered: the answer stands."""
        running = settling.running
        if self.host is not None and settling.runtime_done_at is None:
            self.host.note_fault(running, fault)
        self._journal.write_fault(fault, faulty_end(running, fault, self._clock))
        running.resolve(self._journal.with_tail(settling.result, running.invocation))
        self._note_settled()

    def _note_settled(self) -> None:
        settled, self.settled = self.settled, None
        if settled is not None:
            settled.set_result(None)
