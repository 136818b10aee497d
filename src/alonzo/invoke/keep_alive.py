"""How long idle environments stay: as long as they are likely to be wanted again, or a fixed time.

What is learned is learned of each function version by itself. A version's environments are taken most recently used first, so how long the
one on top was idle is how long nobody wanted as many as that; times of environments that have ended meanwhile are remembered for a while,
so that a cold start tells how long one would have had to be kept.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence, Set
from typing import Protocol

from alonzo.clock import Clock
from alonzo.invoke.idle_times import BIN_COUNT, BIN_SECONDS, IdleTimes
from alonzo.model.names import FunctionKey

PoolKey = tuple[str, str, str, str]

_REMEMBERED_VERSIONS_MAX = 10_000
"""About 700 bytes each. Those that have done nothing for longest are forgotten first."""

_REMEMBERED_ENDS_MAX = 64
_RANGE_SECONDS = BIN_SECONDS * BIN_COUNT


class KeepAlive(Protocol):
    """Decides when idle environments end."""

    def note_wanted(self, key: PoolKey, idle_since: float) -> None:
        """An idle environment was taken. `idle_since` in monotonic seconds."""
        ...

    def note_missed(self, key: PoolKey) -> None:
        """An environment was wanted and none was idle."""
        ...

    def note_ended(self, key: PoolKey, idle_since: float) -> None:
        """An idle environment was ended, because of its time or for its memory."""
        ...

    def count_expired(self, key: PoolKey, idle_since: Sequence[float]) -> int:
        """How many of a version's idle environments, longest idle first, are not worth keeping any longer."""
        ...

    def forget(self, functions: Set[FunctionKey]) -> None:
        """They are gone."""
        ...


class FixedKeepAlive:
    """The same time for all."""

    def __init__(self, *, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock

    def note_wanted(self, key: PoolKey, idle_since: float) -> None:
        """Of no interest."""

    def note_missed(self, key: PoolKey) -> None:
        """Of no interest."""

    def note_ended(self, key: PoolKey, idle_since: float) -> None:
        """Of no interest."""

    def count_expired(self, key: PoolKey, idle_since: Sequence[float]) -> int:
        """As the protocol says."""
        del key
        oldest_allowed = self._clock.monotonic() - self._seconds
        return sum(since < oldest_allowed for since in idle_since)

    def forget(self, functions: Set[FunctionKey]) -> None:
        """Nothing is known of them."""


class LearnedKeepAlive:
    """By what `IdleTimes` says of each version.

    As long as it says nothing, `default_seconds`. The last environment of a version is kept at least as long as that in any case: it makes
    the difference between a warm function and a cold one, the others only that of a burst.
    """

    def __init__(self, *, default_seconds: float, clock: Clock) -> None:
        self._default_seconds = default_seconds
        self._clock = clock
        self._versions: OrderedDict[PoolKey, _Version] = OrderedDict()

    def note_wanted(self, key: PoolKey, idle_since: float) -> None:
        """As the protocol says."""
        version = self._versions.get(key) or self._remember(key)
        version.times.note(self._clock.monotonic() - idle_since)

    def note_missed(self, key: PoolKey) -> None:
        """As the protocol says."""
        version = self._versions.get(key) or self._remember(key)
        self._versions.move_to_end(key)
        if version.ended:
            version.times.note(self._clock.monotonic() - version.ended.pop())

    def note_ended(self, key: PoolKey, idle_since: float) -> None:
        """As the protocol says."""
        ended = (self._versions.get(key) or self._remember(key)).ended
        ended.append(idle_since)
        while len(ended) > _REMEMBERED_ENDS_MAX or ended[0] < self._clock.monotonic() - 2 * _RANGE_SECONDS:
            ended.popleft()
            if not ended:
                break

    def count_expired(self, key: PoolKey, idle_since: Sequence[float]) -> int:
        """As the protocol says."""
        version = self._versions.get(key)
        learned_seconds = None if version is None else version.times.keep_alive_seconds()
        seconds = self._default_seconds if learned_seconds is None else learned_seconds
        now = self._clock.monotonic()
        count = sum(since < now - seconds for since in idle_since)
        if count and count == len(idle_since) and max(idle_since) >= now - max(seconds, self._default_seconds):
            return count - 1
        return count

    def forget(self, functions: Set[FunctionKey]) -> None:
        """As the protocol says."""
        for key in [key for key in self._versions if key[:3] in functions]:
            del self._versions[key]

    def _remember(self, key: PoolKey) -> "_Version":
        while len(self._versions) >= _REMEMBERED_VERSIONS_MAX:
            self._versions.popitem(last=False)
        version = self._versions[key] = _Version()
        return version


class _Version:
    __slots__ = ("ended", "times")

    def __init__(self) -> None:
        self.times = IdleTimes()
        self.ended: deque[float] = deque()
