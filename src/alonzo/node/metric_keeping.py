"""Keeps metrics, a minute at a time, and reads them: of all nodes that share the store, and what they have not written yet."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from alonzo.clock import Clock
from alonzo.model.scope import Scope
from alonzo.node.cluster import Cluster
from alonzo.observe.metrics.distribution import Distribution
from alonzo.observe.metrics.recorder import MINUTE_SECONDS, MetricRecorder, MetricSet, MinutePoints
from alonzo.observe.metrics.sources import KnownMetrics
from alonzo.store.errors import StoreError
from alonzo.store.metric_stream import KEPT_SECONDS, MetricStore
from alonzo.store.record_archive import RecordArchive
from alonzo.store.record_index import Key

_AFTER_MINUTE_SECONDS = 1.0
_RENEW_SECONDS = 3_600
_KNOWN_MAX = 50_000
"""How many sets of metrics are kept: a flood of dimensions shall fill neither the disk nor what lists them."""
_LATELY_SECONDS = 3 * MINUTE_SECONDS
"""For so long after its last value a set is remembered: nobody need be asked whether it is known."""
_TOPIC = "metric-points"

_log = logging.getLogger(__name__)


class _Lately(msgspec.Struct):
    """A set that had values lately: what is known of it, and when that was asked last."""

    known: KnownMetrics
    asked_at: float


class MetricKeeper:
    """One a node. `gather` has everybody tell the recorder what it does not know yet; `export` is given what is kept."""

    def __init__(
        self,
        *,
        recorder: MetricRecorder,
        store: MetricStore,
        known: RecordArchive[KnownMetrics],
        gather: Callable[[], None],
        export: Callable[[Mapping[tuple[MetricSet, int], MinutePoints]], None] | None,
        cluster: Cluster | None,
        clock: Clock,
    ) -> None:
        self._recorder = recorder
        self._store = store
        self._known = known
        self._gather = gather
        self._export = export
        self._cluster = cluster
        self._clock = clock
        self._writing = asyncio.Lock()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(MinutePoints)
        self._lately: dict[MetricSet, _Lately] = {}
        self._known_count = 0
        self._tidied_at = float("-inf")
        if cluster is not None:
            cluster.peers.answer(_TOPIC, self._on_asked)

    async def run(self) -> None:
        """Component: write each minute, and at the end."""
        try:
            while True:
                now = self._clock.unix_ms() / 1_000
                await asyncio.sleep(MINUTE_SECONDS - now % MINUTE_SECONDS + _AFTER_MINUTE_SECONDS)
                await self._try_to_write()
        finally:
            await self._try_to_write()

    async def write(self) -> None:
        """Write what has been counted. StoreError: then it is written the next time."""
        async with self._writing:
            self._gather()
            taken = dict(self._recorder.take())
            kept: dict[tuple[MetricSet, int], MinutePoints] = {}
            try:
                for (of, minute), points in list(taken.items()):
                    if await self._is_kept(of, points):
                        await self._store.append(of.scope, of.digest(), self._encoder.encode(points))
                        kept[of, minute] = points
                    del taken[of, minute]
            finally:
                for (of, _), points in taken.items():
                    self._recorder.put_back(of, points)
                if self._export is not None:
                    self._export(kept)

    async def read(self, of: MetricSet, name: str, *, start: float, end: float) -> dict[int, Distribution]:
        """A metric's minutes from `start` until before `end`, in seconds since the epoch. StoreError."""
        found: dict[int, Distribution] = {}
        async for content in self._store.read(of.scope, of.digest(), since_unix_seconds=start):
            _collect(found, self._decoder.decode(content), name, start, end)
        self._gather()
        for points in self._recorder.pending(of):
            _collect(found, points, name, start, end)
        if self._cluster is not None:
            for answer in await self._cluster.collect(_TOPIC, self._encoder.encode(of)):
                for points in msgspec.msgpack.decode(answer, type=list[MinutePoints]):
                    _collect(found, points, name, start, end)
        return found

    async def list_known(self, scope: Scope) -> AsyncIterator[KnownMetrics]:
        """The sets that have had values in the last two weeks, in no order; one that has some now may come twice. StoreError."""
        await self.write()
        async for _, known in self._known.iter_prefix((scope.account_id, scope.region)):
            yield known

    async def find_known(self, of: MetricSet) -> KnownMetrics | None:
        """One of them. StoreError."""
        await self.write()
        return await self._known.find(_key(of))

    async def _on_asked(self, question: bytes) -> bytes:
        self._gather()
        return self._encoder.encode(list(self._recorder.pending(msgspec.msgpack.decode(question, type=MetricSet))))

    async def _is_kept(self, of: MetricSet, points: MinutePoints) -> bool:
        """Have the set known, with its metrics."""
        units = {name: point.unit for name, point in points.points.items()}
        now = self._clock.monotonic()
        lately = self._lately.get(of)
        if lately is not None and _covers(lately.known, points.minute, units):
            lately.asked_at = now
            return True
        key = _key(of)
        known = await self._known.find(key)
        if known is None:
            if self._known_count >= _KNOWN_MAX:
                self._recorder.dropped_count += 1
                return False
            self._known_count += 1
        if known is None or not _covers(known, points.minute, units):
            seen = KnownMetrics(of=of, units=units, newest_minute=points.minute)
            known = await self._known.change(key, lambda stored: _merged(stored, seen))
        self._lately[of] = _Lately(known, now)
        return True

    async def _try_to_write(self) -> None:
        try:
            await self.write()
            await self._forget_old()
        except StoreError as error:
            _log.warning("metrics could not be written, and are written later: %s", error)
        if self._recorder.dropped_count:
            _log.warning("%d values of metrics were dropped: there are too many different dimensions", self._recorder.dropped_count)
            self._recorder.dropped_count = 0

    async def _forget_old(self) -> None:
        now = self._clock.monotonic()
        self._lately = {of: lately for of, lately in self._lately.items() if lately.asked_at > now - _LATELY_SECONDS}
        if now - self._tidied_at < _RENEW_SECONDS:
            return
        oldest = self._clock.unix_ms() / 1_000 - KEPT_SECONDS
        count = 0
        async for key, known in self._known.iter_prefix(()):
            if known.newest_minute < oldest:
                await self._known.delete(key)
            else:
                count += 1
        self._known_count = count
        self._tidied_at = now


def _covers(known: KnownMetrics, minute: int, units: dict[str, str]) -> bool:
    return minute < known.newest_minute + _RENEW_SECONDS and units.items() <= known.units.items()


def _merged(stored: KnownMetrics | None, seen: KnownMetrics) -> KnownMetrics:
    if stored is None:
        return seen
    return KnownMetrics(of=seen.of, units=stored.units | seen.units, newest_minute=max(stored.newest_minute, seen.newest_minute))


def _key(of: MetricSet) -> Key:
    return (of.scope.account_id, of.scope.region, of.digest())


def _collect(found: dict[int, Distribution], points: MinutePoints, name: str, start: float, end: float) -> None:
    point = points.points.get(name)
    if point is not None and start <= points.minute < end:
        found.setdefault(points.minute, Distribution()).merge(point.values)
