"""How many invocations of one function compute at once while the processors are short of time: a few for each, and the others wait.

Two hundred that compute, begun at once, are answered no sooner than if they had begun a few at a time. But they take two hundred
environments, which cost more than they give, and whoever invokes another function finds processors and event loop full of them: its p99
is five to twelve times what it is alone, instead of two to three times.

An invocation that waits here has its place already, and counts as running: limits and throttling are what they are. It does not wait for
those that wait themselves, for a database or for a time that they have been told: who has not run for a moment lets the next one begin.
While the processors have time to spare, as many begin as come: the number doubles every few milliseconds until they have none, and stays
while so many run, so that who waits most of its time is held up in its first moments only.

No invocation of a function of which few run is held up, or looked at.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from alonzo.clock import Clock
from alonzo.model.function import FunctionVersion
from alonzo.model.names import FunctionKey

_COUNT_OF_A_PROCESSOR = 2
_WARM_FACTOR = 16
"""So many times as many may begin at first where environments are idle: of those who wait soon, nobody would notice them at all."""
_COUNT_MAX = 1 << 16
_LOOK_SECONDS = 0.002
_RUN_LOOK_SECONDS = 0.005
_STILL_SECONDS = 0.01
"""For so long somebody must not have run to count as waiting for something else than a processor: a pause that it makes is shorter."""
_LONG_NANOSECONDS = 3_000_000
"""Of a processor: who still runs when it has had so much since it was seen first does not just come and go."""
_UNMADE_SECONDS = 0.1
"""The same of an environment that is still made or initialized: several processes work at that, one after the other."""
_LOOKED_AT_MAX = 16
"""Of a function at once: 15 µs each."""
_BEGUN_AT_ONCE = 8
_WEIGHING_FACTOR = 4
"""With those that wait so many times as many may weigh as begin at first: a few that run for many shall give way, but not be a crowd that
asks for long slices (`ProcessorShare`)."""
_REMEMBERED_MIN = 64


class Watched(Protocol):
    """An environment, as this file needs it. `init_seconds`: 0 until it is initialized."""

    init_seconds: float

    def read_processor_time(self) -> int: ...

    def wants_processor(self) -> bool: ...


class Run:
    """One invocation's. `turn`: what to wait for before it begins, None: nothing. `environment`: whose processor time tells of it."""

    __slots__ = ("_looked_at", "_processor_time", "_seen_first", "computes_for_long", "environment", "lane", "turn", "was_there")

    def __init__(self, lane: "_Lane") -> None:
        self.lane = lane
        self.turn: asyncio.Future[None] | None = None
        self.environment: Watched | None = None
        self.computes_for_long = False
        """As far as the last look could tell."""
        self.was_there = False
        """When somebody looked last."""
        self._seen_first: int | None = None
        self._looked_at: float | None = None
        self._processor_time = 0

    @property
    def running_count(self) -> int:
        """How many invocations of its function have begun and not ended, with it, and some of those that wait: they weigh, too."""
        lane = self.lane
        return max(lane.begun_count, min(lane.begun_count + len(lane.waiting), lane.weighing_max))

    def is_still(self, now: float) -> bool:
        """Whether it has not run for a while, and does not want to."""
        environment = self.environment
        processor_time = 0 if environment is None else environment.read_processor_time()
        if self._seen_first is None and environment is not None and environment.init_seconds:
            self._seen_first = processor_time
        has_run = processor_time != self._processor_time
        self.computes_for_long = has_run and self._seen_first is not None and processor_time - self._seen_first >= _LONG_NANOSECONDS
        if self._looked_at is None or processor_time != self._processor_time:
            self._looked_at, self._processor_time = now, processor_time
            return False
        if environment is None or not environment.init_seconds:
            return now - self._looked_at >= _UNMADE_SECONDS
        return now - self._looked_at >= _STILL_SECONDS and not environment.wants_processor()


class _Lane:
    """A function's."""

    __slots__ = ("_looked_at", "begun_count", "computes_for_long", "computing", "limit", "waiting", "warm_limit", "weighing_max")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.warm_limit = limit * _WARM_FACTOR
        self.weighing_max = limit * _WEIGHING_FACTOR
        self.begun_count = 0
        self.computes_for_long = False
        """Whether those that compute do not just come and go, as far as the last look could tell."""
        self._looked_at = 0.0
        self.computing: dict[Run, None] = {}
        """Those that have begun and, as far as is known, want a processor: in order."""
        self.waiting: deque[Run] = deque()

    def let_go_of_still(self, now: float) -> None:
        """Not every time, nor of those that come and go between two looks: it costs more for each that computes than all the rest."""
        oldest = list(islice(self.computing, _LOOKED_AT_MAX))
        if now >= self._looked_at + _RUN_LOOK_SECONDS:
            self._looked_at = now
            self.computes_for_long = False
            for run in oldest:
                if run.was_there and run.is_still(now):
                    del self.computing[run]
                self.computes_for_long |= run.computes_for_long
        for run in oldest:
            run.was_there = True

    @property
    def is_unused(self) -> bool:
        return not self.begun_count and not self.waiting

    @property
    def is_wanted(self) -> bool:
        """Whether more may soon want to begin than may."""
        return bool(self.waiting) or 2 * len(self.computing) > self.limit


class ProcessorRoom:
    """One a node. `is_full`: whether the processors are short of time now; asked every `look_seconds` while somebody waits, or many run.

    `has_idle`: whether an environment of a version is idle. `pace`: called again and again while many compute for long and they are short.
    """

    def __init__(
        self,
        *,
        processor_count: int,
        is_full: Callable[[], bool],
        has_idle: Callable[[FunctionVersion], bool],
        pace: Callable[[], None],
        clock: Clock,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        self._look_seconds = look_seconds
        self._count_min = _COUNT_OF_A_PROCESSOR * max(processor_count, 1)
        self._is_full = is_full
        self._has_idle = has_idle
        self._pace = pace
        self._clock = clock
        self._lanes: dict[FunctionKey, _Lane] = {}
        self._forgetting_at = _REMEMBERED_MIN
        self._watched: dict[_Lane, None] = {}
        """Those in which somebody waits, or of which more compute than may when processors are short of time."""
        self._is_looking = False
        self._was_full = True

    def enter(self, version: FunctionVersion) -> Run:
        """An invocation wants to begin: when its `turn` has come. `leave` follows, whatever becomes of it."""
        key = (version.scope.account_id, version.scope.region, version.name)  # of several versions, too
        lane = self._lanes.get(key) or self._remember(key)
        run = Run(lane)
        is_alone = version.capacity_provider is None  # of those that share an environment it cannot be told who computes
        count = len(lane.computing)
        if is_alone and (lane.waiting or (count >= lane.limit and not (count < lane.warm_limit and self._has_idle(version)))):
            run.turn = asyncio.get_running_loop().create_future()
            lane.waiting.append(run)
            self._watch(lane)
            return run
        lane.computing[run] = None
        lane.begun_count += 1
        if is_alone and count >= self._count_min:
            self._watch(lane)
        return run

    def leave(self, run: Run) -> None:
        """It has ended, or shall not begin any more."""
        lane = run.lane
        if run.turn is not None and (run.turn.cancelled() or not run.turn.done()):
            run.turn.cancel()
            return
        lane.begun_count -= 1
        lane.computing.pop(run, None)
        if lane.waiting:
            self._let_begin(lane)

    def look(self) -> None:
        """See who computes, and let others begin. Happens by itself while somebody waits, or more run than a few."""
        now, was_full, is_full = self._clock.monotonic(), self._was_full, self._is_full()
        self._was_full = is_full
        computes_for_long = False
        for lane in list(self._watched):
            if is_full:
                lane.limit = max(lane.limit // 2, self._count_min)
                lane.warm_limit = max(lane.warm_limit // 2, self._count_min)
                lane.let_go_of_still(now)
                computes_for_long |= lane.computes_for_long
            elif not was_full and lane.is_wanted:  # they are idle for a moment whenever one waits for another: a look may find that
                lane.limit = min(2 * max(lane.limit, len(lane.computing)), _COUNT_MAX)
            self._let_begin(lane)
            if not lane.waiting and len(lane.computing) <= self._count_min:
                lane.limit, lane.warm_limit = self._count_min, self._count_min * _WARM_FACTOR
                del self._watched[lane]
        self._is_looking = bool(self._watched)
        if self._is_looking:
            asyncio.get_running_loop().call_later(self._look_seconds, self.look)
        if computes_for_long:
            self._pace()

    def _watch(self, lane: _Lane) -> None:
        self._watched[lane] = None
        if not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(self._look_seconds, self.look)

    def _let_begin(self, lane: _Lane) -> None:
        begun_count = 0
        while lane.waiting and len(lane.computing) < lane.limit:
            if begun_count == _BEGUN_AT_ONCE:  # the event loop is for others, too
                asyncio.get_running_loop().call_soon(self._let_begin, lane)
                return
            run = lane.waiting.popleft()
            if run.turn is None or run.turn.done():  # given up meanwhile
                continue
            lane.computing[run] = None
            lane.begun_count += 1
            begun_count += 1
            run.turn.set_result(None)

    def _remember(self, key: FunctionKey) -> _Lane:
        if len(self._lanes) >= self._forgetting_at:
            self._lanes = {known: lane for known, lane in self._lanes.items() if not lane.is_unused}
            self._forgetting_at = max(2 * len(self._lanes), _REMEMBERED_MIN)
        lane = self._lanes[key] = _Lane(self._count_min)
        return lane
