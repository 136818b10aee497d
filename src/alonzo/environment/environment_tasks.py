"""Tasks that environments need beside their invocations: shutting down, and bringing telemetry to extensions.

They outlive the call that began them, so they have an owner of their own, which a node runs and ends.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)


class EnvironmentTasks:
    """One a node. `run` belongs in the parent's TaskGroup; tasks that are begun before it runs begin with it."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[tuple[Coroutine[Any, Any, None], asyncio.Future[None]]] = asyncio.Queue()
        self._is_over = False

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        """Do this beside everything else. Cancelling the future that is returned cancels the work, and it is done when the work is.

        When nothing is run any more, it is cancelled already.
        """
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._is_over:
            work.close()
            over.cancel()
        else:
            self._waiting.put_nowait((work, over))
        return over

    async def run(self) -> None:
        """Until cancelled; what is being done then is cancelled, too."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    work, over = await self._waiting.get()
                    _tie(group.create_task(self._do(work)), over)
        finally:
            self._is_over = True
            while not self._waiting.empty():
                work, over = self._waiting.get_nowait()
                work.close()
                over.cancel()

    @staticmethod
    async def _do(work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            _log.exception("a task of an environment has failed")


def _tie(task: asyncio.Task[None], over: asyncio.Future[None]) -> None:
    over.add_done_callback(lambda _: task.cancel())
    task.add_done_callback(lambda _: None if over.done() else over.set_result(None))
