"""The zygotes of one pool: one at first, more when sandboxes queue up, as many as the machine has processors.

A zygote forks one sandbox after the other, and clears up after those that ended in between; several do so beside each other. Each costs
some megabytes, which is why a machine that has little to do has one.
"""

import asyncio
import logging

from alonzo.errors import SetupError
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.settings import SandboxSettings
from alonzo.sandbox.zygote import Zygote, ZygoteSpec

_log = logging.getLogger(__name__)

_QUEUE_LENGTH = 8
"""Sandboxes that a zygote has been asked for and has not forked yet: another zygote takes as long to start as these to be forked."""


class Zygotes:
    """Opened and kept by its owner; `aclose` ends them and all their sandboxes."""

    def __init__(self, *, spec: ZygoteSpec, settings: SandboxSettings, count_max: int) -> None:
        self._spec = spec
        self._settings = settings
        self._count_max = count_max
        self._zygotes: list[Zygote] = []
        self._is_short = False

    async def open(self) -> None:
        """Start the first one; SetupError says what the host refuses."""
        self._zygotes.append(await Zygote.start(self._spec, self._settings))

    @property
    def has_any(self) -> bool:
        """Whether sandboxes can be had."""
        return any(not zygote.lost.done() for zygote in self._zygotes)

    def choose(self) -> Zygote:
        """The one with the shortest queue. Raises SandboxLost when there is none: `keep` starts one."""
        living = [zygote for zygote in self._zygotes if not zygote.lost.done()]
        if not living:
            raise SandboxLost("the zygote is being started again")
        chosen = min(living, key=_queue_length)
        if chosen.queue_length >= _QUEUE_LENGTH and len(self._zygotes) < self._count_max:
            self._is_short = True
        return chosen

    async def keep(self) -> bool:
        """Replace those that are lost and start another one if there are too few; False when that cannot be done now."""
        for zygote in [zygote for zygote in self._zygotes if zygote.lost.done()]:
            _log.error("a zygote of %s is lost", self._spec.executable)
            await zygote.aclose()
            self._zygotes.remove(zygote)
        if self._zygotes and not self._is_short:
            return True
        self._is_short = False
        try:
            self._zygotes.append(await Zygote.start(self._spec, self._settings))
        except (SetupError, TimeoutError):
            _log.exception("a zygote of %s cannot be started", self._spec.executable)
            return False
        return True

    async def aclose(self) -> None:
        """End them; returns when no process of them is left."""
        zygotes, self._zygotes = self._zygotes, []
        async with asyncio.TaskGroup() as group:
            for zygote in zygotes:
                group.create_task(zygote.aclose())


def _queue_length(zygote: Zygote) -> int:
    return zygote.queue_length
