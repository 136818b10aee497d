"""Sandboxes ahead of demand: a few generic ones per interpreter wait, built but for their function.

Building one costs some milliseconds and, for the first in a while, an RCU grace period of the kernel (7–15 ms measured on Linux 6.18 for a
lone attach to a control group); none of that is then part of a cold start. When more are wanted than wait, they are built on demand.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from alonzo.errors import SetupError
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import SandboxSettings
from alonzo.sandbox.users import UserIds
from alonzo.sandbox.zygote import Zygote, ZygoteSpec

_log = logging.getLogger(__name__)

_RESTART_PAUSE_SECONDS = 0.5
_REFILL_DELAY_SECONDS = 0.05


class SandboxPool:
    """The sandboxes of one interpreter. Its zygote is started by `open` and again when it is lost."""

    def __init__(self, *, spec: ZygoteSpec, settings: SandboxSettings, users: UserIds, spare_count: int) -> None:
        self._spec = spec
        self._settings = settings
        self._users = users
        self._spare_count = spare_count
        self._spares: deque[Sandbox] = deque()
        self._zygote: Zygote | None = None
        self._wanted = asyncio.Event()

    async def open(self) -> None:
        """Start the zygote and ask for the first spares; SetupError says what the host refuses."""
        self._zygote = await Zygote.start(self._spec, self._settings)
        self._refill()

    async def run(self) -> None:
        """Keep a zygote and the spares there until cancelled; then end everything that this pool has started."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                if self._zygote is None or self._zygote.lost.done():
                    await self._restart()
                await self._pause_after_failure()
                if self._spares:
                    # The sandbox that was just taken is starting its function: it shall have the CPU to itself.
                    await asyncio.sleep(_REFILL_DELAY_SECONDS)
                self._refill()
        finally:
            zygote, self._zygote = self._zygote, None
            if zygote is not None:
                await zygote.aclose()

    async def acquire(self) -> Sandbox:
        """A ready sandbox: a spare, or else a new one. Raises SandboxLost if none can be had now; trying again is safe."""
        sandbox = self._take_spare() or self._spawn()
        sandbox.hold()
        self._wanted.set()
        try:
            await asyncio.shield(sandbox.ready)
        except BaseException:
            sandbox.kill()
            raise
        return sandbox

    def _take_spare(self) -> Sandbox | None:
        # A spare that is still being built is nearer to ready than one that is not asked for yet.
        while self._spares:
            spare = self._spares.popleft()
            if not spare.ended.done():
                return spare
        return None

    def _refill(self) -> None:
        self._spares = deque(spare for spare in self._spares if not spare.ended.done())
        while len(self._spares) < self._spare_count and self._zygote is not None and not self._zygote.lost.done():
            self._spares.append(self._spawn())

    async def _pause_after_failure(self) -> None:
        """A host that refuses one spare will refuse the next: say so once and do not spin."""
        for spare in self._spares:
            if spare.ended.done() and spare.ready.done() and (error := spare.ready.exception()):
                _log.error("%s", error)
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)
                return

    def _spawn(self) -> Sandbox:
        if self._zygote is None or self._zygote.lost.done():
            self._wanted.set()
            raise SandboxLost("the zygote is being started again")
        sandbox = self._zygote.spawn(user=self._users.take())
        sandbox.ended.add_done_callback(_releaser(self._users, sandbox.user))
        sandbox.ended.add_done_callback(lambda _: self._wanted.set())
        return sandbox

    async def _restart(self) -> None:
        _log.error("the zygote of %s is lost: starting it again", self._spec.executable)
        if self._zygote is not None:
            await self._zygote.aclose()
        try:
            self._zygote = await Zygote.start(self._spec, self._settings)
        except (SetupError, TimeoutError):
            _log.exception("the zygote of %s cannot be started", self._spec.executable)
            await asyncio.sleep(_RESTART_PAUSE_SECONDS)
            self._wanted.set()


def _releaser(users: UserIds, user: int) -> Callable[[object], None]:
    return lambda _: users.give_back(user)
