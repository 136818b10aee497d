"""Makes execution environments: brings a function version, its code, a sandbox, a log and the Runtime API together."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from alonzo import ids
from alonzo.clock import Clock
from alonzo.environment.connection_owner import (
    AnyConnection,
    ConnectionCheck,
    OwnedByUser,
    SentByProcessTree,
    SentByUser,
    owned_by_process_tree,
)
from alonzo.environment.credentials import ServedCredentials
from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.environment_tasks import EnvironmentTasks
from alonzo.environment.external_extensions import find_external_extensions
from alonzo.environment.function_insights import FunctionInsights
from alonzo.environment.function_tracing import FunctionTracing
from alonzo.environment.image_launch import ImageLaunch, image_launch
from alonzo.environment.journal import Journal
from alonzo.environment.launch import launch_commands
from alonzo.environment.log_channel import LogChannel
from alonzo.environment.plan import EnvironmentPlan
from alonzo.environment.prestart import fits_prestarted
from alonzo.environment.restoration import SnapshotPlan
from alonzo.environment.sandboxes import RuntimeSandbox, RuntimeSandboxes
from alonzo.environment.trace_daemon import TraceDaemon
from alonzo.environment.variables import DEFAULT_TRACE_DAEMON, LAYERS_DIRECTORY, Place, environment_variables, role_credentials
from alonzo.images.store import read_settings
from alonzo.model.function import ACTIVE_TRACING, FunctionVersion, LogFormat
from alonzo.model.invocation import InitializationType
from alonzo.model.scope import Scope
from alonzo.observe.insights_mode import InsightsMode
from alonzo.observe.lambda_insights import INSIGHTS_LOG_GROUP
from alonzo.observe.log_delivery import LogDelivery, LogOutlet, LogStreamName
from alonzo.observe.metrics.invocations import InvocationMeter
from alonzo.observe.platform_log import JsonPlatformLog, PlatformLog, TextPlatformLog
from alonzo.observe.traces.lambda_segments import FunctionRun
from alonzo.observe.usage import UsageMeter
from alonzo.runtimes.catalog import find_runtime
from alonzo.runtimes.concurrency import max_concurrency
from alonzo.sandbox.clone import Clone
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import Network, SandboxSettings

ServeEndpoint = Callable[[socket.socket], Awaitable[Callable[[], None]]]
"""Serves something of the node's on a listening socket of an environment's own network; what it returns stops that."""


class TmpPreparation(Protocol):
    """Makes what a /tmp of some size needs, ahead of its sandboxes."""

    async def ensure(self, mib: int) -> None: ...


class TraceKeeper(Protocol):
    """Where traces go; see `TraceStore`. `put` takes what functions send (SegmentRefused), `keep_own` what is said of them."""

    def put(self, scope: Scope, document: bytes) -> object: ...

    def keep_own(self, version: FunctionVersion, told: FunctionRun) -> None: ...


class EnvironmentFactory:
    """One a node."""

    def __init__(
        self,
        *,
        sandboxes: RuntimeSandboxes,
        settings: SandboxSettings,
        tmp: TmpPreparation | None,
        delivery: LogDelivery,
        usage: UsageMeter,
        traces: TraceKeeper,
        metrics: InvocationMeter,
        insights: InsightsMode,
        serve_endpoint: ServeEndpoint,
        serve_responses: ServeEndpoint,
        tasks: EnvironmentTasks,
        clock: Clock,
    ) -> None:
        self._sandboxes = sandboxes
        self._settings = settings
        self._tmp = tmp
        self._delivery = delivery
        self._usage = usage
        self._traces = traces
        self._metrics = metrics
        self._insights = insights
        self._serve_endpoint = serve_endpoint
        self._serve_responses = serve_responses
        self._tasks = tasks
        self._clock = clock

    async def prepare(self, version: FunctionVersion) -> None:
        """Have ready what environments of this version will need. Raises what `create` would for want of a runtime."""
        await self._sandboxes.warm_up(version)
        if self._tmp is not None:
            await self._tmp.ensure(version.ephemeral_storage_mib)

    async def create(
        self,
        version: FunctionVersion,
        code_directory: Path,
        layers_directory: Path | None = None,
        *,
        initialization_type: InitializationType = InitializationType.ON_DEMAND,
    ) -> ExecutionEnvironment:
        """An environment that is not initialized yet. Raises RuntimeUnavailable, SetupError, or SandboxLost (try again)."""
        if self._tmp is not None:
            await self._tmp.ensure(version.ephemeral_storage_mib)
        runtime_sandbox = await self._sandboxes.acquire(
            version,
            # Nobody waits for provisioned concurrency: what was started ahead is for callers.
            fits_prestarted=(lambda: fits_prestarted(version, code_directory, layers_directory))
            if initialization_type is InitializationType.ON_DEMAND
            else None,
            clonable=initialization_type is InitializationType.SNAP_START,
        )
        try:
            return await self._furnish(version, code_directory, layers_directory, runtime_sandbox, initialization_type)
        except BaseException:
            runtime_sandbox.sandbox.kill()
            raise

    async def clone(self, template: ExecutionEnvironment) -> ExecutionEnvironment:
        """Another environment of a template, in its sandbox, to be initialized (which only waits for it). SandboxLost (try again)."""
        clone = await template.clone_sandbox()
        version, snapshot = template.version, template.plan.snapshot
        assert snapshot is not None
        try:
            outlet = snapshot.open_outlet()
            log = LogChannel(pipe=clone.log_pipe, outlet=outlet, clock=self._clock)
            words = _platform_log(version, InitializationType.SNAP_START)
            journal = Journal(
                log=log,
                words=words,
                version=version,
                usage=self._usage.counter(version, is_provisioned=False),
                metrics=self._metrics.counter(version, is_provisioned=False),
                peak_memory=clone.peak_memory_bytes,
                tracing=self._tracing_of(version),
                insights=self._insights_of(version, clone, outlet.name.stream),
                clock=self._clock,
            )
            return ExecutionEnvironment(
                plan=template.plan, sandbox=clone, journal=journal, check=AnyConnection(), tasks=self._tasks, clock=self._clock
            )
        except BaseException:
            clone.kill()
            raise

    async def _furnish(
        self,
        version: FunctionVersion,
        code_directory: Path,
        layers_directory: Path | None,
        runtime_sandbox: RuntimeSandbox,
        initialization_type: InitializationType,
    ) -> ExecutionEnvironment:
        sandbox = runtime_sandbox.sandbox
        concurrency = max_concurrency(version)
        if concurrency is not None:
            initialization_type = InitializationType.MANAGED_INSTANCES
        stream = _log_stream_name(self._clock.now(), version.version)
        place = self._place(runtime_sandbox, code_directory, layers_directory)
        snapshot: SnapshotPlan | None = None
        if initialization_type is InitializationType.SNAP_START:
            snapshot = self._snapshot_plan(version, is_clonable=runtime_sandbox.is_clonable)
        launch = None if version.code.image_uri is None else await asyncio.to_thread(_image_launch, version, code_directory)
        credentials = role_credentials(version).variables() if snapshot is None else snapshot.credentials.variables(place.runtime_api)
        variables = environment_variables(
            version,
            place,
            credentials=credentials,
            log_stream=stream,
            initialization_type=initialization_type,
            max_concurrency=concurrency,
            image=launch,
        )
        external_extensions = None
        extensions_parent = layers_directory if launch is None else await asyncio.to_thread(launch.find_extensions_parent)
        if extensions_parent is not None:
            external_extensions = await find_external_extensions(extensions_parent, place=place.layers_directory, variables=variables)
        plan = EnvironmentPlan(
            version=version,
            code_directory=code_directory,
            layers_directory=layers_directory,
            variables=variables,
            commands=launch_commands(runtime_sandbox, place, version) if launch is None else (launch.command,),
            image=None if launch is None else launch.root,
            max_concurrency=concurrency,
            runtime_version=_runtime_version(version.runtime) if version.runtime else "",
            notice=runtime_sandbox.notice,
            initialization_type=initialization_type,
            external_extensions=external_extensions,
            snapshot=snapshot,
        )
        is_provisioned = initialization_type is InitializationType.PROVISIONED_CONCURRENCY
        log = LogChannel(
            pipe=sandbox.log_pipe,
            outlet=self._open_outlet(version, stream),
            clock=self._clock,
            is_shared=version.capacity_provider is not None,
        )
        words = _platform_log(version, initialization_type)
        journal = Journal(
            log=log,
            words=words,
            version=version,
            usage=self._usage.counter(version, is_provisioned=is_provisioned),
            metrics=self._metrics.counter(version, is_provisioned=is_provisioned),
            peak_memory=sandbox.peak_memory_bytes,
            tracing=self._tracing_of(version),
            insights=self._insights_of(version, sandbox, stream),
            clock=self._clock,
        )
        environment = ExecutionEnvironment(
            plan=plan, sandbox=sandbox, journal=journal, check=self._check(sandbox), tasks=self._tasks, clock=self._clock
        )
        for serve in (self._serve_endpoint, self._serve_responses)[: len(sandbox.listeners) - 1]:
            stop_serving = await serve(sandbox.listeners.pop(1))
            environment.ended.add_done_callback(partial(_call, stop_serving))
        self._serve_tracers(environment, sandbox)
        return environment

    def _insights_of(self, version: FunctionVersion, sandbox: Sandbox | Clone, stream: str) -> FunctionInsights | None:
        if not self._insights.covers(version):
            return None
        outlet = self._delivery.open_outlet(LogStreamName(version.scope, INSIGHTS_LOG_GROUP, stream, version.name))
        return FunctionInsights(version=version, usage=sandbox.resource_reader().read, outlet=outlet, clock=self._clock)

    def _tracing_of(self, version: FunctionVersion) -> FunctionTracing | None:
        if version.tracing_mode != ACTIVE_TRACING:
            return None
        return FunctionTracing(version=version, keep=self._traces.keep_own, clock=self._clock)

    def _serve_tracers(self, environment: ExecutionEnvironment, sandbox: Sandbox) -> None:
        """Whatever the function's mode is: it may take part in a trace that others have begun."""
        datagrams, sandbox.datagrams = sandbox.datagrams, None
        if datagrams is None:
            return
        scope = environment.version.scope
        daemon = TraceDaemon(datagrams, check=self._sender_check(sandbox), keep=lambda document: self._traces.put(scope, document))
        daemon.open()
        environment.ended.add_done_callback(lambda _: daemon.close())

    def _snapshot_plan(self, version: FunctionVersion, *, is_clonable: bool) -> SnapshotPlan:
        return SnapshotPlan(
            open_outlet=lambda: self._open_outlet(version, _log_stream_name(self._clock.now(), version.version)),
            credentials=ServedCredentials(role_credentials(version), clock=self._clock),
            is_clonable=is_clonable,
        )

    def _open_outlet(self, version: FunctionVersion, stream: str) -> LogOutlet:
        return self._delivery.open_outlet(LogStreamName(version.scope, version.logging.log_group, stream, version.name))

    def _place(self, runtime_sandbox: RuntimeSandbox, code_directory: Path, layers_directory: Path | None) -> Place:
        sandbox, program = runtime_sandbox.sandbox, runtime_sandbox.program
        libraries = () if program is None else tuple((each.variable, str(each.path)) for each in program.libraries)
        host, port = sandbox.listeners[0].getsockname()
        trace_daemon = DEFAULT_TRACE_DAEMON if sandbox.datagrams is None else sandbox.datagrams.getsockname()
        endpoint_url = f"http://127.0.0.1:{self._settings.endpoint_port}"
        if self._settings.isolated:
            return Place(
                runtime_api=f"{host}:{port}",
                trace_daemon=trace_daemon,
                endpoint_url=endpoint_url,
                trusted_certificates=self._settings.find_trusted_certificates(),
                libraries=libraries,
            )
        return Place(
            runtime_api=f"{host}:{port}",
            trace_daemon=trace_daemon,
            endpoint_url=endpoint_url,
            task_root=str(code_directory),
            runtime_directory=str(self._settings.packages),
            tmp_directory=str(self._settings.tmp_directory / sandbox.id),
            layers_directory=LAYERS_DIRECTORY if layers_directory is None else str(layers_directory),
            trusted_certificates=self._settings.find_trusted_certificates(),
            libraries=libraries,
        )

    def _check(self, sandbox: Sandbox) -> ConnectionCheck:
        if self._settings.isolated and self._settings.network is Network.ISOLATED:
            return AnyConnection()
        if self._settings.isolated and not self._settings.rootless:
            return OwnedByUser(sandbox.user)
        return owned_by_process_tree(lambda: sandbox.process_id)

    def _sender_check(self, sandbox: Sandbox) -> ConnectionCheck:
        """The same for datagrams; other systems than Linux do not tell whose they are."""
        if sys.platform != "linux" or (self._settings.isolated and self._settings.network is Network.ISOLATED):
            return AnyConnection()
        if self._settings.isolated and not self._settings.rootless:
            return SentByUser(sandbox.user)
        return SentByProcessTree(lambda: sandbox.process_id)


def _call(function: Callable[[], None], _: object) -> None:
    function()


def _image_launch(version: FunctionVersion, directory: Path) -> ImageLaunch:
    return image_launch(version, directory, read_settings(directory))


def _log_stream_name(now: datetime, version: str) -> str:
    return f"{now:%Y/%m/%d}/[{version}]{ids.new_hex_id(16)}"


def _runtime_version(runtime: str) -> str:
    """As AWS writes it in INIT_START: `python:3.12.v1`; the last part counts AWS's own releases, of which there is one here."""
    spec = find_runtime(runtime)
    if spec is None:
        return f"{runtime}.v1"
    return f"{spec.family}:{'.'.join(map(str, spec.version)) or spec.operating_system}.v1"


def _platform_log(version: FunctionVersion, initialization_type: InitializationType) -> PlatformLog:
    if version.logging.format is LogFormat.JSON:
        return JsonPlatformLog(version.logging.system_level or "INFO", initialization_type)
    return TextPlatformLog()
