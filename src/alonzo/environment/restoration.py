"""SnapStart in one environment: initialized, it waits; restored, it runs the function's hooks and is ready for invocations.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-restore. AWS's runtime clients ask
`restore/next` after INIT when AWS_LAMBDA_INITIALIZATION_TYPE is snap-start, and run the hooks on both sides of it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from alonzo.clock import Clock
from alonzo.environment.credentials import ServedCredentials
from alonzo.environment.journal import Journal
from alonzo.environment.outcomes import Fault, RestoreFailed, RestoreTimedOut
from alonzo.environment.runtime_api import RuntimeApiConnection, document
from alonzo.errors import AlonzoError
from alonzo.model.quotas import RESTORE_TIMEOUT_SECONDS
from alonzo.observe.log_delivery import LogOutlet

_HOOK_ERROR = "Runtime.RestoreHookUserError"
_HOOK_TIMEOUT = "Runtime.RestoreHookUserTimeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotPlan:
    """What an environment with SnapStart needs beside the others. `open_outlet` opens the log stream of a restored environment.

    `is_clonable`: its sandbox is of the kind whose runtimes may be cloned.
    """

    open_outlet: Callable[[], LogOutlet]
    credentials: ServedCredentials
    is_clonable: bool


class Restoration:
    """Of one environment, which tells it what the runtime does; it does not end the environment."""

    def __init__(self, plan: SnapshotPlan, runtime_version: str, *, journal: Journal, clock: Clock) -> None:
        self._plan = plan
        self._runtime_version = runtime_version
        self._journal = journal
        self._clock = clock
        self._waiting: RuntimeApiConnection | None = None
        self._is_ready = False
        self._restored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_waiting(self) -> bool:
        """Whether the runtime has asked to be restored."""
        return self._waiting is not None

    def wait_at(self, connection: RuntimeApiConnection) -> None:
        """The runtime has asked to be restored."""
        self._waiting = connection

    def note_ready(self) -> None:
        """It has asked for an invocation instead, as runtimes do that know of no hooks: there is nothing to wait for."""
        self._is_ready = True

    async def run(self, *, since: float | None) -> None:
        """Answer the runtime and wait for it. Raises RestoreFailed. `since`: when the restore began, if it did before."""
        answered_at = self._clock.monotonic()
        started_at = answered_at if since is None else since
        self._journal.begin_restore(self._plan.open_outlet(), runtime_version=self._runtime_version)
        if self._waiting is not None:
            self._waiting.write(document(b""))
        elif self._is_ready:
            self.succeed()
        try:
            async with asyncio.timeout(RESTORE_TIMEOUT_SECONDS):
                await self._restored
        except TimeoutError:
            fault = Fault(_HOOK_TIMEOUT, "restore hooks timed out", "timeout")
            self._journal.write_restore_failure(fault, seconds=RESTORE_TIMEOUT_SECONDS)
            raise RestoreTimedOut(fault=fault) from None
        except RestoreFailed as failure:
            self._journal.write_restore_failure(failure.fault, seconds=self._clock.monotonic() - started_at)
            raise
        now = self._clock.monotonic()
        self._journal.write_restored(seconds=now - started_at, billed_seconds=now - answered_at)

    def succeed(self) -> None:
        """The runtime has asked for an invocation."""
        if not self._restored.done():
            self._restored.set_result(None)

    def fail(self, error: AlonzoError) -> None:
        """It will not. Nothing happens if it has before."""
        if not self._restored.done():
            self._restored.set_exception(error)
            self._restored.exception()  # whoever waits sees it; nobody needs to


def hook_failure(error_type: str | None) -> RestoreFailed:
    """A hook has raised; `error_type` as the runtime names it."""
    return RestoreFailed(fault=Fault(error_type or _HOOK_ERROR, "a restore hook failed"))
