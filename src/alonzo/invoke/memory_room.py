"""Whether one more environment fits into the machine's memory: it shall never swap, and the kernel never choose whom to kill.

Memory that is promised to functions is not set aside, as most of them never use it: what an environment of a function is expected to take
is what earlier ones took. When it does not fit, idle environments make room; then invocations wait for others to end; then they are
refused.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from alonzo.clock import Clock
from alonzo.invoke.errors import Throttled
from alonzo.model.function import FunctionVersion
from alonzo.sandbox.memory import MachineMemory

_log = logging.getLogger(__name__)

_MIB = 1 << 20
_UNKNOWN_BYTES = 10 * _MIB
"""What is expected of a function of which nothing is known."""

_KEPT_FREE_SHARE, _KEPT_FREE_MIN_BYTES = 0.05, 128 * _MIB
_SETTLING_SECONDS = 1.0
"""So long after an environment was let in, what the machine says of its memory need not contain it yet."""
_READ_AGAIN_SECONDS = 0.05
_LOOK_AGAIN_SECONDS = 0.1
_REFUSAL = "ConcurrentInvocationLimitExceeded"


class MemoryRoom:
    """One a node. `evict` ends idle environments, the least worth first, until so many bytes are free, and returns how many it ended."""

    def __init__(self, *, read: Callable[[], MachineMemory], evict: Callable[[int], int], wait_seconds: float, clock: Clock) -> None:
        self._read = read
        self._evict = evict
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._expected: dict[tuple[str, str, str], int] = {}
        self._settling: deque[tuple[float, int]] = deque()
        self._settling_bytes = 0
        self._memory: MachineMemory | None = None
        self._read_at = 0.0
        self._has_warned = False

    def learn(self, version: FunctionVersion, used_bytes: int) -> None:
        """An environment of the function has used so much at most."""
        key = _key(version)
        known = self._expected.get(key, 0)
        self._expected[key] = max(used_bytes, (known * 7 + used_bytes) // 8)  # rises at once, falls slowly

    def forget(self, version: FunctionVersion) -> None:
        """The function is gone."""
        self._expected.pop(_key(version), None)

    def expected_bytes(self, version: FunctionVersion) -> int:
        """What one more environment is expected to take: no more than it may."""
        return min(self._expected.get(_key(version), _UNKNOWN_BYTES), version.memory_mib * _MIB)

    async def take(self, version: FunctionVersion) -> None:
        """Let one more environment in, at once or after a while. Raises Throttled when it still does not fit then."""
        wanted = self.expected_bytes(version)
        if self._fits(wanted):
            self._let_in(wanted)
            return
        given_up_at = self._clock.monotonic() + self._wait_seconds
        while not self._fits(wanted):
            ended = self._evict(wanted)
            if not ended and self._clock.monotonic() >= given_up_at:
                self._warn()
                raise Throttled(_REFUSAL)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            self._memory = None
        self._let_in(wanted)

    def _fits(self, wanted: int) -> bool:
        now = self._clock.monotonic()
        while self._settling and self._settling[0][0] <= now:
            self._settling_bytes -= self._settling.popleft()[1]
        if self._memory is None or now - self._read_at >= _READ_AGAIN_SECONDS:
            self._memory, self._read_at = self._read(), now
        kept_free = max(int(self._memory.total * _KEPT_FREE_SHARE), _KEPT_FREE_MIN_BYTES)
        return self._memory.available - self._settling_bytes - wanted >= kept_free

    def _let_in(self, wanted: int) -> None:
        self._settling.append((self._clock.monotonic() + _SETTLING_SECONDS, wanted))
        self._settling_bytes += wanted

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning("memory is full: invocations that need a new environment are refused until others end")


def _key(version: FunctionVersion) -> tuple[str, str, str]:
    return version.scope.account_id, version.scope.region, version.name
