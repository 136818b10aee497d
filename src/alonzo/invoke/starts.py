"""Environments that are being made for functions that run several invocations at once.

Invocations that come while one is made wait for it, as many as it will have room for, instead of each making its own.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from alonzo.environment.outcomes import EnvironmentLost, InitFailed
from alonzo.errors import AlonzoError
from alonzo.invoke.keep_alive import PoolKey
from alonzo.invoke.pools import pool_key
from alonzo.model.function import FunctionVersion
from alonzo.runtimes.concurrency import max_concurrency


class Start:
    """One environment in the making."""

    def __init__(self, version: FunctionVersion) -> None:
        self._version = version
        self._free_count = max_concurrency(version) or 1
        self._outcome: asyncio.Future[AlonzoError | None] = asyncio.get_running_loop().create_future()

    def reserve(self, version: FunctionVersion) -> bool:
        """Take a place in it, if there is one and it is made of this very version."""
        if self._free_count == 0 or not version.runs_as(self._version):
            return False
        self._free_count -= 1
        return True

    async def wait(self) -> None:
        """Until it is in its pool. Raises what became of it otherwise."""
        problem = await asyncio.shield(self._outcome)
        if problem is not None:
            raise problem

    def end(self, problem: AlonzoError | None) -> None:
        """Tell those who wait."""
        self._outcome.set_result(problem)


class Starts:
    """All of a node's."""

    def __init__(self) -> None:
        self._by_key: dict[PoolKey, list[Start]] = {}

    def find(self, version: FunctionVersion) -> Start | None:
        """One with a place, which is taken with that."""
        return next((start for start in self._by_key.get(pool_key(version), ()) if start.reserve(version)), None)

    @contextmanager
    def begin(self, version: FunctionVersion) -> Iterator[None]:
        """Whoever makes an environment does it within this, and has a place in it."""
        key, start = pool_key(version), Start(version)
        start.reserve(version)
        starts = self._by_key.setdefault(key, [])
        starts.append(start)
        outcome: AlonzoError | None = EnvironmentLost("nobody went on making the environment")
        try:
            yield
            outcome = None
        except InitFailed as failure:
            outcome = failure
            raise
        finally:
            starts.remove(start)
            if not starts:
                self._by_key.pop(key, None)
            start.end(outcome)
