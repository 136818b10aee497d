"""Whether one more environment fits into the machine's memory: it shall never swap, and the kernel never choose whom to kill.

Memory that is promised to functions is not set aside, as most of them never use it: what an environment of a function is expected to take
is what earlier ones took. When it does not fit, idle environments make room; then invocations wait for others to end; then they are
refused.
"""

import asyncio
import logging
from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.invoke.errors import Throttled
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionKey
from alonzo.sandbox.memory import MachineMemory

_log = logging.getLogger(__name__)

_MIB = 1 << 20
_UNKNOWN_BYTES = 10 * _MIB
"""What is expected of a function when nothing is known of it, nor of others in the same runtime."""

_KEPT_FREE_SHARE, _KEPT_FREE_MIN_BYTES = 0.05, 128 * _MIB
_READ_AGAIN_SECONDS = 0.05
_LOOK_AGAIN_SECONDS = 0.1
_REFUSAL = "ConcurrentInvocationLimitExceeded"


class Share:
    """What an environment that was let in may still take of the memory that the machine says is available."""

    __slots__ = ("expected_bytes", "used_bytes")

    def __init__(self, expected_bytes: int) -> None:
        self.expected_bytes = expected_bytes
        self.used_bytes: Callable[[], int | None] = _nothing
        """How much it has taken by now, once it is there; None where that is not counted."""

    def outstanding_bytes(self) -> int:
        """No less than 0."""
        return max(0, self.expected_bytes - (self.used_bytes() or 0))


class MemoryRoom:
    """One a node. `evict` ends idle environments, the least worth first, until so many bytes are free, and returns how many it ended."""

    def __init__(self, *, read: Callable[[], MachineMemory], evict: Callable[[int], int], wait_seconds: float, clock: Clock) -> None:
        self._read = read
        self._evict = evict
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._expected: dict[FunctionKey, int] = {}
        self._usual: dict[str | None, int] = {}
        """By runtime: what an environment of any function takes, more or less."""
        self._shares: set[Share] = set()
        self._shares_bytes = 0
        self._memory: MachineMemory | None = None
        self._read_at = 0.0
        self._has_warned = False

    def learn(self, version: FunctionVersion, used_bytes: int) -> None:
        """An environment of the function has used so much at most."""
        key = _key(version)
        known = self._expected.get(key, 0)
        self._expected[key] = max(used_bytes, (known * 7 + used_bytes) // 8)  # rises at once, falls slowly
        usual = self._usual.get(version.runtime, used_bytes)
        self._usual[version.runtime] = (usual * 7 + used_bytes) // 8

    def forget(self, account_id: str, region: str, name: str) -> None:
        """The function, or one of its versions, is gone."""
        self._expected.pop((account_id, region, name), None)

    def expected_bytes(self, version: FunctionVersion) -> int:
        """What one more environment is expected to take: no more than it may."""
        expected = self._expected.get(_key(version)) or self._usual.get(version.runtime, _UNKNOWN_BYTES)
        return min(expected, version.memory_mib * _MIB)

    async def take(self, version: FunctionVersion) -> Share:
        """Let one more environment in, at once or after a while; `give_back` its share once it has grown or ended.

        Raises Throttled when it still does not fit then.
        """
        wanted = self.expected_bytes(version)
        if self._fits(wanted):
            return self._let_in(wanted)
        given_up_at = self._clock.monotonic() + self._wait_seconds
        while not self._fits(wanted):
            ended = self._evict(wanted)
            if not ended and self._clock.monotonic() >= given_up_at:
                self._warn()
                raise Throttled(_REFUSAL)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            self._memory = None
        return self._let_in(wanted)

    def give_back(self, share: Share) -> None:
        """What the machine says of its memory contains the environment by now. May be called again."""
        if share in self._shares:
            self._shares.remove(share)
            self._shares_bytes -= share.expected_bytes

    def _fits(self, wanted: int) -> bool:
        now = self._clock.monotonic()
        if self._memory is None or now - self._read_at >= _READ_AGAIN_SECONDS:
            self._memory, self._read_at = self._read(), now
        kept_free = max(int(self._memory.total * _KEPT_FREE_SHARE), _KEPT_FREE_MIN_BYTES)
        free = self._memory.available - wanted - kept_free
        # The first sum is always known, and never too small; the second one asks for every environment.
        return free >= self._shares_bytes or free >= sum(share.outstanding_bytes() for share in self._shares)

    def _let_in(self, wanted: int) -> Share:
        share = Share(wanted)
        self._shares.add(share)
        self._shares_bytes += wanted
        return share

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning("memory is full: invocations that need a new environment are refused until others end")


def _nothing() -> int | None:
    return None


def _key(version: FunctionVersion) -> FunctionKey:
    return version.scope.account_id, version.scope.region, version.name
