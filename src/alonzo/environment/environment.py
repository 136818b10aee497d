"""One execution environment: INIT, then one invocation after the other (or several at once), until it ends.

It is handed a function version, a sandbox and a log; it serves the sandbox's Runtime API and measures. Who owns an environment calls
`initialize` once, with SnapStart then `restore` once, `invoke` while it has room, and `close` at the end; an environment also ends by
itself when its runtime does.

Functions on a capacity provider may have several invocations run at once. Each has a time of its own; when that is up the invocation has
failed, but nothing is ended: the others go on, and so does the code that was late. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html and AWS's runtime interface emulator.
"""

import asyncio
import signal

from alonzo.clock import Clock
from alonzo.environment.cloning import clone, find_obstacle
from alonzo.environment.conclusions import Conclusions
from alonzo.environment.connection_owner import AnyConnection, ConnectionCheck
from alonzo.environment.connections import RuntimeConnections
from alonzo.environment.deadlines import Deadlines
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.extension_host import ExtensionHost, InitDescription, ShutdownReason
from alonzo.environment.held_ends import HeldEnds
from alonzo.environment.journal import End, Journal
from alonzo.environment.outcomes import (
    EnvironmentLost,
    Fault,
    InitFailed,
    RestoreFailed,
    error_of,
    exit_fault,
    init_failure,
    response_too_large,
    stream_too_large,
    timeout_fault,
)
from alonzo.environment.phases import Phase, check_transition
from alonzo.environment.plan import EnvironmentPlan
from alonzo.environment.restoration import Restoration, hook_failure
from alonzo.environment.running import RunningInvocation, RunningInvocations
from alonzo.environment.runtime_api import OtherRequest, RuntimeApiConnection, accepted, refusal
from alonzo.model import quotas
from alonzo.model.invocation import UNHANDLED, Invocation, InvocationResult
from alonzo.sandbox.clone import Clone
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.sandbox import Sandbox

_LAST_WORDS_SECONDS = 0.2
"""How long the connections of a runtime that has exited may still bring what it sent before: they close within a millisecond, unless a
child of the function holds them open."""

_RUNTIME_STATES = {Phase.INIT: "Started", Phase.SNAPSHOT: "RestoreReady", Phase.RESTORE: "Restoring"}


class ExecutionEnvironment:
    """See the module. `idle_since` (monotonic seconds), `use_count` and `standing` are for the pool that keeps it."""

    def __init__(
        self,
        *,
        plan: EnvironmentPlan,
        sandbox: Sandbox | Clone,
        journal: Journal,
        check: ConnectionCheck,
        tasks: EnvironmentTasks,
        clock: Clock,
    ) -> None:
        # For life.
        self.version = plan.version
        self.plan = plan
        self._sandbox = sandbox
        self._journal = journal
        self._check = check
        self._tasks = tasks
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._connections = RuntimeConnections(max_concurrency=plan.max_concurrency, function_arn=plan.version.qualified_arn)
        self._conclusions = Conclusions(journal=journal, clock=clock)
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._phase = Phase.CREATED
        # For INIT.
        self._initialized: asyncio.Future[None] = self._loop.create_future()
        self._init_started_at = 0.0
        self._init_due_at = 0.0
        self.init_seconds = 0.0
        """How long INIT took, once it has succeeded."""
        self._init_error: tuple[bytes, str] | None = None
        self._init_phase = "init"
        self._restoration: Restoration | None = None
        if plan.snapshot is not None:
            self._restoration = Restoration(plan.snapshot, plan.runtime_version, journal=journal, clock=clock)
        # For invocations.
        self._max_concurrency = plan.max_concurrency or 1
        self._one_by_one = plan.max_concurrency is None
        self.runs_several = self._max_concurrency > 1
        self.is_retiring = False
        """Whether it will take on nothing more, and end when nothing runs."""
        self._running = RunningInvocations(max_count=plan.max_concurrency)
        self._deadlines = Deadlines(running=self._running, on_expiry=self._on_timeout)
        self._held_ends = HeldEnds()
        self.idle_since = 0.0
        self.use_count = 0
        self.standing = 0.0

    @property
    def _host(self) -> ExtensionHost | None:
        """None: there are no extensions."""
        return self._conclusions.host

    @property
    def settled(self) -> asyncio.Future[None] | None:
        """See `Conclusions`."""
        return self._conclusions.settled

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return self._phase

    @property
    def has_room(self) -> bool:
        """Whether it can take on an invocation, now that it is initialized."""
        return not self.is_over and not self.is_retiring and self.settled is None and self._running.has_room()

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most memory it has used at once; None where the host does not count it."""
        return self._sandbox.peak_memory_bytes()

    def share_processors(self, running_count: int) -> None:
        """So many environments of its function run now, with it. Costs nothing while that number stays about the same."""
        if self._one_by_one:
            self._sandbox.processor_share.fit(running_count)

    def read_processor_time(self) -> int:
        """See `ResourceReader`."""
        return self._sandbox.resource_reader().read_processor_time()

    def wants_processor(self) -> bool:
        """See `ResourceReader`."""
        return self._sandbox.resource_reader().wants_processor()

    async def initialize(self, *, timeout_seconds: float, within: Invocation | None = None) -> None:
        """Start the runtime and wait until it asks for its first invocation, or with SnapStart to be restored.

        `within`: the invocation that this INIT is part of, when an earlier one has failed; a failure then ends that invocation too.
        Raises InitFailed when the runtime reports an error, exits or takes too long, EnvironmentLost when the sandbox cannot be used.
        After either, and when cancelled, the environment has ended.
        """
        self._enter(Phase.INIT)
        if within is not None:
            self._journal.begin_tail(within)
            self._init_phase = "invoke"
        reason = ShutdownReason.FAILURE
        self._init_due_at = self._loop.time() + timeout_seconds
        try:
            await self._start_runtime()
            async with asyncio.timeout(timeout_seconds):
                await self._initialized
            self.init_seconds = self._since_init()
            if self._phase is Phase.SNAPSHOT:
                if not isinstance(self._sandbox, Clone):
                    self._journal.write_snapshot(self.init_seconds)
            elif within is None:
                self._journal.note_init(self.init_seconds)
        except TimeoutError:
            reason = ShutdownReason.TIMEOUT
            failure = InitFailed(fault=timeout_fault(timeout_seconds), payload=None, duration_seconds=self._since_init())
            self._note_init_failure(failure, within)
            raise failure from None
        except InitFailed as failure:
            self._note_init_failure(failure, within)
            raise
        except SandboxLost as error:
            raise EnvironmentLost(str(error)) from error
        finally:
            if not self.init_seconds:
                self.close(reason)

    async def find_clone_obstacle(self) -> str | None:
        """Why the snapshot cannot be cloned; "" where this is nothing of the function's doing, None if it can.

        Said in the log, too. To be asked once, when the environment waits to be restored.
        """
        if self.plan.snapshot is None or not self.plan.snapshot.is_clonable or not isinstance(self._sandbox, Sandbox):
            return ""
        obstacle = "it has extensions" if self._host is not None else await find_obstacle(self._sandbox)
        if not obstacle:
            return None
        self._journal.write_notice(f"SnapStart: environments of this version are initialized one by one, not forked: after INIT {obstacle}")
        return obstacle

    async def clone_sandbox(self) -> Clone:
        """A clone of the runtime, in the sandbox of this environment, and ended with it. SandboxLost."""
        assert isinstance(self._sandbox, Sandbox)
        return await clone(self._sandbox, memory_mib=self.version.memory_mib)

    async def restore(self, *, since: float | None = None) -> None:
        """Let the runtime go on that waits to be restored, and wait until it asks for its first invocation.

        `since` (seconds of the clock): when somebody began to make this environment for the purpose.

        Raises RestoreFailed when a hook of the function does or takes too long, or the runtime exits, and EnvironmentLost when the sandbox
        is gone. After any, and when cancelled, the environment has ended.
        """
        assert self._restoration is not None
        self._enter(Phase.RESTORE)
        try:
            await self._restoration.run(since=since)
            self._enter(Phase.IDLE)
        finally:
            if self._phase is Phase.RESTORE:
                self.close()

    async def invoke(self, invocation: Invocation, *, timeout_seconds: float, spent_seconds: float = 0.0) -> InvocationResult:
        """Run the function once. The environment has room again, or has ended, or is kept busy by late code, when this returns.

        With extensions it may be busy until it is `settled`.

        `spent_seconds` of the time have gone already, into an INIT that was part of this invocation.

        Raises EnvironmentLost if the environment ended before the runtime took the invocation. Cancelling ends an environment that runs
        one invocation at a time; others go on.
        """
        if self._phase is not Phase.INVOKE or len(self._running) >= self._max_concurrency:
            self._enter(Phase.INVOKE)
        expires_at = self._loop.time() + timeout_seconds - spent_seconds
        if invocation.trace is not None and self._journal.tracing is not None:
            invocation = self._journal.tracing.begin(invocation, invocation.trace)
        running = RunningInvocation(
            invocation, invocation.request_id.encode(), timeout_seconds, spent_seconds, self._loop.create_future(), expires_at
        )
        self._journal.begin_tail(invocation)
        self._deadlines.watch(expires_at)
        connection = self._running.add(running)
        if connection is not None:
            self._deliver(running, connection)
        elif not self._one_by_one:
            running.expires_at = max(
                expires_at, self._init_due_at
            )  # of several parts of a runtime the first one has come; others initialize
        try:
            return await running.answer
        except asyncio.CancelledError:
            if self._one_by_one:
                self.close()
            raise

    def retire(self) -> None:
        """Take on nothing more, and end as soon as nothing runs."""
        if self._phase is Phase.INVOKE:
            self.is_retiring = True
        else:
            self.close()

    def close(self, reason: ShutdownReason = ShutdownReason.SPINDOWN) -> None:
        """End the environment, whatever it is doing: now, or with extensions when they have had their time. May be called again."""
        if self.is_over:
            return
        self._held_ends.release()
        self._deadlines.close()
        for running in self._running.take_all():
            running.lose(EnvironmentLost("the environment was closed"))
        if not self._initialized.done():
            self._initialized.set_exception(SandboxLost("the environment was closed"))
            self._initialized.exception()  # whoever waits sees it; nobody needs to
        if self._restoration is not None:
            self._restoration.fail(EnvironmentLost("the environment was closed"))
        if self._host is None:
            self._end()
            return
        settling = self._host.take_settling()
        if settling is not None:
            self._conclusions.conclude_settling(settling)
        self._enter(Phase.SHUTDOWN)
        self._tasks.begin(self._host.shut_down(reason)).add_done_callback(lambda _: self._end())

    @property
    def is_over(self) -> bool:
        """Whether it takes no invocations any more."""
        return self._phase is Phase.SHUTDOWN or self._phase is Phase.ENDED

    def _end(self) -> None:
        self._phase = Phase.ENDED
        if self._host is not None:
            self._host.close()
        self._journal.close()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._connections.close()
        self._sandbox.kill()
        self.ended.set_result(None)

    # INIT.

    async def _start_runtime(self) -> None:
        self._init_started_at = self._clock.monotonic()
        self._sandbox.runtime_exit.add_done_callback(self._on_runtime_exit)
        if isinstance(self._sandbox, Clone):
            self._journal.open_clone()  # it runs already
        else:
            self._assign(self._sandbox)
        connection, self._sandbox.runtime_connection = self._sandbox.runtime_connection, None
        if connection is not None:
            await self._loop.connect_accepted_socket(lambda: RuntimeApiConnection(self, AnyConnection()), connection)
        if not self._sandbox.listeners:
            return
        listener = self._sandbox.listeners.pop(0)
        self._server = await self._loop.create_server(lambda: RuntimeApiConnection(self, self._check), sock=listener, backlog=128)

    def _assign(self, sandbox: Sandbox) -> None:
        self._journal.open(runtime_version=self.plan.runtime_version, notice=self.plan.notice)
        if self.plan.external_extensions is None:
            sandbox.assign(self.plan.assignment(None))
            return
        host = self._conclusions.host = self._make_host(sandbox)
        host.begin()
        sandbox.assign(self.plan.assignment(host.side_programs()))
        host.extensions.refuse_surplus()

    def _make_host(self, sandbox: Sandbox) -> ExtensionHost:
        plan = self.plan
        return ExtensionHost(
            version=self.version,
            external=plan.external_extensions,
            tells_of_invocations=self._one_by_one,
            init=InitDescription(
                initialization_type=plan.initialization_type,
                phase=self._init_phase,
                runtime_version=plan.runtime_version,
                started_unix_ms=self._clock.unix_ms() - int(self._since_init() * 1_000),
            ),
            owner=self,
            sandbox=sandbox,
            journal=self._journal,
            tasks=self._tasks,
            clock=self._clock,
        )

    def _note_init_failure(self, failure: InitFailed, within: Invocation | None) -> None:
        fault = failure.fault
        if self._host is not None:
            self._host.end_init(seconds=failure.duration_seconds, status=fault.status, error_type=fault.reported_type)
        self._journal.write_init_failure(failure, within)

    def _on_runtime_initialized(self) -> None:
        if self._phase is not Phase.INIT:
            return  # INIT has failed meanwhile
        if self._host is None:
            self._note_initialized()
        else:
            self._host.note_runtime_initialized()
            self.on_extensions_ready()

    def _note_initialized(self) -> None:
        self._enter(Phase.IDLE if self._restoration is None else Phase.SNAPSHOT)
        if self._host is not None:
            self._host.end_init(seconds=self._since_init(), status="success", error_type=None)
        self._initialized.set_result(None)

    def _since_init(self) -> float:
        return self._clock.monotonic() - self._init_started_at

    # What the runtime asks for (RuntimeEvents).

    def on_next(self, connection: RuntimeApiConnection) -> None:
        """The runtime is ready for an invocation; it is answered when there is one."""
        if self._held_ends:
            self._held_ends.release()
        if not self._running.may_wait():
            if self._one_by_one:
                connection.write(_refuse_transition("Running", "Ready"))
            else:
                connection.write(refusal(500, "InternalServerError", "Internal Server Error"))
            return
        running = self._running.take_undelivered()
        if running is not None:
            # The runtime came late for it: its time begins now.
            running.expires_at = self._loop.time() + running.timeout_seconds - running.spent_seconds
            self._deadlines.watch(running.expires_at)
            self._deliver(running, connection)
            return
        if self._phase is Phase.SNAPSHOT:  # from a clone, which has a connection of its own
            connection.write(refusal(403, "InvalidStateTransition", "Transition from RestoreReady to Ready is not allowed for runtime"))
            return
        self._running.wait(connection)
        if not self._initialized.done():
            if self._restoration is not None:
                self._restoration.note_ready()
            self._on_runtime_initialized()
        elif self._phase is Phase.RESTORE and self._restoration is not None:
            self._restoration.succeed()
        elif self._host is not None:
            self._host.note_runtime_ready()
            self.on_extensions_ready()

    def on_response(self, request_id: bytes, body: bytes, content_length: int) -> bytes:
        """The function's answer."""
        running = self._running.find(request_id)
        if running is None:
            return self._refuse_answer(request_id)
        if content_length > quotas.RESPONSE_SYNC_MAX_BYTES:
            self._finish(running, response_too_large(), "error", "Function.ResponseSizeTooLarge")
            if self._one_by_one:
                # The runtime exits over the refusal (a RuntimeError in awslambdaric): no further invocation may come here.
                self._loop.call_soon(self.close)
            return refusal(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")
        self._finish(running, InvocationResult(body), "success", None)
        return accepted()

    def on_error(self, request_id: bytes, body: bytes, error_type: str | None) -> bytes:
        """The function raised an error that the runtime has caught."""
        running = self._running.find(request_id)
        if running is None:
            return self._refuse_answer(request_id)
        error_type = error_type or "Runtime.Unknown"
        self._finish(running, InvocationResult(body, UNHANDLED), "error", error_type, may_still_log=self._one_by_one)
        return accepted()

    def on_stream_part(self, connection: RuntimeApiConnection, request_id: bytes, part: bytes, byte_count: int) -> bool:
        """A part of a streamed response goes on as it comes, if the caller takes it so and the quota is not reached."""
        running = self._running.find(request_id)
        if running is None or running.invocation.sink is None:
            return False
        if byte_count == len(part):
            running.invocation.sink.note_type(connection.content_type)
        if byte_count <= quotas.RESPONSE_STREAM_MAX_BYTES and not running.invocation.sink.write(part):
            connection.pause_reading()
            running.invocation.sink.when_drained(connection.resume_reading)
        return True

    def takes_stream(self, request_id: bytes) -> bool:
        """Whether the caller takes the response as it comes."""
        running = self._running.find(request_id)
        return running is not None and running.invocation.sink is not None

    def on_stream_end(self, request_id: bytes, byte_count: int) -> bytes:
        """A streamed response has come to its end."""
        running = self._running.find(request_id)
        if running is None:
            return self._refuse_answer(request_id)
        if byte_count > quotas.RESPONSE_STREAM_MAX_BYTES:
            self._finish(running, stream_too_large(), "error", "Function.ResponseSizeTooLarge")
            return accepted()
        self._finish(running, InvocationResult(b""), "success", None)
        return accepted()

    def on_init_error(self, body: bytes, error_type: str | None) -> bytes:
        """The function could not be loaded; the runtime exits next."""
        if self._initialized.done():
            return _refuse_transition("Running" if self._phase is Phase.INVOKE else "Ready", "InitError")
        if self._init_error is not None and not self._one_by_one:
            return _refuse_transition("InitError", "InitError")
        self._init_error = (body, error_type or "Runtime.Unknown")
        return accepted()

    def on_other_request(self, connection: RuntimeApiConnection, request: OtherRequest) -> bytes | None:
        """An extension's; the first that registers from within the runtime makes this an environment with extensions."""
        if self._host is not None:
            return self._host.answer(request, connection)
        if isinstance(self._sandbox, Clone):
            return refusal(404, "InvalidRequest", "no such path")
        host = self._make_host(self._sandbox)
        if self._phase is not Phase.INIT:
            host.close_registration()
        answer = host.answer(request, connection)
        if host.extensions.has_any:
            self._conclusions.host = host
            host.begin()
        return answer

    def on_restore_next(self, connection: RuntimeApiConnection) -> None:
        """The runtime is initialized, and shall be used as a snapshot."""
        if self._restoration is None:
            connection.write(refusal(404, "InvalidRequest", "no such path"))
        elif self._initialized.done():
            connection.write(
                refusal(403, "InvalidStateTransition", f"Transition from {self._runtime_state} to RestoreReady is not allowed for runtime")
            )
        else:
            self._restoration.wait_at(connection)
            self._on_runtime_initialized()

    def on_restore_error(self, error_type: str | None) -> bytes:
        """A hook that runs after the restore has raised; the runtime exits next."""
        if self._restoration is None or self._phase is not Phase.RESTORE:
            message = f"Transition from {self._runtime_state} to RestoreError is not allowed for runtime"
            return refusal(403, "InvalidStateTransition", message)
        # The runtime shall have its answer before the environment goes.
        self._loop.call_soon(self._restoration.fail, hook_failure(error_type))
        return accepted()

    def on_credentials(self, authorization: bytes) -> bytes:
        """An SDK asks for the credentials of the function's role."""
        snapshot = self.plan.snapshot
        return refusal(404, "InvalidRequest", "no such path") if snapshot is None else snapshot.credentials.answer(authorization)

    def is_waiting(self, connection: RuntimeApiConnection) -> bool:
        """Whether a connection has asked for the next invocation and not got it yet."""
        return self._running.is_waiting(connection)

    @property
    def counts_bodies(self) -> bool:
        """Where several run at once there may be many connections."""
        return not self._one_by_one

    def on_body_bytes(self, byte_count: int) -> bool:
        """See `RuntimeConnections.count_body`."""
        return self._connections.count_body(byte_count, running_count=len(self._running))

    def on_stranger(self) -> None:
        """Another process of the machine has tried to connect, and was turned away."""
        self._connections.note_stranger()

    def on_connection_opened(self, connection: RuntimeApiConnection) -> None:
        """A process of the environment has connected."""
        self._connections.add(connection)

    def on_connection_closed(self, connection: RuntimeApiConnection) -> None:
        """A connection is gone; if the runtime has exited, this may have been its last word."""
        self._connections.remove(connection)
        self._running.forget(connection)
        if self._host is not None:
            self._host.forget(connection)
        if self._sandbox.runtime_exit.done() and not self._connections:
            self._conclude_exit()

    # One invocation.

    def _deliver(self, running: RunningInvocation, connection: RuntimeApiConnection) -> None:
        now = self._clock.unix_ms()
        if self._host is not None:
            self._host.begin_invoke(running, now)
        running.deliver(connection, now, self._clock.monotonic())
        # Nothing that the function writes is read before the loop's next turn.
        self._journal.write_start(running.invocation, now)

    @property
    def _runtime_state(self) -> str:
        """The word of AWS's Runtime API for what the runtime is doing."""
        if self._phase in _RUNTIME_STATES:
            return _RUNTIME_STATES[self._phase]
        return "Ready" if self._running.may_wait() else "Running"

    def _finish(
        self, running: RunningInvocation, result: InvocationResult, status: str, error_type: str | None, *, may_still_log: bool = False
    ) -> None:
        """The function has spoken."""
        self._running.remove(running)
        if self._host is not None and self._one_by_one:
            self._conclusions.answer_before_extensions(self._host, running, result, status, error_type)
            return
        duration_ms = (self._clock.monotonic() - running.started_at) * 1_000
        if not self._running:
            self._rest()
        end = End(running.invocation.request_id, running.invocation.invoked_function_arn, duration_ms, status, error_type)
        if error_type is not None and self._journal.tracing is not None:
            end = end.with_error(*error_of(result))
        if may_still_log:
            self._held_ends.hold(lambda: self._conclusions.conclude(running, result, end))
        else:
            self._conclusions.conclude(running, result, end)

    def _rest(self) -> None:
        """Nothing runs."""
        self._enter(Phase.IDLE)
        if self.is_retiring:
            self._loop.call_soon(self.close)  # when the answer that is being given has gone out

    def _refuse_answer(self, request_id: bytes) -> bytes:
        if self._running.take_late(request_id):
            return refusal(410, "InvokeTimeout", "Invoke timeout")
        return refusal(400, "InvalidRequestID", "Invalid request ID")

    # What extensions have come to (ExtensionsOwner).

    def on_extensions_registered(self) -> None:
        """The runtime may start."""
        try:
            assert not isinstance(self._sandbox, Clone)
            self._sandbox.start_runtime()
        except SandboxLost as error:
            self._abandon(EnvironmentLost(str(error)))

    def on_extensions_ready(self) -> None:
        """INIT or an invocation is over, if the runtime is ready, too."""
        if self._host is None or not self._host.extensions.is_ready:
            return
        if self._phase is Phase.INIT:
            is_waiting = self._running.has_waiting or (self._restoration is not None and self._restoration.is_waiting)
            if is_waiting and not self._initialized.done():
                self._note_initialized()
            return
        settling = self._host.take_settled()
        if settling is not None:
            self._rest()
            self._conclusions.conclude_settling(settling)

    def on_extensions_late(self) -> None:
        """The caller has its answer, but the invocation has taken too long all the same."""
        settling = None if self._host is None else self._host.take_settling()
        if settling is not None:
            self._conclusions.fail_settling(settling, timeout_fault(settling.running.timeout_seconds))
            self.close(ShutdownReason.TIMEOUT)

    def on_extension_fault(self, fault: Fault) -> None:
        """An extension has failed: so has what the environment was doing, and it ends."""
        if self.is_over:
            return
        if self._phase is Phase.INIT:
            if not self._initialized.done():
                self._initialized.set_exception(InitFailed(fault=fault, payload=None, duration_seconds=self._since_init()))
            return
        self._fail_all(fault)
        self._abandon(EnvironmentLost(f"an extension has failed: {fault.message}"))

    # Ends that the function did not choose.

    def _on_timeout(self, running: RunningInvocation) -> None:
        lost = EnvironmentLost("the runtime did not come for another invocation")
        if not self._one_by_one:
            self._leave_behind(running, lost)
        elif running.is_delivered:
            self._fail(running, timeout_fault(running.timeout_seconds))
            self.close(ShutdownReason.TIMEOUT)
        else:
            self._abandon(lost)

    def _leave_behind(self, running: RunningInvocation, lost: EnvironmentLost) -> None:
        """One of several is late, or the part of the runtime that should have come for it: the others go on, if there is room for any."""
        if running.is_delivered:
            self._fail(running, timeout_fault(running.timeout_seconds))
        else:
            self._running.remove(running)
            running.lose(lost)
        self._running.note_late(running)
        if not self._running:
            self._rest()
            if not self._running.has_room():
                self.close()  # nobody could ever use it again

    def _on_runtime_exit(self, _: asyncio.Future[int]) -> None:
        if self.is_over:
            return
        if self._connections:
            self._loop.call_later(_LAST_WORDS_SECONDS, self._conclude_exit)
        else:
            self._conclude_exit()

    def _conclude_exit(self) -> None:
        if self.is_over:
            return
        error = self._sandbox.runtime_exit.exception()
        if error is not None:
            self._abandon(EnvironmentLost(str(error)))
            return
        status = self._sandbox.runtime_exit.result()
        killed_for_memory = status == -signal.SIGKILL and self._sandbox.was_out_of_memory()
        fault = exit_fault(status, out_of_memory=killed_for_memory)
        if self._host is not None and self._host.extensions.fatal_type is not None:
            fault = Fault(self._host.extensions.fatal_type, fault.message)  # that came first
        if not self._initialized.done():
            self._initialized.set_exception(init_failure(self._init_error, fault, duration_seconds=self._since_init()))
        elif self._phase is Phase.INIT:
            return  # it has failed, and `initialize` is about to tell and to end it
        elif self._phase is Phase.RESTORE and self._restoration is not None:
            self._restoration.fail(RestoreFailed(fault=fault))
        else:
            self._fail_all(fault)
            self._abandon(EnvironmentLost("the runtime exited between two invocations"))

    def _fail_all(self, fault: Fault) -> None:
        """All that has begun ends with a fault; the environment is about to."""
        for running in [running for running in self._running if running.is_delivered]:
            self._fail(running, fault)
        settling = None if self._host is None else self._host.take_settling()
        if settling is not None:
            self._conclusions.fail_settling(settling, fault)

    def _fail(self, running: RunningInvocation, fault: Fault) -> None:
        self._running.remove(running)
        self._conclusions.fail(running, fault)

    def _abandon(self, error: EnvironmentLost) -> None:
        for running in self._running.take_all():
            running.lose(error)
        if not self._initialized.done():
            self._initialized.set_exception(SandboxLost(str(error)))
        else:
            self.close(ShutdownReason.FAILURE)

    def _enter(self, phase: Phase) -> None:
        check_transition(self._phase, phase)
        self._phase = phase
        if phase is Phase.IDLE:
            self.idle_since = self._clock.monotonic()


def _refuse_transition(current: str, wanted: str) -> bytes:
    """In the words of AWS's runtime interface emulator (`lambda/rapi/handler/constants.go`)."""
    message = f"State transition from {current} to {wanted} failed for runtime. Error: State transition is not allowed"
    return refusal(403, "InvalidStateTransition", message)
