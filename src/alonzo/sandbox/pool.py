"""Sandboxes ahead of demand: a few generic ones per interpreter wait, built but for their function.

Building one costs some milliseconds and, for the first in a while, an RCU grace period of the kernel (7–15 ms measured on Linux 6.18 for a
lone attach to a control group); none of that is then part of a cold start. When more are wanted than wait, they are built on demand.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from alonzo.sandbox.sandbox import Sandbox
from alonzo.sandbox.settings import SandboxSettings
from alonzo.sandbox.users import UserIds
from alonzo.sandbox.zygote import ZygoteSpec
from alonzo.sandbox.zygotes import Zygotes

_log = logging.getLogger(__name__)

_RESTART_PAUSE_SECONDS = 0.5
_REFILL_DELAY_SECONDS = 0.05


class SandboxPool:
    """The sandboxes of one interpreter, forked by `zygote_count` zygotes at most."""

    def __init__(self, *, spec: ZygoteSpec, settings: SandboxSettings, users: UserIds, spare_count: int, zygote_count: int) -> None:
        self._zygotes = Zygotes(spec=spec, settings=settings, count_max=zygote_count)
        self._users = users
        self._spare_count = spare_count
        self._spares: deque[Sandbox] = deque()
        self._wanted = asyncio.Event()

    async def open(self) -> None:
        """Start a zygote and ask for the first spares; SetupError says what the host refuses."""
        await self._zygotes.open()
        self._refill()

    async def run(self) -> None:
        """Keep zygotes and the spares there until cancelled; then end everything that this pool has started."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                if not await self._zygotes.keep():
                    await asyncio.sleep(_RESTART_PAUSE_SECONDS)
                    self._wanted.set()
                await self._pause_after_failure()
                if self._spares:
                    # The sandbox that was just taken is starting its function: it shall have the CPU to itself.
                    await asyncio.sleep(_REFILL_DELAY_SECONDS)
                self._refill()
        finally:
            await self._zygotes.aclose()

    async def acquire(self) -> Sandbox:
        """A ready sandbox: a spare, or else a new one. Raises SandboxLost if none can be had now; trying again is safe."""
        self._wanted.set()
        sandbox = self._take_spare() or self._spawn()
        sandbox.hold()
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
        while len(self._spares) < self._spare_count and self._zygotes.has_any:
            self._spares.append(self._spawn())

    async def _pause_after_failure(self) -> None:
        """A host that refuses one spare will refuse the next: say so once and do not spin."""
        for spare in self._spares:
            if spare.ended.done() and spare.ready.done() and (error := spare.ready.exception()):
                _log.error("%s", error)
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)
                return

    def _spawn(self) -> Sandbox:
        sandbox = self._zygotes.choose().spawn(user=self._users.take())
        sandbox.ended.add_done_callback(_releaser(self._users, sandbox.user))
        sandbox.ended.add_done_callback(lambda _: self._wanted.set())
        return sandbox


def _releaser(users: UserIds, user: int) -> Callable[[object], None]:
    return lambda _: users.give_back(user)
