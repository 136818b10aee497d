"""What metrics were told, a minute at a time, until it is taken and kept."""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from alonzo.model.scope import Scope
from alonzo.observe.metrics.distribution import Distribution

MINUTE_SECONDS = 60
LAMBDA_NAMESPACE = "AWS/Lambda"
NO_UNIT = "None"
_SETS_MAX = 20_000
"""Of one minute's: what a flood of new dimensions brings beyond that is counted and dropped."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


class MetricSet(msgspec.Struct, frozen=True):
    """The metrics of a namespace that have the same dimensions: what is kept together."""

    scope: Scope
    namespace: str
    dimensions: Dimensions

    def digest(self) -> str:
        """Names it in the store."""
        return hashlib.blake2b(msgspec.json.encode([self.namespace, self.dimensions]), digest_size=12).hexdigest()


class Point(msgspec.Struct, array_like=True, gc=False):
    """One metric in one minute."""

    unit: str
    values: Distribution


class MinutePoints(msgspec.Struct, array_like=True, gc=False):
    """The metrics of one set in one minute. `minute`: seconds since the epoch."""

    minute: int
    points: dict[str, Point]


class MetricRecorder:
    """One a node; in memory."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[MetricSet, int], MinutePoints] = {}
        self.dropped_count = 0
        """How many values had no room since this was asked last."""

    def point(self, of: MetricSet, name: str, *, unit: str, unix_seconds: float) -> Distribution:
        """What to add values to."""
        minute = int(unix_seconds) // MINUTE_SECONDS * MINUTE_SECONDS
        key = (of, minute)
        points = self._minutes.get(key)
        if points is None:
            points = MinutePoints(minute, {})
            if len(self._minutes) < _SETS_MAX:
                self._minutes[key] = points
            else:
                self.dropped_count += 1
        point = points.points.get(name)
        if point is None:
            point = points.points[name] = Point(unit, Distribution())
        return point.values

    def take(self) -> Mapping[tuple[MetricSet, int], MinutePoints]:
        """Everything since it was taken last."""
        taken, self._minutes = self._minutes, {}
        return taken

    def put_back(self, of: MetricSet, points: MinutePoints) -> None:
        """What was taken and could not be kept."""
        for name, point in points.points.items():
            self.point(of, name, unit=point.unit, unix_seconds=points.minute).merge(point.values)

    def pending(self, of: MetricSet) -> Iterator[MinutePoints]:
        """What has not been taken yet of a set."""
        return iter([points for (each, _), points in self._minutes.items() if each == of])
