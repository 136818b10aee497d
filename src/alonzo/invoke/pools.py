"""The warm environments of a node: taken most recently used first, ended when they are not likely to be wanted again.

An environment that runs several invocations at once stays in its pool while it has room, so that it is filled before the next one.

A pool belongs to one version of one function. When the version changes (code, configuration, deletion), its idle environments end at once
and busy ones when they come back: an invocation in flight finishes on what it started with.

When memory runs short, those end first that are worth least: by the frequency of their use, the time that their INIT took and the memory
that they hold, as in FaasCache (Fuerst and Sharma, ASPLOS 2021: Greedy-Dual-Size-Frequency), where a common level that rises with each end
lets those fall behind that were worth much once.

Environments of provisioned concurrency are kept: they are taken before others, and end only when their keeper dismisses them, when their
version changes or when they end by themselves.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Set

from alonzo.environment.environment import ExecutionEnvironment
from alonzo.environment.phases import Phase
from alonzo.invoke.keep_alive import KeepAlive, PoolKey
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionKey

_log = logging.getLogger(__name__)

_INSPECTION_SECONDS = 1.0
_MEMORY_PRESSURE_SHARE = 0.08
_EVICTED_AT_ONCE = 8

_UNCOUNTED_BYTES = 10 << 20
"""What an environment is taken to hold where the host does not count it."""

MemoryAvailable = Callable[[], float]
"""The share of the machine's memory that is available, 0–1."""
ShedSpares = Callable[[], int]
"""Ends what only waits for functions; how much that was."""


class EnvironmentPools:
    """All environments with room, and the living ones for the end."""

    def __init__(self, *, keep_alive: KeepAlive, memory_available: MemoryAvailable, shed_spares: ShedSpares) -> None:
        self._keep_alive = keep_alive
        self._memory_available = memory_available
        self._shed_spares = shed_spares
        self._level = 0.0
        self._idle: dict[PoolKey, list[ExecutionEnvironment]] = {}
        self._living: set[ExecutionEnvironment] = set()
        self._kept: set[ExecutionEnvironment] = set()
        self._idle_kept: dict[PoolKey, list[ExecutionEnvironment]] = {}

    def take_idle(self, version: FunctionVersion) -> ExecutionEnvironment | None:
        """The environment of this version that was used last and has room; a kept one before others."""
        key = pool_key(version)
        if self._kept and (environment := _take(self._idle_kept.get(key), version)) is not None:
            return environment
        environment = _take(self._idle.get(key), version)
        if environment is None:
            self._keep_alive.note_missed(key)
        elif environment.phase is Phase.IDLE:
            self._keep_alive.note_wanted(key, environment.idle_since)
        return environment

    def has_idle(self, version: FunctionVersion) -> bool:
        """Whether an environment of the version has room, be it kept or not."""
        key = pool_key(version)
        return bool(self._idle.get(key)) or bool(self._idle_kept.get(key))

    def has_idle_kept(self, version: FunctionVersion) -> bool:
        """Whether an environment of the version's provisioned concurrency is idle."""
        idle = self._idle_kept.get(pool_key(version))
        return idle is not None and any(environment.phase is Phase.IDLE and version.runs_as(environment.version) for environment in idle)

    def add(self, environment: ExecutionEnvironment) -> None:
        """Know of a new environment until it ends."""
        self._living.add(environment)
        environment.ended.add_done_callback(lambda _: self._living.discard(environment))

    def keep(self, environment: ExecutionEnvironment) -> None:
        """An environment that was added, and that nobody has used yet, belongs to provisioned concurrency."""
        self._kept.add(environment)
        environment.ended.add_done_callback(lambda _: self._forget_kept(environment))

    def dismiss(self, environment: ExecutionEnvironment) -> None:
        """A kept environment is no longer wanted: it ends, at once if it is idle, else when it comes back."""
        environment.retire()

    def give_back(self, environment: ExecutionEnvironment, current: FunctionVersion | None) -> None:
        """An invocation is over. `current`: what the environment's version is by now, None if it was deleted."""
        if environment.phase is Phase.ENDED:
            return
        if current is None or not current.runs_as(environment.version) or environment.is_retiring:
            environment.retire()
            return
        if environment.phase is not Phase.IDLE and not environment.has_room:
            return
        environment.use_count += 1
        environment.standing = self._level
        pools = self._idle_kept if environment in self._kept else self._idle
        idle = pools.setdefault(pool_key(environment.version), [])
        if not (environment.runs_several and environment in idle):
            idle.append(environment)

    def retire(self, key: PoolKey, current: FunctionVersion | None) -> None:
        """A version has changed: end its environments that run something else, those that are busy when they are not any more."""
        for pools in (self._idle, self._idle_kept):
            idle = pools.pop(key, [])
            fresh = [environment for environment in idle if current is not None and current.runs_as(environment.version)]
            if fresh:
                pools[key] = fresh
            for environment in idle:
                if environment not in fresh:
                    environment.retire()

    async def run(self) -> None:
        """End what has been idle for too long, and more when the machine runs short of memory, until cancelled; then everything."""
        try:
            while True:
                await asyncio.sleep(_INSPECTION_SECONDS)
                self.end_expired()
                if self._memory_available() < _MEMORY_PRESSURE_SHARE and not self._shed_spares():
                    self.evict(_EVICTED_AT_ONCE)
        finally:
            self.close()

    def end_expired(self) -> None:
        """End the environments that are not likely to be wanted again."""
        for key, environments in self._idle.items():
            idle = sorted((each for each in environments if each.phase is Phase.IDLE), key=_idle_since)
            for environment in idle[: self._keep_alive.count_expired(key, [each.idle_since for each in idle])]:
                self._end_idle(environment)
        self._drop_ended()

    def evict(self, count: int) -> None:
        """End so many idle environments, those that are worth least."""
        self._evict(lambda ended_count, _: ended_count < count)

    def make_room(self, wanted_bytes: int) -> int:
        """End idle environments, those that are worth least, until they have held so much memory; how many it were.

        What only waits for functions goes before any of them: the caller looks whether that was enough.
        """
        return self._shed_spares() or self._evict(lambda _, freed_bytes: freed_bytes < wanted_bytes)

    def _evict(self, is_wanted: Callable[[int, int], bool]) -> int:
        ranked = sorted(((_worth(each), each.idle_since, each) for each in self._iter_idle()), key=lambda rank: rank[:2])
        ended_count, freed_bytes = 0, 0
        for worth, _, environment in ranked:
            if not is_wanted(ended_count, freed_bytes):
                break
            ended_count += 1
            freed_bytes += _held_bytes(environment)
            self._level = worth
            self._end_idle(environment)
        if ended_count:
            _log.warning("memory is short: ending %d idle environments", ended_count)
            self._drop_ended()
        return ended_count

    def _end_idle(self, environment: ExecutionEnvironment) -> None:
        self._keep_alive.note_ended(pool_key(environment.version), environment.idle_since)
        environment.close()

    def close(self) -> None:
        """End every environment, whatever it is doing."""
        for environment in list(self._living):
            environment.close()
        self._idle.clear()

    def forget(self, functions: Set[FunctionKey]) -> None:
        """They are gone."""
        self._keep_alive.forget(functions)

    async def drain(self, *, timeout_seconds: float) -> None:
        """Wait for environments that have been ended to be gone: extensions have a moment of their own."""
        if self._living:
            await asyncio.wait([environment.ended for environment in self._living], timeout=timeout_seconds)

    def _forget_kept(self, environment: ExecutionEnvironment) -> None:
        self._kept.discard(environment)
        key = pool_key(environment.version)
        idle = self._idle_kept.get(key)
        if idle is not None and environment in idle:
            idle.remove(environment)
            if not idle:
                del self._idle_kept[key]

    def _iter_idle(self) -> Iterator[ExecutionEnvironment]:
        return (environment for idle in self._idle.values() for environment in idle if environment.phase is Phase.IDLE)

    def _drop_ended(self) -> None:
        for key, idle in list(self._idle.items()):
            kept = [environment for environment in idle if environment.phase not in {Phase.SHUTDOWN, Phase.ENDED}]
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]


def _take(idle: list[ExecutionEnvironment] | None, version: FunctionVersion) -> ExecutionEnvironment | None:
    while idle:
        environment = idle.pop()
        if not version.runs_as(environment.version):
            environment.retire()
        elif environment.phase is Phase.IDLE or environment.has_room:
            if environment.runs_several:
                idle.append(environment)
            return environment
    return None


def _idle_since(environment: ExecutionEnvironment) -> float:
    return environment.idle_since


def _held_bytes(environment: ExecutionEnvironment) -> int:
    return environment.peak_memory_bytes or _UNCOUNTED_BYTES


def _worth(environment: ExecutionEnvironment) -> float:
    """Seconds of INIT that are likely to be saved, by the byte, above the level at which it was used last."""
    return environment.standing + environment.use_count * environment.init_seconds / _held_bytes(environment)


def pool_key(version: FunctionVersion) -> PoolKey:
    """As the records of versions are keyed: account, region, name, version."""
    return version.scope.account_id, version.scope.region, version.name, version.version
