"""What an environment has when there are extensions: their registry, their API, their telemetry, their log, and the SHUTDOWN phase.

An environment without extensions has none of this and does nothing for it. Source of the life cycle:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-extensions-api-lifecycle.
"""

import asyncio
import contextlib
import errno
import os
import signal
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alonzo.clock import Clock
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.extensions import Extensions, ExtensionsOwner
from alonzo.environment.extensions_api import ExtensionsApi, event_answer
from alonzo.environment.journal import Journal
from alonzo.environment.log_channel import LogChannel
from alonzo.environment.outcomes import Fault
from alonzo.environment.running import RunningInvocation
from alonzo.environment.runtime_api import OtherRequest, RuntimeApiConnection
from alonzo.environment.settling import TRACE_TYPE, SettlingInvocation, faulty_end, runtime_done_record, trace_record
from alonzo.environment.telemetry import Telemetry
from alonzo.environment.telemetry_requests import TelemetryApi
from alonzo.model.function import FunctionVersion, LogFormat
from alonzo.model.invocation import InitializationType, InvocationResult
from alonzo.model.log_event import LogEvent
from alonzo.model.quotas import EXTENSIONS_MAX, SHUTDOWN_EXTERNAL_SECONDS, SHUTDOWN_INTERNAL_SECONDS, SHUTDOWN_RUNTIME_SECONDS
from alonzo.observe.platform_log import ExtensionStatus
from alonzo.observe.telemetry_records import Category
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.sandbox import Sandbox, SidePrograms

_TIME_TO_END_SECONDS = 1.0
"""Of a shutdown, so much at least is left to extensions when they are told of it: the last telemetry goes out before."""


class ShutdownReason(StrEnum):
    """Why an environment ends, as extensions are told."""

    SPINDOWN = "spindown"
    TIMEOUT = "timeout"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalExtensions:
    """The programs that a function's layers bring, as its sandbox sees them, and what they see of the environment."""

    paths: tuple[str, ...]
    variables: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitDescription:
    """What records of INIT say."""

    initialization_type: InitializationType
    phase: str
    runtime_version: str
    started_unix_ms: int


class ExtensionHost:
    """Of one environment, which calls `close` at its end."""

    def __init__(
        self,
        *,
        version: FunctionVersion,
        external: ExternalExtensions | None,
        tells_of_invocations: bool,
        init: InitDescription,
        owner: ExtensionsOwner,
        sandbox: Sandbox,
        journal: Journal,
        tasks: EnvironmentTasks,
        clock: Clock,
    ) -> None:
        self._version = version
        self._external = external
        self._init = init
        self._sandbox = sandbox
        self._journal = journal
        self._clock = clock
        self._owner = owner
        self._tells_of_invocations = tells_of_invocations
        self._settling: SettlingInvocation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._log: LogChannel | None = None
        self._log_pipe = -1
        self._is_closed = False
        self._paths = {} if external is None else {path.rpartition("/")[2]: path for path in external.paths}
        self.extensions = Extensions(external=tuple(self._paths), owner=owner, new_identifier=uuid.uuid4)
        self._telemetry = Telemetry(
            connect=sandbox.connect,
            tasks=tasks,
            writes_json=version.logging.format is LogFormat.JSON,
            on_subscribed=self._on_subscribed,
            clock=clock,
        )
        self._api = ExtensionsApi(
            version=version, extensions=self.extensions, telemetry=self._telemetry, tells_of_invocations=tells_of_invocations
        )

    # INIT.

    def begin(self) -> None:
        """There are extensions, or may be: from here on what happens is told to those who subscribe."""
        start = {
            "initializationType": self._init.initialization_type.value,
            "phase": self._init.phase,
            "runtimeVersion": self._init.runtime_version,
            "runtimeVersionArn": self._version.runtime_version_arn or "",
            "functionName": self._version.name,
            "functionVersion": self._version.version,
        }
        self._telemetry.emit("platform.initStart", start, self._init.started_unix_ms)
        self._journal.attach(self._telemetry)

    def side_programs(self) -> SidePrograms | None:
        """What the sandbox is to start beside the runtime: nothing, where there are too many."""
        if self._external is None:
            return None
        paths = self._external.paths if len(self._external.paths) <= EXTENSIONS_MAX else ()
        return SidePrograms(paths=paths, variables=self._external.variables, watcher=self)

    def close_registration(self) -> None:
        """The runtime has started, or there is nothing to register for any more."""
        self.extensions.close_registration()

    def note_runtime_initialized(self) -> None:
        """The runtime has asked for its first invocation: no more extensions can come."""
        self.extensions.close_registration()
        self._telemetry.emit("platform.initRuntimeDone", self._init_record("success", None))

    def end_init(self, *, seconds: float, status: str, error_type: str | None) -> None:
        """INIT is over, one way or the other: say what has become of the extensions."""
        for extension in self.extensions.all():
            events = tuple(event.value for event in extension.events)
            described = ExtensionStatus(name=extension.name, state=extension.state.value, events=events, error_type=extension.error_type)
            self._journal.write_extension(described)
            self._telemetry.emit("platform.extension", described.record())
        if status != "success":
            self._telemetry.emit("platform.initRuntimeDone", self._init_record(status, error_type))
        report = self._init_record(status, error_type) | {"metrics": {"durationMs": round(seconds * 1_000, 3)}}
        self._telemetry.emit("platform.initReport", report)
        self._telemetry.close_subscription()
        if not self._telemetry.is_wanted:
            self._journal.detach()

    def _init_record(self, status: str, error_type: str | None) -> dict[str, Any]:
        record = {"initializationType": self._init.initialization_type.value, "phase": self._init.phase, "status": status}
        return record if error_type is None else record | {"errorType": error_type}

    # What extensions ask for, on any connection of the environment.

    def answer(self, request: OtherRequest, connection: RuntimeApiConnection) -> bytes | None:
        """What a request is answered; None if it is answered later."""
        return self._api.answer(request, connection)

    def forget(self, connection: RuntimeApiConnection) -> None:
        """A connection is gone."""
        self.extensions.forget(connection)

    # One invocation.

    def begin_invoke(self, running: RunningInvocation, unix_ms: int) -> None:
        """Tell those who want to know, and subscribers."""
        invocation = running.invocation
        if self._tells_of_invocations:
            event: dict[str, Any] = {
                "eventType": "INVOKE",
                "deadlineMs": unix_ms + int((running.timeout_seconds - running.spent_seconds) * 1_000),
                "requestId": invocation.request_id,
                "invokedFunctionArn": invocation.invoked_function_arn,
                "tracing": {"type": TRACE_TYPE, "value": invocation.trace_header},
            }
            self.extensions.begin_invoke(event_answer(event, uuid.uuid4()))
        record = {"requestId": invocation.request_id, "version": self._version.version} | trace_record(invocation)
        self._telemetry.emit("platform.start", record)

    def settle(self, running: RunningInvocation, result: InvocationResult, status: str, error_type: str | None) -> None:
        """The function has answered; extensions have until the invocation's time is over."""
        self._settling = SettlingInvocation(running, result, status, error_type, self._clock.monotonic())
        self._timer = asyncio.get_running_loop().call_at(running.expires_at, self._owner.on_extensions_late)

    def note_runtime_ready(self) -> None:
        """The runtime has asked for an invocation: it has done with the one before."""
        if self._settling is not None and self._settling.runtime_done_at is None:
            self._telemetry.emit("platform.runtimeDone", self._settling.note_runtime_done(self._clock))

    def take_settled(self) -> SettlingInvocation | None:
        """The invocation that everybody has done with, once."""
        settling = self._settling
        if settling is None or settling.runtime_done_at is None or not self.extensions.is_ready:
            return None
        return self.take_settling()

    def take_settling(self) -> SettlingInvocation | None:
        """The invocation that has been answered and is not over otherwise, once."""
        settling, self._settling = self._settling, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return settling

    def note_fault(self, running: RunningInvocation, fault: Fault) -> None:
        """The runtime has not done with an invocation, and will not."""
        duration_ms = faulty_end(running, fault, self._clock).duration_ms
        record = runtime_done_record(running.invocation, fault.status, fault.reported_type, duration_ms, 0)
        self._telemetry.emit("platform.runtimeDone", record)

    # The end.

    async def shut_down(self, reason: ShutdownReason) -> None:
        """End the runtime, then the extensions, and give each its time. The sandbox may be killed afterwards. Never raises SandboxLost."""
        with contextlib.suppress(SandboxLost):  # then nobody is left to shut down
            self._telemetry.hasten()
            has_external = self.extensions.has_external
            seconds = SHUTDOWN_EXTERNAL_SECONDS if has_external else SHUTDOWN_INTERNAL_SECONDS
            ends_at = asyncio.get_running_loop().time() + seconds
            event = {"eventType": "SHUTDOWN", "deadlineMs": self._clock.unix_ms() + int(seconds * 1_000), "shutdownReason": reason.value}
            self.extensions.begin_shutdown()
            await self._end_runtime(SHUTDOWN_RUNTIME_SECONDS if has_external else seconds)
            if has_external:
                with contextlib.suppress(TimeoutError):  # an extension ends when it is told to, whatever else was on its way
                    async with asyncio.timeout_at(ends_at - _TIME_TO_END_SECONDS):
                        await self._telemetry.wait_until_told()
                for name in self.extensions.shut_down(event_answer(event, uuid.uuid4())):
                    self._sandbox.kill_side(name)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(ends_at):
                        await self.extensions.wait_until_exited()

    def close(self) -> None:
        """Read what the extensions have still written, and stop. May be called again."""
        self._is_closed = True
        self.take_settling()
        if self._log is not None:
            self._log.close()
            os.close(self._log_pipe)
            self._log = None
        self._telemetry.close()

    async def _end_runtime(self, seconds: float) -> None:
        exited = self._sandbox.runtime_exit
        if exited.done():
            return
        self._sandbox.signal_runtime(signal.SIGTERM)
        await asyncio.wait([exited], timeout=seconds)
        if not exited.done():
            self._sandbox.signal_runtime(signal.SIGKILL)

    # What the sandbox tells of external extensions (SideWatcher).

    def on_side_log(self, pipe: int) -> None:
        """They write to a pipe of their own, so that their lines can be told from the function's."""
        if self._log is not None or self._is_closed:
            os.close(pipe)
            return
        os.set_blocking(pipe, False)
        self._log_pipe = pipe
        self._log = LogChannel(pipe=pipe, outlet=self._journal.joined_log(), clock=self._clock)
        self._log.tap(self._emit_extension_lines)
        self._log.open()

    def on_side_exit(self, name: str, status: int) -> None:
        """An extension's process has ended."""
        if self._log is not None:
            self._log.drain()
        self.extensions.note_exit(name, status)

    def on_side_failure(self, name: str, problem: str, error_number: int) -> None:
        """An extension could not be executed."""
        path = self._paths.get(name, name)
        self.extensions.note_launch_failure(name, path=path, problem=problem, is_permission=error_number == errno.EACCES)

    def _emit_extension_lines(self, events: list[LogEvent]) -> None:
        if self._telemetry.is_wanted:
            self._telemetry.emit_lines(Category.EXTENSION, events)

    def _on_subscribed(self, api: TelemetryApi, name: str, types: tuple[str, ...]) -> None:
        self._journal.write_subscription(api.value, name, types)
