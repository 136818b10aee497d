"""How further environments are made of one that waits to be restored: whether that can be, and the fork itself."""

import asyncio

from alonzo.sandbox.clone import Clone
from alonzo.sandbox.errors import SandboxLost
from alonzo.sandbox.sandbox import Sandbox

_OBSTACLE_SECONDS = 10.0
"""The runtime says it before it asks to be restored, on another way."""

_CLONE_SECONDS = 10.0
"""Usually some milliseconds."""


async def find_obstacle(sandbox: Sandbox) -> str:
    """Why the runtime in a sandbox cannot be cloned, as the end of a sentence; "" if it can."""
    try:
        async with asyncio.timeout(_OBSTACLE_SECONDS):
            return await asyncio.shield(sandbox.obstacle)
    except TimeoutError:
        return "its runtime does not answer"


async def clone(sandbox: Sandbox, *, memory_mib: int) -> Clone:
    """A clone of the runtime, in its sandbox and ended with it. SandboxLost."""
    made = sandbox.clone(memory_mib=memory_mib)
    try:
        async with asyncio.timeout(_CLONE_SECONDS):
            await asyncio.shield(made.ready)
    except TimeoutError:
        made.kill()
        raise SandboxLost("a clone was not forked in time") from None
    except BaseException:
        made.kill()
        raise
    return made
